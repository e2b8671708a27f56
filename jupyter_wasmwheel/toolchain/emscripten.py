"""The C and C++ compiler for the target, and the compiler shims that detect C code.

A crate that compiles C runs the program in `CC_wasm32_unknown_emscripten` and similar variables,
setuptools those in `CC` and `LDSHARED`. Both are shims, console scripts of this package: a call
proves that C is compiled, and cargo's variables name the crate. The shim then runs Emscripten, if
there is one; extension modules are linked by wasm-ld, as those of Rust are. A crate's build script
asks a Python of this machine for the folder of Python.h; the target's is used instead.

A shim is also first on the build's PATH as `emcc`: crates such as libc ask it for the version of
the target's C library, which can differ from the version of the Emscripten that compiles.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..api.errors import Install, ToolchainError
from ..runtime.targets import Target
from ..store import Store
from . import emcc, linker
from .installer import command_for
from .scripts import script

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

#: Flags for C: exceptions and longjmp are WebAssembly's own, as in Pyodide.
CFLAGS = "-fPIC -fwasm-exceptions -sSUPPORT_LONGJMP=wasm"

#: Flags for C++; cc-rs passes -fno-exceptions, which `-fwasm-exceptions` alone does not undo.
CXXFLAGS = f"-fexceptions {CFLAGS}"


@dataclass(frozen=True, kw_only=True)
class Emscripten:
    """An Emscripten in a folder; the target's Pyodide was built with version `wanted`."""

    folder: Path
    version: str
    wanted: str
    origin: str

    @property
    def is_wanted(self) -> bool:
        """Return whether it has the version that Pyodide was built with."""
        return self.version == self.wanted

    def __str__(self) -> str:
        other = "" if self.is_wanted else f"; Pyodide was built with {self.wanted}"
        return f"Emscripten {self.version} ({self.origin}{other})"


def key(target: Target) -> str:
    """Return the store entry of the emsdk with a target's exact version."""
    return f"emsdk/{target.emscripten}"


def find(store: Store, target: Target) -> Emscripten | None:
    """Return the Emscripten to compile with: ours or PATH's, one of the target's version first.

    One of another version is good enough to try a wheel; the caller must say so.
    """
    installed = store.find(key(target))
    found = []
    if installed:
        found.append(read(installed / emcc.IN_EMSDK, target, "installed by jupyter-wasmwheel"))
    for folder in filter(None, os.environ.get("PATH", "").split(os.pathsep)):
        found.append(read(Path(folder), target, f"on PATH, {folder}"))
    usable = [each for each in found if each]
    return max(usable, key=lambda each: each.is_wanted, default=None)


def read(folder: Path, target: Target, origin: str) -> Emscripten | None:
    """Return the Emscripten in a folder, or None if it does not print its version.

    emcc reads its version from a file beside it; to run emcc for it takes half a second.
    """
    program = shutil.which("emcc", path=folder)
    if not program:
        return None
    version_file = Path(program).resolve().with_name("emscripten-version.txt")
    if version_file.is_file():
        text = version_file.read_text(encoding="utf-8")
    else:
        command, env = [program, "--version"], emcc.environment(folder)
        try:
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return None
        text = "" if done.returncode else done.stdout
    if not (found := re.search(r"\b(\d+\.\d+\.\d+)\b", text)):
        return None
    return Emscripten(folder=folder, version=found[1], wanted=target.emscripten, origin=origin)


@dataclass(frozen=True, kw_only=True)
class CUsage:
    """The crates that compile C, and the packages that do so themselves.

    `with_headers` are the crates whose C code includes Python.h.
    """

    crates: tuple[str, ...]
    packages: tuple[str, ...]
    with_headers: tuple[str, ...]

    @property
    def needs_headers(self) -> bool:
        """Return whether the target's Python.h is required."""
        return bool(self.packages or self.with_headers)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of both."""
        return (*self.crates, *self.packages)


def read_c_usage(notes: Path) -> CUsage:
    """Return what the shims noted, each name once."""
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    found = [line.split(" ", 1) for line in dict.fromkeys(lines) if " " in line]

    def names(kind: str) -> tuple[str, ...]:
        return tuple(name for each, name in found if each == kind)

    return CUsage(
        crates=names("crate"), packages=names("package"), with_headers=names("with-headers")
    )


def missing_compiler(names: tuple[str, ...], target: Target) -> ToolchainError:
    """Return the error for what compiles C without a compiler for the target."""
    verb = "compiles" if len(names) == 1 else "compile"
    return ToolchainError(
        f"{' and '.join(names)} {verb} C or C++, and no C compiler for Pyodide is installed.",
        "wasm-ld links Rust without Emscripten, but C and C++ need its compiler, emcc.",
        f"Run {command_for(target, 'emscripten')} to install Emscripten {target.emscripten}; on "
        "Debian `apt-get install emscripten` is good enough to try the wheel. Then run it again.",
        code="emscripten.missing",
        remedies=[Install(extras=("emscripten",), target=target.abi)],
    )


def use_headers(arguments: Sequence[str], headers: str) -> list[str]:
    """Replace the folders with a Python.h in a compiler's arguments by the target's."""
    replaced = []
    for word in arguments:
        option = "-I" if word.startswith("-I") else ""
        folder = Path(word.removeprefix(option))
        is_python = folder.is_absolute() and (folder / "Python.h").is_file()
        replaced.append(f"{option}{headers}" if is_python else word)
    return replaced


def put_on_path(folder: Path) -> None:
    """Put the compiler shim into a folder of a PATH, under the name that crates call."""
    program = script("wasmwheel-cc")
    if os.name == "nt":
        (folder / "emcc.bat").write_text(f'@"{program}" %*\n', encoding="utf-8")
    else:
        (folder / "emcc").symlink_to(program)


def _shim(tool: str) -> None:
    """Note what compiles C, then run Emscripten's tool, or wasm-ld for a module."""
    if sys.argv[1:] == [PRINT_VERSION]:
        print(os.environ[VERSION])
        return
    crate, package = os.environ.get("CARGO_PKG_NAME"), os.environ.get(PACKAGE, "?")
    headers = os.environ.get(PYTHON_HEADERS, "")
    arguments = use_headers(sys.argv[1:], headers)
    with Path(os.environ[NOTES]).open("a", encoding="utf-8") as notes:
        notes.write(f"crate {crate}\n" if crate else f"package {package}\n")
        if arguments != sys.argv[1:]:
            notes.write(f"with-headers {crate or package}\n")
            if not headers:
                sys.exit(f"{crate or package} requires the headers of the target's Python.")
    folder = os.environ.get(emcc.FOLDER)
    if not folder:
        sys.exit(f"{crate or package} compiles C or C++, and emcc was not found.")
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
