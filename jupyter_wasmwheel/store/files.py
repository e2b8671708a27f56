"""Files of a store: read and replaced whole, and support for locking them."""

from __future__ import annotations

import errno
import sys
import tempfile
from pathlib import Path

from ..api.errors import SiteError
from ..safe_paths import MAX_DOCUMENT_BYTES, Root


def read_file(path: Path, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Return the bytes of a file.

    An OSError if it is missing, too large, or a folder, a link or a pipe, which could block.
    """
    try:
        return Root(path.parent).read(path.name, limit)
    except SiteError as error:
        raise OSError(errno.EINVAL, error.what, str(path)) from error


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
