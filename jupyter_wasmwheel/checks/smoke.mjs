// node smoke.mjs REQUEST: load packages into a Pyodide, then import modules or run code.
//
// The last event is {"done": true} or {"failed": {step, type, text}}, where `step` is null if the
// code failed; others are {"passed": NAME} or {"remark": TEXT} for each step, and those of load.mjs.

import v8 from "node:v8";
import { load, request, send } from "./load.mjs";

// For a single import, V8's optimizing compiler would take a third of the time. A V8 that does not
// support the flag ignores it.
if (request.code === null) {
  v8.setFlagsFromString("--liftoff-only");
}

let step = null;

function fail(error) {
  send({ failed: { step, type: error.type ?? error.name, text: `${error.message}` } });
  process.exit(0);
}

// A trap in native code ends Pyodide from within its event loop, past the `catch` below.
process.on("uncaughtException", fail);

const pyodide = await load();
try {
  const globals = pyodide.toPy({ __name__: "module_importer" });
  pyodide.runPython(request.importer, { globals, filename: "module_importer.py" });
  for (step of request.steps) {
    globals.set("step", pyodide.toPy(step));
    const remark = await pyodide.runPythonAsync(
      "globals()[step['kind']](step['name'], step['member'])",
      { globals },
    );
    send(remark ? { remark } : { passed: step.name });
  }
  step = null;
  if (request.code !== null) {
    await pyodide.runPythonAsync(request.code);
  }
  pyodide.runPython("import sys; sys.stdout.flush(); sys.stderr.flush()");
} catch (error) {
  fail(error);
}
send({ done: true });
process.exit(0);
