// node smoke.mjs REQUEST: load packages into a Pyodide, then import modules and run code.
//
// What happens is told as JSON lines on stdout, an object of one key each: {"started": true},
// {"note": TEXT}, {"out": TEXT} for a line that Python prints, and last {"done": true} or {"failed":
// {module, type, text}}, where `module` is null if it was the code that failed.

import fs from "node:fs";
import { resume, start } from "../runtime/start.mjs";

const request = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const say = (event) => fs.writeSync(1, JSON.stringify(event) + "\n");
const options = {
  lockFileURL: request.lock,
  stdout: (text) => say({ out: text }),
  stderr: (text) => say({ out: text }),
};

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

async function attempt(module, code) {
  try {
    await pyodide.runPythonAsync(code);
  } catch (error) {
    say({ failed: { module, type: error.type ?? error.name, text: error.message } });
    process.exit(0);
  }
}

const pyodide = await startSomehow();
say({ started: true });
await pyodide.loadPackage(request.packages, {
  messageCallback: () => {},
  errorCallback: (text) => say({ note: text }),
});
for (const name of request.imports) {
  await attempt(name, `__import__("importlib").import_module(${JSON.stringify(name)})`);
}
if (request.code !== null) {
  await attempt(null, request.code);
}
say({ done: true });
process.exit(0);
