"""The wheels in a site, each in a folder that is named by its sha256.

New bytes under an old name would break open tabs and the browser's cache. Under its hash a file
never changes, and can be cached forever.
"""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path

from .. import wheel
from ..api.errors import CheckError
from ..runtime.lock import Entry, Lock
from ..safe_paths import Root

#: The folders of published wheels and of others' packages, in the folder of the lock.
PUBLISHED = "wheels"
DEPENDENCIES = "packages"

#: How long a replaced wheel is kept for open tabs.
GRACE_S = 24 * 3600.0

#: A file name that is the same in a URL.
SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]*\.(whl|bin)")

#: What is added to a wheel's file name for that of its metadata (PEP 658).
METADATA = ".metadata"

#: The folder of a published wheel.
OWN_FOLDER = re.compile(rf"{PUBLISHED}/[0-9a-f]{{64}}(?=/[^/]+\Z)")

#: The file in a site's private folder that has the time of the last sweep.
LAST_SWEEP = "swept"


def add(path: Path, sha256: str, package_root: Root, under: str) -> str:
    """Copy a file to the folder of a lock; return its `file_name` for the lock.

    A wheel gets its metadata next to it.
    """
    if not SAFE_NAME.fullmatch(path.name):
        raise CheckError(
            f"Invalid wheel name {path.name!r}.",
            "It contains characters that are not allowed in the name of a wheel.",
            "Build it again: its name must consist of the package's name, version and tags.",
            code="wheel.invalid-name",
        )
    place = f"{under}/{sha256}/{path.name}"
    if package_root.is_file(place):
        with package_root.open(place) as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == sha256:
                return place
    package_root.copy(path, place)
    if path.suffix == ".whl":
        package_root.replace({f"{place}{METADATA}": wheel.read_metadata(path)})
    return place


def hash_of(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def own_folder(entry: Entry) -> str | None:
    """Return the folder of a published wheel, which contains nothing else; None without one."""
    folder = OWN_FOLDER.match(entry.file_name)
    return folder[0] if folder else None


def sweep(lock: Lock, package_root: Root, now: float | None = None) -> None:
    """Remove published wheels that the lock no longer names, after their grace period."""
    used = {part for entry in lock.packages.values() for part in entry.file_name.split("/")}
    until = (time.time() if now is None else now) - GRACE_S
    for name, state in package_root.children(PUBLISHED):
        if name not in used and state.st_mtime < until:
            package_root.remove(f"{PUBLISHED}/{name}")


def sweep_if_due(lock: Lock, package_root: Root, private: Root) -> None:
    """Sweep at most once an hour, because it lists all wheels."""
    if not private.is_file(LAST_SWEEP) or private.stat(LAST_SWEEP).st_mtime < time.time() - 3600:
        sweep(lock, package_root)
        private.replace({LAST_SWEEP: b""})
