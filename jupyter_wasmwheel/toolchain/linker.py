"""Linking a side module with wasm-ld alone, without Emscripten.

rustc calls its linker for this target with the words of emcc. The console script `wasmwheel-ld`
(`main` below) puts them into wasm-ld's. What stays unresolved becomes an import, which Pyodide's
main module has to provide; the audit looks whether it does.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from . import emcc
from .relay import exec_process

if TYPE_CHECKING:
    from ..store import Store

#: The variable by which a build tells `wasmwheel-ld` which wasm-ld to run.
PROGRAM = "WASMWHEEL_WASM_LD"

#: The oldest LLVM whose wasm-ld knows `-wasm-use-legacy-eh`.
MIN_LLVM = 20

#: How `wasm-ld --version` tells it.
_VERSION = re.compile(r"LLD (\d+\.\d+\.\d+)")

#: How emcc links a side module (Emscripten's tools/link.py and building.py, SIDE_MODULE=2), with
#: `-Bsymbolic`: a symbol that the module defines is its own, and is not looked up at each start.
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
    "-mllvm",
    "-wasm-enable-sjlj",
    "-mllvm",
    "-wasm-use-legacy-eh",
)

#: What rustc may pass through to the linker itself (`-Wl,…`) and wasm-ld understands.
PASSED_ON = ("--whole-archive", "--no-whole-archive", "--allow-multiple-definition")


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


def find(with_rust: Iterable[Path], store: Store) -> list[WasmLd]:
    """Every wasm-ld on the machine: those that came with a Rust, then those on PATH."""
    found = [_read(program, "came with Rust", store) for program in with_rust]
    names = ["wasm-ld", *(f"wasm-ld-{major}" for major in range(40, MIN_LLVM - 1, -1))]
    for name in names:
        program = shutil.which(name)
        if program:
            found.append(_read(Path(program), "on PATH", store))
    return [linker for linker in found if linker]


def _read(program: Path, origin: str, store: Store) -> WasmLd | None:
    from . import programs  # which only the choice of a linker needs, not the linker itself

    said = programs.ask(program, "--version", _VERSION, store)
    match = _VERSION.search(said or "")
    return WasmLd(program=program, version=match.group(1), origin=origin) if match else None


@dataclass
class _Words:
    """What rustc's command line for emcc says."""

    output: str = ""
    inputs: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    exported: list[str] = field(default_factory=list)


def translate(arguments: Sequence[str]) -> list[str]:
    """wasm-ld's arguments for those that rustc gives to emcc."""
    words = _Words()
    rest = iter(_expanded(arguments))
    for word in rest:
        if word == "-o":
            words.output = next(rest)
        elif word == "-L":
            words.folders.append(next(rest))
        elif word.startswith("-L"):
            words.folders.append(word[2:])
        elif word == "-s":
            _setting(next(rest), words)
        elif word.startswith("-s") and "=" in word:
            _setting(word[2:], words)
        elif word == "-l":
            words.inputs.append("-l" + next(rest))
        elif word.startswith("-l"):
            words.inputs.append(word)
        elif word.startswith("-Wl,"):
            words.inputs += [w for w in word.split(",")[1:] if w in PASSED_ON]
        elif not word.startswith("-"):
            words.inputs.append(word)
    inputs = [found for word in words.inputs for found in _library(word, words.folders)]
    return [*FLAGS, *(f"--export={name}" for name in words.exported), *inputs, "-o", words.output]


def init_functions(arguments: Sequence[str]) -> tuple[str, str]:
    """The functions that Python may look for in the C extension which a command line links.

    They are named after the module's file; the second one is known from Python 3.15 on (PEP 793).
    """
    output = next((after for word, after in pairwise(arguments) if word == "-o"), "")
    name = Path(output).name.partition(".")[0]
    if name.isascii():
        return f"PyInit_{name}", f"PyModExport_{name}"
    coded = name.encode("punycode").replace(b"-", b"_").decode("ascii")
    return f"PyInitU_{coded}", f"PyModExportU_{coded}"


def translate_extension(arguments: Sequence[str]) -> list[str]:
    """wasm-ld's arguments for those with which setuptools links a C extension."""
    exported = (f"--export-if-defined={name}" for name in init_functions(arguments))
    return [*exported, *translate(arguments)]


def _expanded(arguments: Sequence[str]) -> list[str]:
    """The arguments with response files read: a word a line, a backslash before odd characters."""
    words = []
    for word in arguments:
        if word.startswith("@"):
            lines = Path(word[1:]).read_text(encoding="utf-8").splitlines()
            words += [re.sub(r"\\(.)", r"\1", line.strip('"')) for line in lines if line]
        else:
            words.append(word)
    return words


def _setting(setting: str, words: _Words) -> None:
    """Take in one of Emscripten's settings; only the exports matter to wasm-ld."""
    name, _, value = setting.partition("=")
    if name == "EXPORTED_FUNCTIONS":
        words.exported += [str(symbol).removeprefix("_") for symbol in ast.literal_eval(value)]


def _library(word: str, folders: Sequence[str]) -> list[str]:
    """The archive that `-lNAME` means, or nothing: `c`, `m` and such are in the main module."""
    if not word.startswith("-l"):
        return [word]
    name = word[2:].removeprefix(":")
    for folder in folders:
        for file_name in (f"lib{name}.a", name):
            if (Path(folder) / file_name).is_file():
                return [str(Path(folder) / file_name)]
    return []


def main() -> None:
    """Link, as `wasmwheel-ld`, in the place of emcc; without a wasm-ld, by emcc after all."""
    arguments = sys.argv[1:]
    program = os.environ.get(PROGRAM)
    if program:
        exec_process([program, *translate(arguments)])
    sys.exit(emcc.call("emcc", arguments))
