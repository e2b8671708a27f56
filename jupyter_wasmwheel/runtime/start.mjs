// Start a Pyodide in Node.js, from a memory snapshot if there is one.

import fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// Emscripten's NODEFS calls this when it starts, and Node.js's permission model denies it.
process.binding = () => ({ fs: fs.constants });

// Node.js's own globals, which are hidden because a browser does not have them.
const NODES_OWN = new Set(["Buffer", "global", "globalThis", "process", "require"]);

/**
 * Return the object of Python's `import js`. A snapshot contains paths into it, so it must be the
 * same at each start. The properties are getters because Node.js loads some values late.
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

/** Start it with the memory of a snapshot; seed `random` again (the hash seed stays). */
export async function resume(folder, memory, options) {
  const pyodide = await start(folder, { ...options, _loadSnapshot: new Uint8Array(memory) });
  pyodide.runPython("import random; random.seed()");
  return pyodide;
}
