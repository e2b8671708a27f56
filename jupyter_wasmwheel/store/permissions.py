"""Permissions of shared stores: who else can change the programs that builds run."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

#: How many levels of folders of a store are checked: kinds of entries, and the entries.
LEVELS = 2


def find_writable(folder: Path) -> Path | None:
    """Return a folder whose permissions let another user change a store, or None.

    It is the store, a folder in it, or one above it. The path of the store contains no links.
    Windows' permissions and access control lists are not read.
    """
    if sys.platform == "win32":
        return None
    above = [place for place in folder.parents if os.path.lexists(place)]
    for place in above:
        if not _is_trusted(place) and not _is_sticky(place):
            return place
    # Others could create a store that does not exist, even in a sticky folder.
    own = _folders(folder, LEVELS) if os.path.lexists(folder) else iter(above[:1])
    return next((place for place in own if not _is_trusted(place)), None)


def _folders(folder: Path, levels: int) -> Iterator[Path]:
    """Yield a folder, and the folders in it that can be read."""
    yield folder
    names: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names += [each.name for each in entries if levels and each.is_dir(follow_symlinks=False)]
    for name in sorted(names):
        yield from _folders(folder / name, levels - 1)


def _is_trusted(folder: Path) -> bool:
    """Return whether only this user and root can write to a folder."""
    status = folder.lstat()
    if status.st_uid not in (0, _user()) or status.st_mode & stat.S_IWOTH:
        return False
    return not status.st_mode & stat.S_IWGRP or _is_own_group(status.st_gid)


def _is_sticky(folder: Path) -> bool:
    """Return whether others can add to a folder, but not rename what is in it, as in `/tmp`."""
    status = folder.lstat()
    return status.st_uid in (0, _user()) and bool(status.st_mode & stat.S_ISVTX)


def _user() -> int:
    if sys.platform == "win32":
        return 0
    return os.geteuid()


def _is_own_group(gid: int) -> bool:
    """Return whether a group is root's, or has only this user and their name."""
    if gid == 0:
        return True
    if sys.platform == "win32":
        return False
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(_user()), grp.getgrgid(gid)
    except KeyError:
        return False
    return group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
