// What a kernel of a site starts with, in the place of Pyodide's own module: it starts that, and
// then does what has to be done before the first cell.
//
// The kernel passes on `loadPyodideOptions` of its settings; `wasmwheel` in them is for us:
// `pyodide` is the address of Pyodide's own module, `http` the name of a policy (http_policy.py).

const beside = new URL(".", import.meta.url);
const site = new URL("../../", beside).href;

// What was started before the kernel asked, by preload-worker.js; a kernel asks once.
let early;

export async function preload(plugin) {
  early = (async () => {
    const settings = await json(new URL("jupyter-lite.json", site));
    const { litePluginSettings } = settings["jupyter-config-data"];
    return await start(litePluginSettings[plugin].loadPyodideOptions);
  })();
  early.catch(() => {}); // who asks for it is told
}

export async function loadPyodide({ stdout, stderr, ...options }) {
  const starting = early ?? start(options);
  starting.catch((error) => console.error(`The kernel cannot start. ${error}`));
  const { pyodide, told } = await starting;
  early = undefined;
  told.stdout = stdout;
  told.stderr = stderr;
  return pyodide;
}

async function start({ wasmwheel, packages, ...options }) {
  const lock = json(new URL("pyodide-lock.json", beside), { cache: "no-cache" });
  const packed = find(lock).catch((error) => {
    console.warn(`This kernel starts the plain way. ${error.message}`);
    return null;
  });
  const texts = [
    fetch(new URL("http_policy.py", beside)),
    fetch(new URL("proxy/hosts.json", site), { cache: "no-store" }),
    fetch(new URL("deferred_stdlib.py", beside)),
  ].map(async (answer) => (await answer).text());
  const entry = new URL(wasmwheel.pyodide, beside);
  const main = await import(entry.href);
  const told = { stdout: console.log, stderr: console.error };
  const ready = await packed;
  const pyodide = await main.loadPyodide({
    ...options,
    ...ready?.options,
    indexURL: new URL(".", entry).href,
    lockFileURL: undefined,
    lockFileContents: await lock,
    packageBaseUrl: beside.href,
    packages: ready ? [] : packages,
    stdout: (text) => told.stdout(text),
    stderr: (text) => told.stderr(text),
  });
  const [policy, proxy, later] = await Promise.all(texts);
  const globals = pyodide.runPython("{'__name__': 'http_policy'}");
  pyodide.runPython(policy, { globals, filename: "<http_policy.py>" });
  globals.get("apply")(wasmwheel.http, site, proxy);
  if (ready) {
    // The kernel would do so next, but from a folder of the page's, which is slow to look into; the
    // last four are what Pyodide needs to load the first package.
    pyodide.runPython(
      "import piplite.piplite, pyodide_kernel, email, encodings.cp437, importlib.metadata, tarfile",
      { globals },
    );
  }
  if (ready?.rest) {
    pyodide.runPython(later, { globals, filename: "<deferred_stdlib.py>" });
    expect(ready, globals.get("Rest"));
  }
  return { pyodide, told };
}

// What kernel_files.py made, as options for Pyodide. It is an error where it does not fit the lock
// (somebody published another version of one of these packages), or is not whole.
async function find(lock) {
  const made = await json(new URL("kernel-files.json", beside));
  const { packages: rows } = await lock;
  for (const [name, sha256] of Object.entries(made.packages)) {
    if (rows[name]?.sha256 !== sha256) {
      throw new Error(`The site has another ${name} than the one it was made with.`);
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

// The modules that no start asks for come after it; one that is imported sooner is waited for.
function expect({ rest, unpackRest, folder }, Rest) {
  const address = new URL(rest.file_name, beside).href;
  const finder = Rest(rest.modules, address, unpackRest, folder);
  whole(rest, { priority: "low" }).then(
    (tar) => finder.put(tar),
    (error) => console.warn(`What is imported of it is fetched again. ${error.message}`),
  );
}

// A tar in the format of USTAR: a block of 512 bytes about a file, and then its own.
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
      // 53 is "5": a folder, which an older version of this package put into it
      FS.writeFile(path, tar.subarray(at, at + size), { canOwn: true });
    }
    at += Math.ceil(size / 512) * 512;
  }
}

async function json(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) {
    throw new Error(`${answer.status} for ${answer.url}`);
  }
  return await answer.json();
}

async function whole({ file_name, integrity }, options) {
  try {
    const { body } = await fetch(new URL(file_name, beside), { integrity, ...options });
    const stream = body.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw new Error(`${file_name} is not there, or not as it was made.`);
  }
}
