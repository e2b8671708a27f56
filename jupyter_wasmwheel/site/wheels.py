"""The files of the wheels in a site, each in a folder that is named by its sha256.

The same name with other bytes would break the tabs that have read the lock already, and the
browser's cache; under its hash a file never changes and may be cached for ever.
"""

from __future__ import annotations

import hashlib
import re
import time
from io import BufferedReader
from pathlib import Path

from ..api.errors import CheckError
from ..runtime.lock import Entry, Lock
from ..safe_paths import Root

#: The folders of the wheels, beside the lock: what was published, and what others made.
PUBLISHED = "wheels"
BROUGHT = "packages"

#: Seconds for which a wheel that has been replaced is kept for the tabs that still name it.
GRACE = 24 * 3600.0

#: What a file's name may be made of, to be the same in a URL.
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]*\.(whl|bin)")

#: The folder of a published wheel: one that has its hash for a name, and nothing else in it.
OWN_FOLDER = re.compile(rf"{PUBLISHED}/[0-9a-f]{{64}}(?=/[^/]+\Z)")

#: The file in a site's private folder whose time is that of the last sweep.
SWEPT = "swept"


def put(path: Path, sha256: str, beside: Root, under: str) -> str:
    """Copy a file whole to its place beside a lock; return the `file_name` for the lock."""
    if not SAFE.fullmatch(path.name):
        raise CheckError(
            f"Invalid wheel name {path.name!r}.",
            "It has characters in it that no wheel's name has, and that mean something in a URL.",
            "Build it again; a wheel's name is made from its package's name, version and tags.",
            code="wheel.invalid-name",
        )
    place = f"{under}/{sha256}/{path.name}"
    if not _is_there(place, sha256, beside):
        beside.copy(path, place)
    return place


def _is_there(place: str, sha256: str, beside: Root) -> bool:
    """Return whether a file is in its place and as it was: it may have been changed since."""
    if not beside.is_file(place):
        return False
    with beside.open(place) as stream:
        return _hash(stream) == sha256


def hash_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return _hash(stream)


def _hash(stream: BufferedReader) -> str:
    return hashlib.file_digest(stream, "sha256").hexdigest()


def let_go(entry: Entry, beside: Root) -> None:
    """Start the time of grace of a wheel that the lock no longer names."""
    if folder := _folder_of(entry):
        beside.touch(folder)


def remove(entry: Entry, beside: Root) -> None:
    """Remove a wheel at once; a tab that is fetching it right now still gets all of it."""
    if folder := _folder_of(entry):
        beside.remove(folder)


def _folder_of(entry: Entry) -> str | None:
    """Return the folder of a published wheel, which holds nothing else; None for any other."""
    found = OWN_FOLDER.match(entry.file_name)
    return found and found[0]


def sweep(lock: Lock, beside: Root, now: float | None = None) -> None:
    """Remove what was published and is no longer named, once its time of grace is over."""
    used = {part for entry in lock.packages.values() for part in entry.file_name.split("/")}
    until = (time.time() if now is None else now) - GRACE
    for name, about in beside.children(PUBLISHED):
        if name not in used and about.st_mtime < until:
            beside.remove(f"{PUBLISHED}/{name}")


def sweep_now_and_then(lock: Lock, beside: Root, private: Root) -> None:
    """Sweep if that has not been done for an hour: it looks at everything."""
    if not private.is_file(SWEPT) or private.stat(SWEPT).st_mtime < time.time() - 3600:
        sweep(lock, beside)
        private.replace({SWEPT: b""})
