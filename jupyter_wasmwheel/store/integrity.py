"""Integrity of a store's entries: detect files that changed after the installation.

A record has the size, times and sha256 of each file. A file is hashed again only if its times have
changed, as in a copied store. A program without root's rights cannot set the ctime, so its changes
are found even if it sets the other times back. Files that were added later are ignored: a Python
environment compiles its modules when it is used.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ..safe_paths import MAX_FILE_BYTES, remove_tree
from .files import read_file

#: The folder of the records in a store.
FOLDER = "seals"

#: The record of a file: size, mtime, ctime, and its sha256, or the target of a link.
FileRecord = tuple[int, int, int, str]

#: The kinds of entries that change when they are used, and so have no record.
MUTABLE = ("emsdk", "rustup")


def record(root: Path, key: str, folder: Path) -> None:
    """Record the files of an entry, which are in a folder that will be renamed to it."""
    _write(root, key, {name: _read(path) for name, path in _files(folder)})
    verify.cache_clear()


def forget(root: Path, key: str) -> None:
    """Remove the record of an entry."""
    remove_tree(_record_path(root, key))
    _record_path(root, key).unlink(missing_ok=True)
    verify.cache_clear()


@functools.cache
def verify(root: Path, key: str) -> bool:
    """Return whether all files of an entry are as installed; cached for the process.

    An entry without a record, as older versions of this package left, gets one.
    """
    if key.startswith(MUTABLE):
        return True
    folder = root / key
    known = _load(root, key)
    changed = known or {name: _read(path) for name, path in _files(folder)}
    for name, was in (known or {}).items():
        path = folder / name
        try:
            if _quick(path) == was[:3]:
                continue
            now = _read(path)
        except (OSError, ValueError):
            return False
        if now[-1] != was[-1]:
            return False
        changed = {**changed, name: now}
    if changed != known:
        with contextlib.suppress(OSError):  # such as in an administrator's store
            _write(root, key, changed)
    return True


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for here, names, files in os.walk(folder):
        links = [name for name in names if os.path.islink(os.path.join(here, name))]
        for name in (*files, *links):
            path = Path(here, name)
            if path.is_file() or path.is_symlink():
                yield path.relative_to(folder).as_posix(), path


def _quick(path: Path) -> tuple[int, int, int]:
    info = path.lstat()
    if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
        raise OSError(f"{path} is not a regular file")  # reading a pipe would block
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns


def _read(path: Path) -> FileRecord:
    quick = _quick(path)
    if path.is_symlink():
        return (*quick, os.readlink(path))
    with path.open("rb") as stream:
        return (*quick, hashlib.file_digest(stream, "sha256").hexdigest())


def _record_path(root: Path, key: str) -> Path:
    return root / FOLDER / (key.replace("/", "+") + ".json")


def _load(root: Path, key: str) -> dict[str, FileRecord] | None:
    try:
        # Not by msgspec: a name can have bytes that are not UTF-8, which it does not accept.
        known = json.loads(read_file(_record_path(root, key), MAX_FILE_BYTES))
        return msgspec.convert(known, dict[str, FileRecord])
    except (OSError, ValueError, RecursionError):
        return None


def _write(root: Path, key: str, known: dict[str, FileRecord]) -> None:
    path = _record_path(root, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(f".{os.getpid()}")
    try:
        staged.write_text(json.dumps(known), encoding="utf-8")
        remove_tree(path)
        os.replace(staged, path)
    finally:
        staged.unlink(missing_ok=True)
