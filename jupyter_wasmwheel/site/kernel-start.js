// A kernel-start.mjs for workers that cannot import modules (jupyterlite-pyodide-kernel 0.7).

self.loadPyodide = async ({ wasmwheel, ...options }) => {
  const entry = new URL(wasmwheel.pyodide, options.indexURL);
  const site = new URL("../../", options.indexURL).href;
  const texts = [
    fetch(new URL("http_policy.py", options.indexURL)),
    fetch(new URL("proxy/hosts.json", site), { cache: "no-store" }),
    fetch(new URL("package_finder.py", options.indexURL))
  ].map(async (response) => (await response).text());
  importScripts(entry.href); // replaces this loadPyodide with Pyodide's
  const pyodide = await self.loadPyodide({ ...options, indexURL: new URL(".", entry).href });
  const [policy, proxy, finder] = await Promise.all(texts);
  const globals = pyodide.runPython("{'__name__': 'http_policy'}");
  pyodide.runPython(policy, { globals, filename: "<http_policy.py>" });
  globals.get("apply")(wasmwheel.http, site, proxy);
  pyodide.runPython(finder, { globals, filename: "<package_finder.py>" });
  globals.get("add_package_finder")(options.indexURL);
  return pyodide;
};
