"""The C and C++ compiler for the target, and the shims that tell when one is needed.

A crate that compiles C calls what `CC_wasm32_unknown_emscripten` and its like name: console
scripts of this package. That one of them is called is the proof that C is compiled, and cargo says
to it for which crate. It goes on to Emscripten where there is one.
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

from ..errors import ToolchainError

#: The variables by which a build tells the shims where Emscripten is, and where to note a crate.
FOLDER, NOTES = "WASMWHEEL_EMSCRIPTEN", "WASMWHEEL_C_CRATES"

#: Flags for C, so that its exceptions and longjmp are WebAssembly's own, as Pyodide's are.
CFLAGS = "-fPIC -fwasm-exceptions -sSUPPORT_LONGJMP=wasm"

#: Flags for C++; cc-rs passes -fno-exceptions, which `-fwasm-exceptions` alone does not undo.
CXXFLAGS = f"-fexceptions {CFLAGS}"


@dataclass(frozen=True, kw_only=True)
class Emscripten:
    """An Emscripten: the folder that holds emcc, em++, emar and emranlib."""

    folder: Path
    version: str


def find() -> Emscripten | None:
    """The Emscripten on PATH."""
    program = shutil.which("emcc")
    if not program:
        return None
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\b(\d+\.\d+\.\d+)\b", said.stdout)
    if said.returncode or not match:
        return None
    return Emscripten(folder=Path(program).parent, version=match.group(1))


def crates_with_c(notes: Path) -> tuple[str, ...]:
    """The crates for which a shim was called, each once."""
    if not notes.exists():
        return ()
    return tuple(dict.fromkeys(notes.read_text(encoding="utf-8").split()))


def missing_compiler(crates: tuple[str, ...], wanted: str) -> ToolchainError:
    """The error for crates that compile C where there is no compiler for the target."""
    names = " and ".join(crates)
    does = "compiles" if len(crates) == 1 else "compile"
    return ToolchainError(
        f"{names} {does} C or C++, and there is no C compiler for Pyodide here.",
        "wasm-ld links Rust without Emscripten, but C and C++ need its compiler, emcc.",
        f"Install Emscripten: version {wanted} by emsdk is the target's own; on Debian `apt-get "
        "install emscripten` is good enough to try the wheel. Then run it again.",
    )


def _shim(tool: str) -> None:
    """Note which crate compiles C, then go on to Emscripten's tool, or fail."""
    crate = os.environ.get("CARGO_PKG_NAME") or os.environ.get("WASMWHEEL_C_PACKAGE") or "?"
    with Path(os.environ[NOTES]).open("a", encoding="utf-8") as notes:
        notes.write(crate + "\n")
    folder = os.environ.get(FOLDER)
    if not folder:
        sys.exit(f"{crate} compiles C or C++, and there is no emcc.")
    program = shutil.which(tool, path=folder)
    sys.exit(subprocess.call([program or tool, *sys.argv[1:]]))


def _script(tool: str) -> Callable[[], None]:
    return lambda: _shim(tool)


cc = _script("emcc")
cxx = _script("em++")
ar = _script("emar")
ranlib = _script("emranlib")
