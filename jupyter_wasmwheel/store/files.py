"""Files that are replaced atomically, and whether a file system can lock them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file atomically: a reader sees either the old or the new content."""
    replace_files({path: data})


def has_locks(folder: Path) -> bool:
    """Return whether a folder's file system can lock files; some network mounts cannot."""
    if sys.platform == "win32":
        return True
    import fcntl

    with tempfile.TemporaryFile(dir=folder) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def replace_files(files: Mapping[Path, bytes]) -> None:
    """Replace several files atomically, in this order, once all of them are written.

    Where there is no room for one of them, none is replaced.
    """
    written: dict[Path, Path] = {}
    try:
        for path, data in files.items():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            written[path] = Path(name)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            written[path].chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        for path, beside in written.items():
            os.replace(beside, path)
    finally:
        for beside in written.values():
            beside.unlink(missing_ok=True)
