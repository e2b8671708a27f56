"""Folders of this machine, kept out of what is compiled: it names fixed places in their stead.

What panics or asserts names its source file. With the folders renamed, the same source gives the
same bytes wherever it is built, and a wheel does not tell where that was. The flags for it would
make cargo compile everything anew for each work folder if it knew of them; so it does not, and the
script `wasmwheel-rustc` beside this module, its RUSTC_WRAPPER, adds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

#: The variable by which a build tells which folders are renamed: FOLDER=NAME, one a line.
VARIABLE = "WASMWHEEL_REMAP"

#: The variable by which it tells the user's own RUSTC_WRAPPER, which is called all the same.
WRAPPER = "WASMWHEEL_RUSTC_WRAPPER"

#: What stands for the folders of a build.
SOURCE, TARGET, CRATES, CARGO = "/source", "/target", "/crates", "/cargo"


def variables(
    folders: Iterable[tuple[Path, str]], script: Path, environ: Mapping[str, str]
) -> dict[str, str]:
    """The variables that have a build rename folders, by the script `wasmwheel-rustc`."""
    lines = "\n".join(f"{folder}={name}" for folder, name in folders)
    env = {VARIABLE: lines, "RUSTC_WRAPPER": str(script)}
    wrapper = environ.get("RUSTC_WRAPPER")
    return {**env, WRAPPER: wrapper} if wrapper else env


def c_flags(environ: Mapping[str, str]) -> list[str]:
    """The flags by which clang renames folders."""
    return [f"-ffile-prefix-map={line}" for line in _lines(environ)]


def restore_path(path: str, environ: Mapping[str, str]) -> str:
    """The path on this machine for one that the compiler renamed."""
    for line in _lines(environ):
        folder, _, name = line.rpartition("=")
        if path.startswith(f"{name}/"):
            return folder + path.removeprefix(name)
    return path


def _lines(environ: Mapping[str, str]) -> list[str]:
    return environ.get(VARIABLE, "").splitlines()
