"""The files of a site that are sent compressed: each has its `.gz` beside it, made once.

Only files that stay as they are have one. Where a file is replaced all the same, its `.gz` is older
and counts no more.
"""

from __future__ import annotations

import gzip
import stat
from pathlib import Path

#: The endings of the files that are worth it, and the bytes from which on they are.
ENDINGS = (".css", ".js", ".mjs", ".svg", ".wasm", ".woff")
LEAST = 2_000


def add(folder: Path) -> None:
    """Put the compressed form beside each file of a folder that is worth it."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in ENDINGS and path.is_file() and path.stat().st_size >= LEAST:
            form(path).write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def form(path: Path) -> Path:
    """Where the compressed form of a file is, if it has one."""
    return path.with_name(f"{path.name}.gz")


def find(path: Path) -> Path | None:
    """The compressed form of a file, or None where it has none that is of its bytes."""
    its = form(path)
    try:
        about = its.lstat()
    except FileNotFoundError:
        return None
    newer = about.st_mtime_ns >= path.stat().st_mtime_ns
    return its if newer and stat.S_ISREG(about.st_mode) else None
