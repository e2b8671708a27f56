// node snapshot.mjs RUNTIME OUT: write what a runtime provides to side modules (provided.json), and
// its memory after the start (memory.bin), which is left out where it cannot be made or resumed.

import fs from "node:fs";
import { join } from "node:path";
import { resume, start } from "./start.mjs";

const [folder, out] = process.argv.slice(2);
const pyodide = await start(folder, { _makeSnapshot: true });

// A side module is linked against these names by Emscripten's `resolveGlobalSymbol`; the two bases
// are made for each module when it is loaded. A stub stands for a name that is not there.
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

// What Pyodide's loadPackage imports when it is first called; it takes half of the call's time.
pyodide.runPython("import email, encodings.cp437, importlib.metadata, tarfile");

try {
  const memory = pyodide.makeMemorySnapshot();
  await resume(folder, memory, {});
  fs.writeFileSync(join(out, "memory.bin"), memory);
} catch (error) {
  console.log(`${error}`);
}
process.exit(0);
