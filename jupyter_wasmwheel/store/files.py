"""Atomic replacement of files, and support for locking them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from ..safe_paths import Root


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file atomically: a reader sees either the old or the new content."""
    Root(path.parent).replace({path.name: data})


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
