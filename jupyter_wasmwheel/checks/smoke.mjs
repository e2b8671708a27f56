// node smoke.mjs REQUEST: load packages into a Pyodide, then import modules or run code.
//
// What happens is told as JSON lines on stdout, an object of one key each: {"started": true},
// {"note": TEXT}, {"out": TEXT} for a line that Python prints, and last {"done": true} or {"failed":
// {module, type, text}}, where `module` is null if it was the code that failed.

import fs from "node:fs";
import v8 from "node:v8";
import { resume, start } from "../runtime/start.mjs";

const request = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const say = (event) => fs.writeSync(1, JSON.stringify(event) + "\n");
const options = {
  lockFileURL: request.lock,
  stdout: (text) => say({ out: text }),
  stderr: (text) => say({ out: text }),
};

// An import runs once, so that no function of the runtime is worth V8's optimising compiler; it
// would take a third of the time. A V8 that does not know the flag ignores it.
if (request.code === null) {
  v8.setFlagsFromString("--liftoff-only");
}

async function startSomehow() {
  if (request.memory) {
    try {
      return await resume(request.runtime, fs.readFileSync(request.memory), options);
    } catch (error) {
      say({ note: `The memory snapshot cannot be used, so Pyodide starts plainly: ${error}` });
    }
  }
  return await start(request.runtime, options);
}

let module = null;

function fail(error) {
  say({ failed: { module, type: error.type ?? error.name, text: `${error.message}` } });
  process.exit(0);
}

// A trap in native code ends Pyodide from within its event loop, where no `catch` of ours is.
process.on("uncaughtException", fail);

const pyodide = await startSomehow();
say({ started: true });
await pyodide.loadPackage(request.packages, {
  messageCallback: () => {},
  errorCallback: (text) => say({ note: text }),
});
try {
  for (module of request.imports) {
    await pyodide.runPythonAsync(
      `__import__("importlib").import_module(${JSON.stringify(module)})`,
    );
  }
  module = null;
  if (request.code !== null) {
    await pyodide.runPythonAsync(request.code);
  }
} catch (error) {
  fail(error);
}
say({ done: true });
process.exit(0);
