// node tests.mjs REQUEST: load packages into a Pyodide, then run a project's tests there.
//
// Besides what load.mjs tells, there are the events of tests_plugin.py, and last {"done": true}, or
// {"failed": TEXT} where the runtime itself came to its end.

import fs from "node:fs";
import Module from "node:module";
import { load, request, say } from "./load.mjs";

let pyodide = null;

// For a socket that listens, Emscripten asks Node.js for this package; in a browser it refuses.
const itsLoad = Module._load;
const sockets = {
  Server: class {
    constructor() {
      const EOPNOTSUPP = 138;
      throw new pyodide.FS.ErrnoError(EOPNOTSUPP);
    }
  },
};
Module._load = (name, ...more) => (name === "ws" ? sockets : itsLoad(name, ...more));

function fail(error) {
  say({ failed: `${error.type ?? error.name}: ${error.message}` });
  process.exit(0);
}

// A trap in native code ends Pyodide from within its event loop, where no `catch` of ours is.
process.on("uncaughtException", fail);

pyodide = await load();
try {
  // Pyodide knows no Buffer here, which is a Node.js file's own kind of array.
  const tree = new Uint8Array(fs.readFileSync(request.tree));
  pyodide.unpackArchive(tree, "zip", { extractDir: request.folder });
  const plugin = pyodide.toPy({ __name__: "tests_plugin" });
  pyodide.runPython(request.plugin, { globals: plugin, filename: "tests_plugin.py" });
  const tell = (text) => fs.writeSync(1, text + "\n");
  plugin.get("run")(tell, request.folder, JSON.stringify(request.arguments), JSON.stringify(request.over));
} catch (error) {
  fail(error);
}
say({ done: true });
process.exit(0);
