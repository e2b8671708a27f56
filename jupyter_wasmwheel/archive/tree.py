"""The folder that an archive is unpacked into, outside which nothing is written (safe_paths.py).

Links are created last. If the system cannot open names relative to a folder, links are refused, so
that there are none to follow.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from .. import safe_paths
from ..safe_paths import Folder
from .errors import DamagedError, UnsafeError
from .limits import Budget
from .names import Parts, check_links

#: The amount that is read and written at once.
CHUNK_BYTES = 64 * 1024

#: The latest time of a file, in seconds since 1970.
MAX_TIME = 2**32


class Tree:
    """A context that writes members, named by their components, into a folder.

    Links must stay below the first `within` components of their own paths.
    """

    def __init__(self, folder: Path, budget: Budget, within: int) -> None:
        self._folder, self._budget, self._within = folder, budget, within
        self._links: dict[Parts, str] = {}
        #: The current folder, and the open ones from the top down to it.
        self._here: Parts = ()
        self._open: list[Folder] = []

    def __enter__(self) -> Tree:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._open.append(Folder.open(self._folder))
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.pop().close()

    def add_folder(self, parts: Parts) -> None:
        """Create a folder and its parents."""
        self._enter(parts)

    def add_file(
        self, parts: Parts, chunks: Iterable[bytes], *, runs: bool, time: float | None
    ) -> None:
        """Write a file, replacing an earlier member of that name.

        `runs` is whether it is executable; the rest of a member's mode is ignored. `time` is its
        modification time, in seconds since 1970.
        """
        *_, name = self._named(parts)
        where = self._enter(parts[:-1])
        self._budget.count_entry()
        self._make_room(where, name)
        with where.create(name, 0o755 if runs else 0o644) as stream:
            for chunk in chunks:
                stream.write(chunk)
        if time is not None:
            where.touch(name, min(max(time, 0), MAX_TIME))

    def add_copy(self, parts: Parts, source: Parts) -> None:
        """Write a copy of an earlier member, as the target of a hard link."""
        shown = f"{'/'.join(self._named(source))!r:.200}"
        try:
            where = self._enter(source[:-1], make=False)
            is_file = stat.S_ISREG(where.lstat(source[-1]).st_mode)
        except OSError as error:
            raise DamagedError(f"{shown} is not in it before its link") from error
        if not is_file:
            raise UnsafeError(f"its hard link to {shown} does not lead to a file")
        with where.read(source[-1]) as stream:
            state = os.fstat(stream.fileno())
            runs = state.st_mode & 0o100 != 0
            self.add_file(parts, self._counted(stream), runs=runs, time=state.st_mtime)

    def add_link(self, parts: Parts, target: str) -> None:
        """Add a symbolic link, which `make_links` creates."""
        if not safe_paths.HAS_DIR_FD:
            raise UnsafeError(
                f"its member {'/'.join(parts)!r:.200} is a symbolic link, which cannot be created "
                "safely on this system"
            )
        if self._named(parts) in self._links:
            raise DamagedError(f"its link {'/'.join(parts)!r:.200} occurs twice")
        self._budget.count_entry()
        self._links[parts] = target

    def make_links(self) -> None:
        """Check the links and create them."""
        check_links(self._links, self._within)
        for parts, target in self._links.items():
            os.symlink(target, parts[-1], dir_fd=self._enter(parts[:-1]).handle)

    def _named(self, parts: Parts) -> Parts:
        if not parts:
            raise DamagedError("it has a file or link without a name")
        return parts

    def _counted(self, stream: BinaryIO) -> Iterator[bytes]:
        while chunk := stream.read(CHUNK_BYTES):
            self._budget.spend(len(chunk))
            yield chunk

    def _enter(self, parts: Parts, *, make: bool = True) -> Folder:
        """Enter a folder, creating missing ones."""
        pairs = zip(self._here, parts, strict=False)
        same = len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
        self._here = self._here[:same]
        while len(self._open) > same + 1:
            self._open.pop().close()
        for part in parts[same:]:
            if make and self._open[-1].mkdir(part):
                self._budget.count_entry()
            self._open.append(self._open[-1].enter(part))
            self._here = (*self._here, part)
        return self._open[-1]

    def _make_room(self, where: Folder, name: str) -> None:
        """Remove a file that an earlier member wrote. Leave folders and links."""
        try:
            if stat.S_ISREG(where.lstat(name).st_mode):
                where.unlink(name)
        except FileNotFoundError:
            return
