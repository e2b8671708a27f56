"""The files of a site that are compressed once, as `NAME.gz`, and sent so.

A file that is replaced is newer than its `.gz`, which is then ignored.
"""

from __future__ import annotations

import gzip
import stat
from pathlib import Path

#: The endings and the size of files that are worth compressing.
ENDINGS = (".css", ".js", ".mjs", ".svg", ".wasm", ".woff")
MIN_BYTES = 2_000


def add(folder: Path) -> None:
    """Compress the files of a folder that are worth it."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in ENDINGS and path.is_file() and path.stat().st_size >= MIN_BYTES:
            form(path).write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def form(path: Path) -> Path:
    """Return the path of the compressed form of a file, if it has one."""
    return path.with_name(f"{path.name}.gz")


def find(path: Path) -> Path | None:
    """Return the compressed form of a file, or None if it has none or an outdated one."""
    compressed = form(path)
    try:
        state = compressed.lstat()
    except FileNotFoundError:
        return None
    current = state.st_mtime_ns >= path.stat().st_mtime_ns
    return compressed if current and stat.S_ISREG(state.st_mode) else None
