// Start a Pyodide in Node.js, from a memory snapshot where there is one.

import fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// Emscripten's NODEFS asks for this when it starts, and Node's permission model refuses it.
process.binding = () => ({ fs: fs.constants });

// What a browser does not have either, so that a package sees what it would see there.
const NODES_OWN = new Set(["Buffer", "global", "globalThis", "process", "require"]);

/**
 * What Python's `import js` gives. A snapshot holds paths into it, so it is the same whenever
 * Pyodide is started; the values are asked for late because Node loads some of them late.
 */
function browserLikeGlobals() {
  const globals = {};
  globals.globalThis = globals;
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!NODES_OWN.has(name)) {
      Object.defineProperty(globals, name, { enumerable: true, get: () => globalThis[name] });
    }
  }
  return globals;
}

/** Start the Pyodide of a folder; `options` are those of loadPyodide. */
export async function start(folder, options) {
  const main = await import(pathToFileURL(join(folder, "pyodide.mjs")).href);
  return await main.loadPyodide({ jsglobals: browserLikeGlobals(), ...options });
}

/** Start it with the memory of a snapshot. Its random state is made new; its hash seed is not. */
export async function resume(folder, memory, options) {
  const pyodide = await start(folder, { ...options, _loadSnapshot: new Uint8Array(memory) });
  pyodide.runPython("import random; random.seed()");
  return pyodide;
}
