"""Folders of this machine, kept out of what is compiled: it names fixed places in their stead.

What panics or asserts names its source file. With the folders renamed, the same source gives the
same bytes wherever it is built, and a wheel does not tell where that was. The flags for it would
make cargo compile everything anew for each work folder if it knew of them; so it does not, and the
console script `wasmwheel-rustc` (`main` below), its RUSTC_WRAPPER, adds them.

Written to be started quickly, once a crate: it imports next to nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from .relay import become

#: The variable by which a build tells which folders are renamed: pairs, as JSON.
VARIABLE = "WASMWHEEL_REMAP"

#: The variable by which it tells the user's own RUSTC_WRAPPER, which is called all the same.
WRAPPER = "WASMWHEEL_RUSTC_WRAPPER"

#: What stands for the folders of a build.
SOURCE, TARGET, CRATES, CARGO = "/source", "/target", "/crates", "/cargo"


def variables(
    folders: Iterable[tuple[Path, str]], script: Path, environ: Mapping[str, str]
) -> dict[str, str]:
    """The variables that have a build rename folders, by the script that is `main` below."""
    pairs = [(str(folder), name) for folder, name in folders]
    env = {VARIABLE: json.dumps(pairs), "RUSTC_WRAPPER": str(script)}
    wrapper = environ.get("RUSTC_WRAPPER")
    return {**env, WRAPPER: wrapper} if wrapper else env


def pairs(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """The folders that a build renames, and what stands for them."""
    return [(folder, name) for folder, name in json.loads(environ.get(VARIABLE, "[]"))]


def c_flags(environ: Mapping[str, str]) -> list[str]:
    """The flags by which clang renames folders."""
    return [f"-ffile-prefix-map={folder}={name}" for folder, name in pairs(environ)]


def restored(path: str, environ: Mapping[str, str]) -> str:
    """The path on this machine for one that the compiler renamed."""
    for folder, name in pairs(environ):
        if path.startswith(f"{name}/"):
            return folder + path.removeprefix(name)
    return path


def main() -> None:
    """Run rustc, as `wasmwheel-rustc`, with the flags that rename folders.

    Build scripts and macros, which run on this machine, are compiled as they are.
    """
    wanted = pairs(os.environ) if "--target" in sys.argv else []
    flags = [f"--remap-path-prefix={folder}={name}" for folder, name in wanted]
    become([*filter(None, [os.environ.get(WRAPPER)]), *sys.argv[1:], *flags])
