// node kernel-files.mjs START RUNTIME BASE OUT NAME…: write the files that a kernel reads while it
// starts, with bytecode by the target's own Python, so that no kernel must compile it:
//
// - kernel-packages.bin, a tar: the files of packages (NAME…) of the lock in the folder BASE and of
//   their dependencies, as Pyodide's loadPackage leaves them.
// - kernel-library.bin, a zip: the standard library, which Pyodide ships as source only.
// - kernel-rest.bin, a tar: the modules of both that are not needed for the start.
//
// They are compressed as a whole, by gzip, which browsers decompress faster than Python. The
// bytecode has no columns, to be smaller: tracebacks have no ^^^^ in these modules.
// START is the module that starts a RUNTIME in Node.js.

import fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { constants, gzipSync } from "node:zlib";

const [starting, runtime, folder, out, ...names] = process.argv.slice(2);
const { start } = await import(pathToFileURL(starting).href);
const base = join(folder, "/");
const pyodide = await start(runtime, {
  lockFileContents: fs.readFileSync(join(folder, "pyodide-lock.json"), "utf8"),
  packageBaseUrl: base,
  packageCacheDir: base,
  env: { PYTHONNODEBUGRANGES: "1" },
});
await pyodide.loadPackage(names, { messageCallback() {} });
await pyodide.runPythonAsync(`
import importlib.util, io, py_compile, sys, sysconfig, tarfile, zipfile
from pathlib import Path
from importlib._bootstrap_external import _code_to_hash_pyc

out = sys.stdout, sys.stderr
import piplite.piplite, pyodide_kernel, urllib.request

pyodide_kernel.kernel_instance._parent_header = {}
await pyodide_kernel.kernel_instance.run("import inspect\\nfrom IPython.display import Markdown")
sys.stdout, sys.stderr = out
used = {getattr(module, "__file__", None) for module in list(sys.modules.values())}

site = "/" + sysconfig.get_path("purelib").lstrip("/")  # Pyodide's begins with two
library = Path(site).parent
(zipped,) = (path for path in sys.path if path.endswith(".zip"))
used |= {str(path) for path in Path(site).glob("pyodide_http/*.py")}  # imported in browsers only
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
for path in filter(None, used):
    if path.startswith(site) and path.endswith(".py"):
        py_compile.compile(path, doraise=True, invalidation_mode=unchecked)
with tarfile.open("/packages.tar", "w", format=tarfile.USTAR_FORMAT) as first, \
     tarfile.open("/rest.tar", "w", format=tarfile.USTAR_FORMAT) as rest:
    for path in sorted(Path(site).rglob("*"), key=lambda path: str(path).replace("__pycache__/", "")):
        if path.suffix in (".py", ".pyi") and str(path) not in used:
            rest.add(path, path.relative_to(library))
        elif path.is_file():
            first.add(path, path.relative_to(site))

    with zipfile.ZipFile(zipped) as old, zipfile.ZipFile("/library.zip", "w") as new:
        names = [name for name in old.namelist() if not name.endswith("/")]
        imported = {name for name in names if {f"{zipped}/{name}", f"{zipped}/{name}c"} & used}
        # A package stays whole, because Python looks for its modules in its folder.
        tops = {name.partition("/")[0] for name in imported}
        for name in names:
            source = old.read(name)
            if name.endswith(".py") and name.partition("/")[0] not in tops:
                info = tarfile.TarInfo(name)
                info.size = len(source)
                rest.addfile(info, io.BytesIO(source))
                continue
            new.writestr(zipfile.ZipInfo(name), source)
            if name in imported:
                code = compile(source, f"{zipped}/{name}", "exec", dont_inherit=True)
                pyc = _code_to_hash_pyc(code, importlib.util.source_hash(source), checked=False)
                new.writestr(zipfile.ZipInfo(f"{name}c"), bytes(pyc))
`);
const files = {
  "kernel-packages.bin": "/packages.tar",
  "kernel-library.bin": "/library.zip",
  "kernel-rest.bin": "/rest.tar",
};
for (const [name, from] of Object.entries(files)) {
  const packed = gzipSync(pyodide.FS.readFile(from), { level: constants.Z_BEST_COMPRESSION });
  fs.writeFileSync(join(out, name), packed);
}
process.exit(0);
