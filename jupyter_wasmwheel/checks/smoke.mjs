// node smoke.mjs REQUEST: load packages into a Pyodide, then import modules or run code.
//
// The last event is {"done": true} or {"failed": {module, type, text}}, where `module` is null if the
// code failed; others are those of load.mjs.

import v8 from "node:v8";
import { load, request, send } from "./load.mjs";

// For a single import, V8's optimizing compiler would take a third of the time. A V8 that does not
// support the flag ignores it.
if (request.code === null) {
  v8.setFlagsFromString("--liftoff-only");
}

let module = null;

function fail(error) {
  send({ failed: { module, type: error.type ?? error.name, text: `${error.message}` } });
  process.exit(0);
}

// A trap in native code ends Pyodide from within its event loop, past the `catch` below.
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
send({ done: true });
process.exit(0);
