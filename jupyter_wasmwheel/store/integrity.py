"""What the files of a store's entry were when it was installed, so that a changed one is found.

A seal has the size, the times and the sha256 of each file. Times are quick to compare; a file
is read again only where its times have changed, as those of a copied store have. The time of a
change (ctime) cannot be set by a program, so that whoever changes a file without being root is
found even if he sets its other times back. Files that came later are not looked at: a Python
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

#: The folder of the seals in a store.
FOLDER = "seals"

#: What a seal says of a file: size, time of its content, time of its change, sha256; of a link,
#: where it leads to.
Known = list[int | str]


#: The kinds of entries that are not sealed: what is in them writes there when it is used.
MUTABLE = ("emsdk", "rustup")


def record(root: Path, key: str, folder: Path) -> None:
    """Seal an entry that is in a folder, from which it will be renamed."""
    _keep(root, key, {name: _read(path) for name, path in _files(folder)})
    verify.cache_clear()


def forget(root: Path, key: str) -> None:
    """Remove the seal of an entry."""
    _place(root, key).unlink(missing_ok=True)
    verify.cache_clear()


@functools.cache
def verify(root: Path, key: str) -> bool:
    """Whether all files of an entry are as they were; asked once in a process.

    An entry without a seal, of an older version of this package, is given one.
    """
    if key.startswith(MUTABLE):
        return True
    folder = root / key
    known = _load(root, key)
    if known is None:
        _try_to_keep(root, key, {name: _read(path) for name, path in _files(folder)})
        return True
    changed = dict(known)
    for name, was in known.items():
        path = folder / name
        try:
            if _quick(path) == was[:3]:
                continue
            now = _read(path)
        except OSError:
            return False
        if now[-1] != was[-1]:
            return False
        changed[name] = now
    if changed != known:
        _try_to_keep(root, key, changed)
    return True


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for here, names, files in os.walk(folder):
        links = [name for name in names if os.path.islink(os.path.join(here, name))]
        for name in (*files, *links):
            path = Path(here, name)
            if path.is_file() or path.is_symlink():
                yield path.relative_to(folder).as_posix(), path


def _quick(path: Path) -> Known:
    info = path.lstat()
    if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
        raise OSError(f"{path} is no file")  # to read a pipe would take for ever
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns]


def _read(path: Path) -> Known:
    quick = _quick(path)
    if path.is_symlink():
        return [*quick, os.readlink(path)]
    with path.open("rb") as stream:
        return [*quick, hashlib.file_digest(stream, "sha256").hexdigest()]


def _place(root: Path, key: str) -> Path:
    return root / FOLDER / (key.replace("/", "+") + ".json")


def _load(root: Path, key: str) -> dict[str, Known] | None:
    try:
        known = json.loads(_place(root, key).read_bytes())
        return known if isinstance(known, dict) else None
    except (OSError, ValueError):
        return None


def _keep(root: Path, key: str, known: dict[str, Known]) -> None:
    place = _place(root, key)
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_suffix(f".{os.getpid()}")
    try:
        beside.write_text(json.dumps(known), encoding="utf-8")
        os.replace(beside, place)
    finally:
        beside.unlink(missing_ok=True)


def _try_to_keep(root: Path, key: str, known: dict[str, Known]) -> None:
    """Keep a seal, unless the store may not be written to, as an administrator's."""
    with contextlib.suppress(OSError):
        _keep(root, key, known)
