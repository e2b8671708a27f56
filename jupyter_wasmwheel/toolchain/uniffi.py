"""UniFFI's generator of Python code, which a build runs on this machine.

`uniffi-bindgen`, a program of the project's own crate, reads the interface from a compiled library,
but not from a module of WebAssembly. So the library is compiled for this machine too.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import text_files
from . import maturin_wrapper

#: The name of the program, and its option with the library.
PROGRAM, LIBRARY = "uniffi-bindgen", "--library"

#: The variable with the feature that the crate has if only the program needs what it enables.
FEATURE = "WASMWHEEL_UNIFFI_FEATURE"

#: The profile of what runs on this machine. It is that of build scripts, so that both share crates.
PROFILE = {"OPT_LEVEL": "0", "DEBUG": "0", "PANIC": "unwind"}
VARIABLES = "CARGO_PROFILE_RELEASE_"

#: The suffixes of libraries of this machine.
SUFFIXES = (".so", ".dylib", ".dll")


def with_host_library(cargo: str, arguments: Sequence[str]) -> list[str]:
    """Return the arguments of `cargo run`, with a library that `uniffi-bindgen` can read."""
    words = list(arguments)
    if PROGRAM not in words or LIBRARY not in words[:-1]:
        return words
    end = words.index("generate") if "generate" in words else len(words)
    chosen = json.loads(os.environ.get(maturin_wrapper.ARGUMENTS, "[]"))
    added = ["--release", *_feature(words[:end])]
    _use_profile()
    command = [cargo, "build", "--lib", "--message-format=json-render-diagnostics", *added]
    command += _selection([*words[:end], *chosen])
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    place = words.index(LIBRARY) + 1
    name = Path(words[place]).stem.removeprefix("lib")
    words[place] = next(_libraries(done.stdout, name), words[place])
    return [words[0], *added, *words[1:]]


def _use_profile() -> None:
    """Set the profile of what cargo compiles for this machine."""
    os.environ.update({f"{VARIABLES}{name}": value for name, value in PROFILE.items()})
    os.environ.setdefault(f"{VARIABLES}LTO", "false")
    os.environ.pop(f"{VARIABLES}CODEGEN_UNITS", None)


def _feature(words: Sequence[str]) -> list[str]:
    """Return the option that enables the program's own feature, if its crate has it."""
    wanted = os.environ.get(FEATURE)
    for word, after in itertools.pairwise(words):
        if word == "--manifest-path":
            manifest = text_files.read_toml(Path(after))
            return [f"--features={wanted}"] if wanted in manifest.get("features", {}) else []
    return []


def _selection(words: Sequence[str]) -> list[str]:
    """Return the options among cargo's arguments that select a package and its features."""
    kept = []
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word in ("--manifest-path", "--features"):
            kept += [word, after]
        elif word in ("--no-default-features", "--all-features"):
            kept.append(word)
    return kept


def _libraries(output: bytes, name: str) -> Iterator[str]:
    """Give the libraries of a name among the artifacts in cargo's output."""
    for line in output.splitlines():
        for file in json.loads(line).get("filenames", ()):
            path = Path(file)
            if path.suffix in SUFFIXES and path.stem.removeprefix("lib") == name:
                yield file
