"""Paths upwards in sources: files outside a project that its build reads.

They are found as text that reads like a path with `..` and exists, in manifests (a license, a path
crate), in setup.py, in build scripts and in Rust (`include_str!("../../data.txt")`). Nothing is
run. Inside a git repository this is not needed, because its copy is whole.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

#: The files that are searched, by their endings, and by their names.
ENDINGS = (".cmake", ".rs", ".toml")
NAMES = {"CMakeLists.txt", "MANIFEST.in", "meson.build", "setup.cfg", "setup.py"}

#: Files whose code can put a path together from its parts.
PROGRAMS = {"build.rs", "setup.py"}

#: The largest file that is searched, in bytes.
MAX_FILE_BYTES = 1_000_000

#: Matches a literal, or a bare word, that contains `..` as a path has it.
_UPWARDS = re.compile(
    r""""([^"\n]{0,300}\.\.[^"\n]{0,300})"|'([^'\n]{0,300}\.\.[^'\n]{0,300})'"""
    r"""|([\w./*+@-]{0,300}\.\./[\w./*+@-]{0,300})"""
)

#: Matches a step upwards, and a literal, in a program.
_STEP = re.compile(r"""\.parent\b|\bdirname\(|["']\.\.["']|\bParentDir\b""")
_LITERAL = re.compile(r"""["']([\w./+@ -]{1,200})["']""")

#: The names of manifests, in whose folder code is run or which paths are relative to.
_MANIFESTS = ("Cargo.toml", "pyproject.toml", "setup.py")

#: The highest number of steps upwards that a program's literals are looked for at.
MAX_STEPS = 2


def is_searched(path: Path) -> bool:
    """Check whether a file can name others."""
    return path.name in NAMES or path.suffix in ENDINGS


def find(path: Path, top: Path) -> Iterator[Path]:
    """Give the existing files and folders above `top`'s folder that a file in it names."""
    if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    if "../" not in text and path.name not in PROGRAMS:
        return
    bases = dict.fromkeys((path.parent, _package(path.parent)))
    for match in _UPWARDS.finditer(text):
        named = next(filter(None, match.groups()))
        # It can follow a variable: `concat!(env!("CARGO_MANIFEST_DIR"), "/../data.txt")`.
        for name in {named, named[named.index("..") :]}:
            for base in bases:
                yield from _existing(base, name, top)
    if path.name in PROGRAMS:
        here = path.parent
        literals = {name for name in _LITERAL.findall(text) if not os.path.exists(here / name)}
        places = here.parents[: min(len(_STEP.findall(text)), MAX_STEPS)]
        for base in places:
            for name in sorted(literals):
                yield from _existing(base, name, top)


def _existing(base: Path, name: str, top: Path) -> Iterator[Path]:
    """Give what a name in a folder means, if it exists, and neither is in `top` nor contains it."""
    pattern = os.path.normpath(base / name.lstrip("/"))
    if os.path.commonpath([pattern, top]) in (pattern, str(top)) or "\0" in pattern:
        return
    home = Path.home()
    for found in map(Path, glob.glob(pattern) if glob.has_magic(pattern) else [pattern]):
        if os.path.exists(found) and not home.is_relative_to(found):
            yield _crate_folder(found, top)


def _crate_folder(path: Path, top: Path) -> Path:
    """Return the folder of a named Cargo.toml, with the crate in it, unless it contains `top`."""
    is_above = path.parent in (top, *top.parents)
    return path if path.name != "Cargo.toml" or is_above else path.parent


def _package(folder: Path) -> Path:
    """Return the folder of the nearest manifest, in which code is run."""
    for place in (folder, *folder.parents):
        if any((place / name).is_file() for name in _MANIFESTS):
            return place
    return folder
