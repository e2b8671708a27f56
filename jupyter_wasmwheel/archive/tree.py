"""A folder that an archive is written into, so that nothing is ever written outside it.

Each folder on the way to a file is opened by its name in the one before, and none by way of a link,
so that it does not matter what paths resolve to, nor what others do to the folder meanwhile. Links
are made when all else has been written. Where the system cannot open in that way, no links are made
at all, so that there are none to follow.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import DamagedError, UnsafeError
from .limits import Budget
from .names import Parts, check_links

#: Whether folders can be opened by their names in others, and without following links.
HAS_DIR_FD = {os.open, os.mkdir, os.stat, os.symlink, os.unlink} <= os.supports_dir_fd and hasattr(
    os, "O_NOFOLLOW"
)

#: What is read and written at once, in bytes.
CHUNK_BYTES = 64 * 1024

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)

#: The latest time that a file is given, in seconds since 1970.
MAX_TIME = 2**32


class Tree:
    """A folder that is written to by members' components; use it as a context.

    Links may not leave the first `within` components of their own paths.
    """

    def __init__(self, folder: Path, budget: Budget, within: int) -> None:
        self._folder, self._budget, self._within = folder, budget, within
        self._links: dict[Parts, str] = {}
        #: The folder that was entered last, and with dir_fd all that are open on the way to it.
        self._here: Parts = ()
        self._open: list[int] = []

    def __enter__(self) -> Tree:
        self._folder.mkdir(parents=True, exist_ok=True)
        if HAS_DIR_FD:
            self._open.append(os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY))
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.pop())

    def folder(self, parts: Parts) -> None:
        """Make a folder, and those that it is in."""
        self._enter(parts)

    def file(
        self, parts: Parts, chunks: Iterable[bytes], *, runs: bool, time: float | None
    ) -> None:
        """Write a file, in the place of one that the archive had before under that name.

        `runs` says whether it can be run; nothing else is taken of a member's mode. `time` is when
        it was changed, in seconds since 1970.
        """
        where = self._enter(self._named(parts)[:-1])
        self._budget.enter()
        with open(self._create(parts[-1], where), "wb") as stream:
            for chunk in chunks:
                stream.write(chunk)
            stream.flush()
            place = stream.fileno() if HAS_DIR_FD else os.path.join(self._path(), parts[-1])
            os.chmod(place, 0o755 if runs else 0o644)
            if time is not None and HAS_DIR_FD:
                seconds = min(max(time, 0), MAX_TIME)
                os.utime(place, (seconds, seconds))
        if time is not None and not HAS_DIR_FD:
            seconds = min(max(time, 0), MAX_TIME)
            os.utime(place, (seconds, seconds))

    def copy(self, parts: Parts, source: Parts) -> None:
        """Write a file with what another one holds, which the archive had before."""
        try:
            handle = self._find(self._named(source))
        except OSError as error:
            raise DamagedError(f"{'/'.join(source)!r:.200} is not in it before its link") from error
        with open(handle, "rb") as stream:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode):
                raise UnsafeError(f"its hard link to {'/'.join(source)!r:.200} is to no file")
            runs = state.st_mode & 0o100 != 0
            self.file(parts, self._counted(stream), runs=runs, time=state.st_mtime)

    def link(self, parts: Parts, target: str) -> None:
        """Make a symbolic link when all else has been written."""
        if not HAS_DIR_FD:
            raise UnsafeError(
                f"its member {'/'.join(parts)!r:.200} is a symbolic link, which cannot be made "
                "safely on this system"
            )
        if self._named(parts) in self._links:
            raise DamagedError(f"its link {'/'.join(parts)!r:.200} is in it twice")
        self._budget.enter()
        self._links[parts] = target

    def make_links(self) -> None:
        """Check the links and make them; an UnsafeError where one leads outside."""
        check_links(self._links, self._within)
        for parts, target in self._links.items():
            os.symlink(target, parts[-1], dir_fd=self._enter(parts[:-1]))

    def _named(self, parts: Parts) -> Parts:
        if not parts:
            raise DamagedError("it has a member without a name that is no folder")
        return parts

    def _counted(self, stream: BinaryIO) -> Iterator[bytes]:
        while chunk := stream.read(CHUNK_BYTES):
            self._budget.spend(len(chunk))
            yield chunk

    def _path(self) -> str:
        return os.path.join(self._folder, *self._here)

    def _enter(self, parts: Parts, *, make: bool = True) -> int | None:
        """Go to a folder, making what is missing; its descriptor where there are any."""
        same = 0
        for old, new in zip(self._here, parts, strict=False):
            if old != new:
                break
            same += 1
        self._here = self._here[:same]
        while len(self._open) > same + 1:
            os.close(self._open.pop())
        for part in parts[same:]:
            if HAS_DIR_FD:
                if make:
                    self._make(part, self._open[-1])
                self._open.append(os.open(part, _FOLDER, dir_fd=self._open[-1]))
            else:
                path = os.path.join(self._path(), part)
                if make:
                    self._make(path, None)
                if not stat.S_ISDIR(os.lstat(path).st_mode):
                    raise DamagedError(f"its folder {part!r:.200} is a file, too")
            self._here = (*self._here, part)
        return self._open[-1] if self._open else None

    def _make(self, name: str, where: int | None) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=where)
            self._budget.enter()

    def _create(self, name: str, where: int | None) -> int:
        path = name if where is not None else os.path.join(self._path(), name)
        try:
            return os.open(path, _WRITE | _BINARY, 0o600, dir_fd=where)
        except FileExistsError:
            if not stat.S_ISREG(os.stat(path, dir_fd=where, follow_symlinks=False).st_mode):
                raise
        os.unlink(path, dir_fd=where)
        return os.open(path, _WRITE | _BINARY, 0o600, dir_fd=where)

    def _find(self, parts: Parts) -> int:
        where = self._enter(parts[:-1], make=False)
        path = parts[-1] if where is not None else os.path.join(self._path(), parts[-1])
        if not stat.S_ISREG(os.stat(path, dir_fd=where, follow_symlinks=False).st_mode):
            raise UnsafeError(f"its hard link to {'/'.join(parts)!r:.200} is to no file")
        return os.open(path, _READ | _BINARY, dir_fd=where)
