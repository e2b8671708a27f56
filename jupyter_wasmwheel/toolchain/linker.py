"""The linker of side modules: wasm-ld, without Emscripten.

rustc calls its linker for this target with emcc's arguments. The console script `wasmwheel-ld`
(`main` below) translates them for wasm-ld. Unresolved symbols become imports, which Pyodide's main
module must provide; the audit checks that it does.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from . import emcc
from .cargo_wrapper import exec_process

if TYPE_CHECKING:
    from ..store import Store

#: The variable with the wasm-ld that `wasmwheel-ld` runs.
PROGRAM = "WASMWHEEL_WASM_LD"

#: The oldest LLVM whose wasm-ld supports `-wasm-use-legacy-eh`.
MIN_LLVM = 20

#: The version in the output of `wasm-ld --version`.
_VERSION = re.compile(r"LLD (\d+\.\d+\.\d+)")

#: The variable with the flags of the target for wasm-ld, separated by spaces.
TARGET_FLAGS = "WASMWHEEL_WASM_LD_FLAGS"

#: emcc's flags for a side module (Emscripten's tools/link.py and building.py, SIDE_MODULE=2), and
#: `-Bsymbolic`, so that a symbol that the module defines is not looked up at each start.
FLAGS = (
    "-shared",
    "--experimental-pic",
    "--import-memory",
    "--import-table",
    "--unresolved-symbols=import-dynamic",
    "--no-export-dynamic",
    "-Bsymbolic",
    "--gc-sections",
    "--strip-debug",
    "-O2",
    "--export-if-defined=__wasm_apply_data_relocs",
    "--export-if-defined=__wasm_call_ctors",
)

#: The linker options in `-Wl,…` that wasm-ld supports.
PASSED_THROUGH = ("--whole-archive", "--no-whole-archive", "--allow-multiple-definition")


@dataclass(frozen=True, kw_only=True)
class WasmLd:
    """A wasm-ld; `version` is LLVM's."""

    program: Path
    version: str
    origin: str

    @property
    def major(self) -> int:
        """LLVM's major version."""
        return int(self.version.partition(".")[0])

    @property
    def native(self) -> Path | None:
        """LLD for programs of this machine, if it is installed beside it."""
        program = self.program.resolve().with_name("ld.lld")
        return program if program.is_file() else None


def find(with_rust: Iterable[Path], store: Store) -> list[WasmLd]:
    """Return every wasm-ld on the machine: those of Rust toolchains, then those on PATH."""
    found = [_read(program, "of Rust", store) for program in with_rust]
    names = ["wasm-ld", *(f"wasm-ld-{major}" for major in range(40, MIN_LLVM - 1, -1))]
    for name in names:
        if program := shutil.which(name):
            found.append(_read(Path(program), "on PATH", store))
    return [linker for linker in found if linker]


def _read(program: Path, origin: str, store: Store) -> WasmLd | None:
    from . import version_cache  # not needed to link, which imports little

    match = _VERSION.search(version_cache.ask(program, "--version", _VERSION, store) or "")
    return WasmLd(program=program, version=match.group(1), origin=origin) if match else None


@dataclass
class _Arguments:
    """The parts of rustc's command line for emcc."""

    output: str = ""
    inputs: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    exported: list[str] = field(default_factory=list)


def translate(arguments: Sequence[str]) -> list[str]:
    """Return wasm-ld's arguments for those that rustc passes to emcc."""
    parsed = _Arguments()
    rest = iter(_expanded(arguments))
    for word in rest:
        if word in ("-L", "-l", "-s"):
            word += next(rest)
        if word == "-o":
            parsed.output = next(rest)
        elif word.startswith("-L"):
            parsed.folders.append(word[2:])
        elif word.startswith("-s") and "=" in word:
            _setting(word[2:], parsed)
        elif word.startswith("-l"):
            parsed.inputs.append(word)
        elif word.startswith("-Wl,"):
            parsed.inputs += [w for w in word.split(",")[1:] if w in PASSED_THROUGH]
        elif not word.startswith("-"):
            parsed.inputs.append(word)
    inputs = [found for word in parsed.inputs for found in _library(word, parsed.folders)]
    flags = [*FLAGS, *os.environ.get(TARGET_FLAGS, "").split()]
    return [*flags, *(f"--export={name}" for name in parsed.exported), *inputs, "-o", parsed.output]


def init_functions(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the init functions of the C extension that a command line links.

    They are named after the module's file; Python 3.15 and later also try the second (PEP 793).
    """
    output = next((after for word, after in pairwise(arguments) if word == "-o"), "")
    name = Path(output).name.partition(".")[0]
    if name.isascii():
        return f"PyInit_{name}", f"PyModExport_{name}"
    coded = name.encode("punycode").replace(b"-", b"_").decode("ascii")
    return f"PyInitU_{coded}", f"PyModExportU_{coded}"


def translate_extension(arguments: Sequence[str]) -> list[str]:
    """Return wasm-ld's arguments for those with which setuptools links a C extension."""
    exported = (f"--export-if-defined={name}" for name in init_functions(arguments))
    return [*exported, *translate(arguments)]


def _expanded(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with response files read, in which words are quoted as for a shell.

    rustc writes one a line, with backslash escapes; CMake and meson write them as on a line.
    """
    words = []
    for word in arguments:
        if word.startswith("@"):
            words += shlex.split(Path(word[1:]).read_text(encoding="utf-8"))
        else:
            words.append(word)
    return words


def _setting(setting: str, parsed: _Arguments) -> None:
    """Parse one of Emscripten's settings; only the exports matter to wasm-ld."""
    name, _, value = setting.partition("=")
    if name == "EXPORTED_FUNCTIONS":
        parsed.exported += [str(symbol).removeprefix("_") for symbol in ast.literal_eval(value)]


def _library(word: str, folders: Sequence[str]) -> list[str]:
    """Return the archive of `-lNAME`, or nothing for `c`, `m` and others in the main module."""
    if not word.startswith("-l"):
        return [word]
    name = word[2:].removeprefix(":")
    for folder in folders:
        for file_name in (f"lib{name}.a", name):
            if (Path(folder) / file_name).is_file():
                return [str(Path(folder) / file_name)]
    return []


def main() -> None:
    """Link, as `wasmwheel-ld`, by wasm-ld, or by emcc if the build has no wasm-ld."""
    arguments = sys.argv[1:]
    program = os.environ.get(PROGRAM)
    if program:
        exec_process([program, *translate(arguments)])
    sys.exit(emcc.call("emcc", arguments))
