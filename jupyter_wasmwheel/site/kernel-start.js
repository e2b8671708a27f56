// kernel-start.mjs for a kernel whose worker cannot import modules (jupyterlite-pyodide-kernel 0.7).

self.loadPyodide = async ({ wasmwheel, ...options }) => {
  const entry = new URL(wasmwheel.pyodide, options.indexURL);
  importScripts(entry.href); // which puts Pyodide's own loadPyodide in the place of this one
  const pyodide = await self.loadPyodide({ ...options, indexURL: new URL(".", entry).href });
  const policy = await fetch(new URL("http_policy.py", options.indexURL));
  const code = `${await policy.text()}\n\napply(${JSON.stringify(wasmwheel.http)})`;
  pyodide.runPython(code, { globals: pyodide.toPy({}) });
  return pyodide;
};
