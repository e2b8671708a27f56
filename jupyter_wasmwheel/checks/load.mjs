// What the scripts of the checks share: a Pyodide with packages in it, and how to tell what happens.
//
// It is told as JSON lines on stdout, an object of one key each: {"started": true}, {"note": TEXT},
// {"out": TEXT} for a line that Python prints; the scripts add theirs.

import fs from "node:fs";
import { resume, start } from "../runtime/start.mjs";

/** Tell something. */
export const say = (event) => fs.writeSync(1, JSON.stringify(event) + "\n");

/** What the command line of a script asks for, in the file that it names. */
export const request = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));

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

/** Start the Pyodide that was asked for, and load its packages. */
export async function load() {
  const pyodide = await startSomehow();
  say({ started: true });
  await pyodide.loadPackage(request.packages, {
    messageCallback: () => {},
    errorCallback: (text) => say({ note: text }),
  });
  return pyodide;
}
