// node snapshot.mjs RUNTIME OUT: write what a runtime provides to side modules (provided.json), and
// its memory after the start (memory.bin) if it can be made and resumed.

import fs from "node:fs";
import { join } from "node:path";
import { resume, start } from "./start.mjs";

const [folder, out] = process.argv.slice(2);
const pyodide = await start(folder, { _makeSnapshot: true });

// Emscripten's `resolveGlobalSymbol` links side modules against these names; the two bases are
// created for each module when it is loaded. Missing names are stubs.
const linker = pyodide._module;
const main = linker.LDSO.loadedLibsByName["__main__"].exports;
const symbols = Object.keys(main).filter((name) => linker.isSymbolDefined(name));
const suffixes = pyodide.runPython(
  "import importlib.machinery, json; json.dumps(importlib.machinery.EXTENSION_SUFFIXES)",
);
const provided = {
  symbols: [...new Set([...symbols, "__memory_base", "__table_base"])].sort(),
  extension_suffixes: JSON.parse(suffixes),
};
fs.writeFileSync(join(out, "provided.json"), JSON.stringify(provided));

// The imports of Pyodide's first loadPackage take half of the call's time.
pyodide.runPython("import email, encodings.cp437, importlib.metadata, tarfile");

try {
  const memory = pyodide.makeMemorySnapshot();
  await resume(folder, memory, {});
  fs.writeFileSync(join(out, "memory.bin"), memory);
} catch (error) {
  console.log(`${error}`);
}
process.exit(0);
