// What a kernel of a site starts with, in the place of Pyodide's own module: it starts that, and
// then does what has to be done before the first cell.
//
// The kernel passes on `loadPyodideOptions` of its settings; `wasmwheel` in them is for us:
// `pyodide` is the address of Pyodide's own module, `http` the name of a policy (http_policy.py).

export async function loadPyodide({ wasmwheel, ...options }) {
  const entry = new URL(wasmwheel.pyodide, options.indexURL);
  const site = new URL("../../", options.indexURL).href;
  const texts = [
    fetch(new URL("http_policy.py", options.indexURL)),
    fetch(new URL("proxy/hosts.json", site), { cache: "no-store" })
  ].map(async (answer) => (await answer).text());
  const { loadPyodide } = await import(entry.href);
  const pyodide = await loadPyodide({ ...options, indexURL: new URL(".", entry).href });
  const [policy, proxy] = await Promise.all(texts);
  const globals = pyodide.runPython("{'__name__': 'http_policy'}");
  pyodide.runPython(policy, { globals, filename: "<http_policy.py>" });
  globals.get("apply")(wasmwheel.http, site, proxy);
  return pyodide;
}
