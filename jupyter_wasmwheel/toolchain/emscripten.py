"""The C and C++ compiler for the target, and what the compiler shims noted of its use."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from ..api.errors import Install, ToolchainError
from ..runtime.targets import Target
from ..safe_paths import Root
from ..store import Store
from . import emcc
from .installer import command_for
from .scripts import script


def c_flags(target: Target) -> str:
    """Return the flags for C: exceptions and longjmp are WebAssembly's own, as in Pyodide."""
    return " ".join(("-fPIC", *target.flags.emcc))


def cxx_flags(target: Target) -> str:
    """Return the flags for C++; cc-rs passes -fno-exceptions, which those for C do not undo."""
    return f"-fexceptions {c_flags(target)}"


class Emscripten(Struct, frozen=True, kw_only=True):
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
        text = version_file.read_text(encoding="utf-8", errors="replace")
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


class CUsage(Struct, frozen=True, kw_only=True):
    """The crates that compile C, and the packages that do so themselves.

    `with_headers` are the crates whose C code includes Python.h.
    """

    crates: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    with_headers: tuple[str, ...] = ()

    @property
    def needs_headers(self) -> bool:
        """Return whether the target's Python.h is required."""
        return bool(self.packages or self.with_headers)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of both."""
        return (*self.crates, *self.packages)


def read_c_usage(notes: Path) -> CUsage:
    """Return what the shims noted, each name once; builds can write anything in their place."""
    folder = Root(notes.parent)
    content = folder.read(notes.name) if folder.is_file(notes.name) else b""
    lines = content.decode("utf-8", "replace").splitlines()
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


def put_on_path(folder: Path) -> None:
    """Put the compiler shim into a folder of a PATH, under the name that crates call."""
    program = script("wasmwheel-cc")
    if os.name == "nt":
        (folder / "emcc.bat").write_text(f'@"{program}" %*\n', encoding="utf-8")
    else:
        (folder / "emcc").symlink_to(program)
