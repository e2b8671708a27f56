"""The files of the wheels in a site, each in a folder that is named by its sha256.

The same name with other bytes would break the tabs that have read the lock already, and the
browser's cache; under its hash a file never changes and may be cached for ever.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from ..api.errors import CheckError
from ..runtime.lock import Entry, Lock

#: The folders of the wheels, beside the lock: what was published, and what others made.
PUBLISHED = "wheels"
BROUGHT = "packages"

#: Seconds for which a wheel that has been replaced is kept for the tabs that still name it.
GRACE = 24 * 3600.0

#: What a file's name may be made of, to be the same in a URL.
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]*\.(whl|bin)")


def put(path: Path, sha256: str, beside: Path, under: str) -> str:
    """Copy a file whole to its place beside a lock; the `file_name` for the lock."""
    if not SAFE.fullmatch(path.name):
        raise CheckError(
            f"{path.name!r} is not a name for a wheel.",
            "It has characters in it that no wheel's name has, and that mean something in a URL.",
            "Build it again; a wheel's name is made from its package's name, version and tags.",
        )
    folder = beside / under / sha256
    if not _is_there(folder / path.name, sha256):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".")
        try:
            with os.fdopen(handle, "wb") as target, path.open("rb") as source:
                shutil.copyfileobj(source, target)
                target.flush()
                os.fsync(target.fileno())
            Path(name).chmod(0o644)
            os.replace(name, folder / path.name)
        finally:
            Path(name).unlink(missing_ok=True)
    return f"{under}/{sha256}/{path.name}"


def _is_there(place: Path, sha256: str) -> bool:
    """Whether a file is in its place and as it was: somebody may have written into it since."""
    return place.is_file() and hash_of(place) == sha256


def hash_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def let_go(entry: Entry, beside: Path) -> None:
    """Start the time of grace of a wheel that the lock no longer names."""
    if entry.file_name.startswith(f"{PUBLISHED}/"):
        folder = (beside / entry.file_name).parent
        if folder.is_dir():
            os.utime(folder)


def remove(entry: Entry, beside: Path) -> None:
    """Remove a wheel at once; a tab that is fetching it right now still gets all of it."""
    if entry.file_name.startswith(f"{PUBLISHED}/"):
        shutil.rmtree((beside / entry.file_name).parent, ignore_errors=True)


def sweep(lock: Lock, beside: Path, now: float | None = None) -> None:
    """Remove what was published and is no longer named, once its time of grace is over."""
    used = {part for entry in lock.packages.values() for part in entry.file_name.split("/")}
    until = (time.time() if now is None else now) - GRACE
    with os.scandir(beside / PUBLISHED) as folders:
        for folder in folders:
            if folder.name not in used and folder.stat().st_mtime < until:
                shutil.rmtree(folder.path, ignore_errors=True)


def sweep_now_and_then(lock: Lock, beside: Path, private: Path) -> None:
    """Sweep if that has not been done for an hour: it looks at everything."""
    stamp = private / "swept"
    if not stamp.exists() or stamp.stat().st_mtime < time.time() - 3600:
        sweep(lock, beside)
        stamp.touch()
