// node smoke.mjs REQUEST: load packages into a Pyodide, then import modules or run code.
//
// Besides what load.mjs tells, the last event is {"done": true} or {"failed": {module, type, text}},
// where `module` is null if it was the code that failed.

import v8 from "node:v8";
import { load, request, say } from "./load.mjs";

// An import runs once, so that no function of the runtime is worth V8's optimising compiler; it
// would take a third of the time. A V8 that does not know the flag ignores it.
if (request.code === null) {
  v8.setFlagsFromString("--liftoff-only");
}

let module = null;

function fail(error) {
  say({ failed: { module, type: error.type ?? error.name, text: `${error.message}` } });
  process.exit(0);
}

// A trap in native code ends Pyodide from within its event loop, where no `catch` of ours is.
process.on("uncaughtException", fail);

const pyodide = await load();
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
