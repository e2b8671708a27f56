// node tests.mjs REQUEST: load packages into a Pyodide, then run a project's tests there.
//
// Its events are those of load.mjs and tests_plugin.py, and last {"done": true}, or {"failed": TEXT}
// if the runtime itself ended.

import fs from "node:fs";
import Module from "node:module";
import { load, request, send } from "./load.mjs";

let pyodide = null;

// For a listening socket, Emscripten loads `ws` in Node.js; in a browser it raises this error.
const originalLoad = Module._load;
const sockets = {
  Server: class {
    constructor() {
      const EOPNOTSUPP = 138;
      throw new pyodide.FS.ErrnoError(EOPNOTSUPP);
    }
  },
};
Module._load = (name, ...more) => (name === "ws" ? sockets : originalLoad(name, ...more));

function fail(error) {
  send({ failed: `${error.type ?? error.name}: ${error.message}` });
  process.exit(0);
}

// A trap in native code ends Pyodide from within its event loop, past the `catch` below.
process.on("uncaughtException", fail);

pyodide = await load();
try {
  // Pyodide does not accept a Buffer here, because start.mjs hides that global.
  const tree = new Uint8Array(fs.readFileSync(request.tree));
  pyodide.unpackArchive(tree, "zip", { extractDir: request.folder });
  const plugin = pyodide.toPy({ __name__: "tests_plugin" });
  pyodide.runPython(request.plugin, { globals: plugin, filename: "tests_plugin.py" });
  const sendLine = (text) => fs.writeSync(1, text + "\n");
  plugin.get("run")(sendLine, request.folder, JSON.stringify(request.arguments), JSON.stringify(request.over));
} catch (error) {
  fail(error);
}
send({ done: true });
process.exit(0);
