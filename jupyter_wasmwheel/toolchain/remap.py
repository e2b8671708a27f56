"""Path remapping: keep the folders of this machine out of compiled code.

Panics and assertions contain the name of their source file. With fixed names for the folders, the
same source gives the same bytes on every machine. If cargo knew the flags, it would compile
everything again for each work folder, so its RUSTC_WRAPPER, the script `wasmwheel-rustc` beside
this module, adds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

#: The variable with the renamed folders: FOLDER=NAME, one a line.
VARIABLE = "WASMWHEEL_REMAP"

#: The variable with the user's own RUSTC_WRAPPER, which is called as well.
WRAPPER = "WASMWHEEL_RUSTC_WRAPPER"

#: The names of a build's folders.
SOURCE, TARGET, CRATES, CARGO = "/source", "/target", "/crates", "/cargo"


def variables(
    folders: Iterable[tuple[Path, str]], script: Path, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that make a build rename folders by the script `wasmwheel-rustc`."""
    lines = "\n".join(f"{folder}={name}" for folder, name in folders)
    env = {VARIABLE: lines, "RUSTC_WRAPPER": str(script)}
    wrapper = environ.get("RUSTC_WRAPPER")
    return {**env, WRAPPER: wrapper} if wrapper else env


def c_flags(environ: Mapping[str, str]) -> list[str]:
    """Return clang's flags to rename folders."""
    return [f"-ffile-prefix-map={line}" for line in _lines(environ)]


def restore_path(path: str, environ: Mapping[str, str]) -> str:
    """Return the path on this machine of one that the compiler renamed."""
    for line in _lines(environ):
        folder, _, name = line.rpartition("=")
        if path.startswith(f"{name}/"):
            return folder + path.removeprefix(name)
    return path


def _lines(environ: Mapping[str, str]) -> list[str]:
    return environ.get(VARIABLE, "").splitlines()
