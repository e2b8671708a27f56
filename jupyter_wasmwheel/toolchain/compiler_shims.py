"""The compiler shims, which detect C code and run Emscripten.

A crate that compiles C runs the program in `CC_wasm32_unknown_emscripten` and similar variables,
setuptools those in `CC` and `LDSHARED`. Both are shims, console scripts of this package: a call
proves that C is compiled, and cargo's variables name the crate. The shim then runs Emscripten, if
there is one; extension modules are linked by wasm-ld, as those of Rust are. A crate's build script
asks a Python of this machine for the folder of Python.h; the target's is used instead.

A shim is also first on the build's PATH as `emcc`: crates such as libc ask it for the version of
the target's C library, which can differ from the version of the Emscripten that compiles.

A shim runs for each file of C, so this module imports little.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from . import emcc

#: The variable with the file in which the shims note what compiles C.
NOTES = "WASMWHEEL_C_CRATES"

#: The variable with the package's name, for shims that cargo does not run.
PACKAGE = "WASMWHEEL_C_PACKAGE"

#: The option that prints only Emscripten's version.
PRINT_VERSION = "-dumpversion"

#: The variable with the folder of the target's Python.h.
PYTHON_HEADERS = "WASMWHEEL_PYTHON_HEADERS"

#: The variable with the version of the Emscripten that the target's Pyodide was built with.
VERSION = "WASMWHEEL_EMSCRIPTEN_VERSION"


def use_headers(arguments: Sequence[str], headers: str) -> list[str]:
    """Replace the folders with a Python.h in a compiler's arguments by the target's."""
    replaced = []
    for word in arguments:
        option = "-I" if word.startswith("-I") else ""
        folder = word.removeprefix(option)
        is_python = os.path.isabs(folder) and os.path.isfile(os.path.join(folder, "Python.h"))
        replaced.append(f"{option}{headers}" if is_python else word)
    return replaced


def _shim(tool: str) -> None:
    """Note what compiles C, then run Emscripten's tool, or wasm-ld for a module."""
    if sys.argv[1:] == [PRINT_VERSION]:
        print(os.environ[VERSION])
        return
    crate, package = os.environ.get("CARGO_PKG_NAME"), os.environ.get(PACKAGE, "?")
    headers = os.environ.get(PYTHON_HEADERS, "")
    arguments = use_headers(sys.argv[1:], headers)
    with open(os.environ[NOTES], "a", encoding="utf-8") as notes:
        notes.write(f"crate {crate}\n" if crate else f"package {package}\n")
        if arguments != sys.argv[1:]:
            notes.write(f"with-headers {crate or package}\n")
            if not headers:
                sys.exit(f"{crate or package} requires the headers of the target's Python.")
    folder = os.environ.get(emcc.FOLDER)
    if not folder:
        sys.exit(f"{crate or package} compiles C or C++, and emcc was not found.")
    if "-shared" in arguments:
        from . import linker  # compiling, which is more frequent, does not need it

        wasm_ld = os.environ.get(linker.PROGRAM)
        if wasm_ld:
            sys.exit(subprocess.call([wasm_ld, *linker.translate_extension(arguments)]))
        exported = f"-sEXPORTED_FUNCTIONS=_{linker.init_functions(arguments)[0]}"
        arguments += ["-sSIDE_MODULE=2", "-sWASM_BIGINT", exported]
    sys.exit(emcc.call(tool, arguments))


def _script(tool: str) -> Callable[[], None]:
    return lambda: _shim(tool)


cc = _script("emcc")
cxx = _script("em++")
ar = _script("emar")
ranlib = _script("emranlib")
