// The module that a kernel of a site loads instead of Pyodide's: it starts Pyodide, and prepares it
// for the first cell.
//
// The kernel passes on `loadPyodideOptions` of its settings. In them, `wasmwheel.pyodide` is the
// address of Pyodide's own module, and `wasmwheel.http` the name of a policy (http_policy.py).

const base = new URL(".", import.meta.url);
const site = new URL("../../", base).href;

// The start that preload-*.js began before the kernel's; a kernel starts once.
let preloaded;

export async function preload(plugin) {
  preloaded = (async () => {
    const settings = await json(new URL("jupyter-lite.json", site));
    const { litePluginSettings } = settings["jupyter-config-data"];
    return await start(litePluginSettings[plugin].loadPyodideOptions);
  })();
  preloaded.catch(() => {}); // loadPyodide reports it
}

export async function loadPyodide({ stdout, stderr, ...options }) {
  const starting = preloaded ?? start(options);
  starting.catch((error) => console.error(`The kernel cannot start. ${error}`));
  const { pyodide, output } = await starting;
  preloaded = undefined;
  Object.assign(output, { stdout, stderr });
  return pyodide;
}

async function start({ wasmwheel, packages, ...options }) {
  const lock = json(new URL("pyodide-lock.json", base), { cache: "no-cache" });
  const packed = kernelFiles(lock).catch((error) => {
    console.warn(`This kernel starts without its prepared files. ${error.message}`);
    return null;
  });
  const texts = [
    fetch(new URL("http_policy.py", base)),
    fetch(new URL("proxy/hosts.json", site), { cache: "no-store" }),
    fetch(new URL("deferred_stdlib.py", base)),
    fetch(new URL("package_finder.py", base)),
  ].map(async (response) => (await response).text());
  const entry = new URL(wasmwheel.pyodide, base);
  const main = await import(entry.href);
  const output = { stdout: console.log, stderr: console.error };
  const ready = await packed;
  const pyodide = await main.loadPyodide({
    ...options,
    ...ready?.options,
    indexURL: new URL(".", entry).href,
    lockFileURL: undefined,
    lockFileContents: await lock,
    packageBaseUrl: base.href,
    packages: ready ? [] : packages,
    stdout: (text) => output.stdout(text),
    stderr: (text) => output.stderr(text),
  });
  const [policy, proxy, deferred, finder] = await Promise.all(texts);
  const globals = pyodide.runPython("{'__name__': 'http_policy'}");
  pyodide.runPython(policy, { globals, filename: "<http_policy.py>" });
  globals.get("apply")(wasmwheel.http, site, proxy);
  if (ready) {
    // The kernel would import these next, but from a slow folder of the page's; the last four are
    // those that Pyodide needs to load the first package.
    pyodide.runPython(
      "import piplite.piplite, pyodide_kernel, email, encodings.cp437, importlib.metadata, tarfile",
      { globals },
    );
  }
  if (ready?.rest) {
    pyodide.runPython(deferred, { globals, filename: "<deferred_stdlib.py>" });
    fetchDeferred(ready, globals.get("DeferredFinder"));
  }
  pyodide.runPython(finder, { globals, filename: "<package_finder.py>" });
  globals.get("add_package_finder")(base.href);
  return { pyodide, output };
}

// Return the files of kernel_files.py as options for Pyodide. Fail if they are damaged, or do not
// match the lock (after another version of one of these packages was published).
async function kernelFiles(lock) {
  const made = await json(new URL("kernel-files.json", base));
  const { packages: rows } = await lock;
  for (const [name, sha256] of Object.entries(made.packages)) {
    if (rows[name]?.sha256 !== sha256) {
      throw new Error(`The site has another ${name} than these files.`);
    }
  }
  const [library, files] = await Promise.all([whole(made.library), whole(made.files)]);
  const ready = { rest: made.rest };
  ready.options = {
    stdLibURL: URL.createObjectURL(new Blob([library])),
    fsInit: async (FS, { sitePackages }) => {
      unpack(files, FS, sitePackages);
      ready.folder = sitePackages.slice(0, sitePackages.lastIndexOf("/"));
      ready.unpackRest = (tar) => unpack(tar, FS, ready.folder);
    },
  };
  return ready;
}

// Fetch the modules that the start does not need; the import of one waits for them.
function fetchDeferred({ rest, unpackRest, folder }, DeferredFinder) {
  const address = new URL(rest.file_name, base).href;
  const finder = DeferredFinder(rest.modules, address, unpackRest, folder);
  whole(rest, { priority: "low" }).then(
    (tar) => finder.add(tar),
    (error) => console.warn(`The next import fetches the file again. ${error.message}`),
  );
}

// Unpack a tar in USTAR format: a block of 512 bytes about each file, and then its content.
function unpack(tar, FS, folder) {
  const decoder = new TextDecoder();
  const text = (from, to) => decoder.decode(tar.subarray(from, to)).replace(/\0.*/s, "");
  const made = new Set();
  for (let at = 0; tar[at]; ) {
    const [name, prefix] = [text(at, at + 100), text(at + 345, at + 500)];
    const path = `${folder}/${prefix && `${prefix}/`}${name}`;
    const size = parseInt(text(at + 124, at + 136), 8);
    at += 512;
    const within = path.slice(0, path.lastIndexOf("/"));
    if (!made.has(within)) {
      FS.mkdirTree(within);
      made.add(within);
    }
    if (tar[at - 512 + 156] !== 53) {
      // 53 is "5": a folder, as in the files of older sites
      FS.writeFile(path, tar.subarray(at, at + size), { canOwn: true });
    }
    at += Math.ceil(size / 512) * 512;
  }
}

async function json(address, options) {
  const response = await fetch(address, options);
  if (!response.ok) {
    throw new Error(`${response.status} for ${response.url}`);
  }
  return await response.json();
}

async function whole({ file_name, integrity }, options) {
  try {
    const { body } = await fetch(new URL(file_name, base), { integrity, ...options });
    const stream = body.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw new Error(`${file_name} is missing or damaged.`);
  }
}
