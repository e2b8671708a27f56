"""The C and C++ compiler for the target, and the shims that tell when one is needed.

A crate that compiles C calls what `CC_wasm32_unknown_emscripten` and its like name, setuptools what
`CC` and `LDSHARED` name: console scripts of this package. That one of them is called is the proof
that C is compiled, and cargo says to it for which crate. It goes on to Emscripten where there is
one; an extension module is linked by wasm-ld, as one of Rust is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..api.errors import Install, ToolchainError
from ..runtime.targets import Target
from ..store import Store
from . import emcc, linker
from .installer import command_for

#: The variable that names the file to the shims in which they note what compiles C.
NOTES = "WASMWHEEL_C_CRATES"

#: The variable that names the package to the shims where cargo does not name a crate.
PACKAGE = "WASMWHEEL_C_PACKAGE"

#: Flags for C, so that its exceptions and longjmp are WebAssembly's own, as Pyodide's are.
CFLAGS = "-fPIC -fwasm-exceptions -sSUPPORT_LONGJMP=wasm"

#: Flags for C++; cc-rs passes -fno-exceptions, which `-fwasm-exceptions` alone does not undo.
CXXFLAGS = f"-fexceptions {CFLAGS}"


@dataclass(frozen=True, kw_only=True)
class Emscripten:
    """An Emscripten: the folder that holds emcc, em++, emar and emranlib.

    `wanted` is the version that the target's Pyodide was built with.
    """

    folder: Path
    version: str
    wanted: str
    origin: str

    def __str__(self) -> str:
        other = "" if self.version == self.wanted else f"; Pyodide was built with {self.wanted}"
        return f"Emscripten {self.version} ({self.origin}{other})"


def key(target: Target) -> str:
    """The entry of the store that holds the emsdk of a target's very version."""
    return f"emsdk/{target.emscripten}"


def find(store: Store, target: Target) -> Emscripten | None:
    """The Emscripten to compile with: one of the target's version, ours first, else PATH's first.

    One of another version is good enough to try a wheel; who takes it says so.
    """
    installed = store.find(key(target))
    found = []
    if installed:
        found.append(read(installed / emcc.IN_EMSDK, target, "installed by jupyter-wasmwheel"))
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder and shutil.which("emcc", path=folder):
            found.append(read(Path(folder), target, f"on PATH, {folder}"))
    usable = [each for each in found if each]
    same = [each for each in usable if each.version == each.wanted]
    return next(iter(same or usable), None)


def read(folder: Path, target: Target, origin: str) -> Emscripten | None:
    """The Emscripten whose emcc is in a folder, or None where it does not say its version.

    emcc reads its version from a file beside it; to run it for that takes half a second.
    """
    program = shutil.which("emcc", path=folder)
    if not program:
        return None
    noted = Path(program).resolve().with_name("emscripten-version.txt")
    if noted.is_file() and (version := _version(noted.read_text(encoding="utf-8"))):
        return Emscripten(folder=folder, version=version, wanted=target.emscripten, origin=origin)
    try:
        said = subprocess.run(
            [program, "--version"],
            env=emcc.environment(folder),
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = None if said.returncode else _version(said.stdout)
    if not version:
        return None
    return Emscripten(folder=folder, version=version, wanted=target.emscripten, origin=origin)


def _version(text: str) -> str | None:
    match = re.search(r"\b(\d+\.\d+\.\d+)\b", text)
    return match.group(1) if match else None


@dataclass(frozen=True, kw_only=True)
class CUsage:
    """For whom the shims were called: crates, and packages that compile C themselves."""

    crates: tuple[str, ...]
    packages: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.crates, *self.packages)


def read_c_usage(notes: Path) -> CUsage:
    """For whom a shim was called, each once."""
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    found = [line.split(" ", 1) for line in dict.fromkeys(lines) if " " in line]
    return CUsage(
        crates=tuple(name for kind, name in found if kind == "crate"),
        packages=tuple(name for kind, name in found if kind == "package"),
    )


def missing_compiler(names: tuple[str, ...], target: Target) -> ToolchainError:
    """The error for what compiles C where there is no compiler for the target."""
    does = "compiles" if len(names) == 1 else "compile"
    return ToolchainError(
        f"{' and '.join(names)} {does} C or C++, and no C compiler for Pyodide is installed.",
        "wasm-ld links Rust without Emscripten, but C and C++ need its compiler, emcc.",
        f"{command_for(target, 'emscripten')} installs the target's own, {target.emscripten}, by "
        "emsdk; on Debian `apt-get install emscripten` is good enough to try the wheel. Then run "
        "it again.",
        code="emscripten.missing",
        remedies=[Install(extras=("emscripten",), target=target.abi)],
    )


def _shim(tool: str) -> None:
    """Note who compiles C, then go on to Emscripten's tool, or to wasm-ld for a module, or fail."""
    crate, package = os.environ.get("CARGO_PKG_NAME"), os.environ.get(PACKAGE, "?")
    with Path(os.environ[NOTES]).open("a", encoding="utf-8") as notes:
        notes.write(f"crate {crate}\n" if crate else f"package {package}\n")
    folder = os.environ.get(emcc.FOLDER)
    if not folder:
        sys.exit(f"{crate or package} compiles C or C++, and there is no emcc.")
    arguments = sys.argv[1:]
    if "-shared" in arguments:
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
