"""Files beneath a folder that a stranger may have filled: a site's, or an unpacked archive's.

A path is one list of names, each of which is opened in the folder of the one before (`dir_fd`,
`O_NOFOLLOW`), as with Go's `os.Root`: no link in the folder leads a read, a write or a removal out
of it, whatever paths resolve to and others do to the folder meanwhile. Where the system cannot do
that (Windows), each name is looked at before it is used.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .api.errors import SiteError

#: A name in a path that a file of a site has in it: neither `.` nor `..`, and nothing that means
#: more than a name on any system.
NAME = r"[^/\\:\x00-\x1f\x7f]{0,254}[^/\\:\x00-\x1f\x7f. ]"

#: Such a path, from its beginning to its end; it is relative, and as deep as any of ours.
PATH = rf"{NAME}(?:/{NAME}){{0,15}}"

#: The most bytes of a path.
LONGEST_PATH = 1024

#: What Windows reads as part of a path, as a stream of a file, as a device in any folder and with
#: any ending, or not at all.
_NOT_ON_WINDOWS = re.compile(
    r'[\\:*?"<>|\x00-\x1f]|[. ]$'
    r"|^(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]|conin\$|conout\$) *(\.|$)",
    re.IGNORECASE,
)

#: The most bytes of a file that is read whole.
LARGEST = 256 * 1024**2

#: The most bytes of a text that is read whole: JupyterLite's settings, listings of files.
LARGEST_TEXT = 4 * 1024**2

#: How deep folders may be within each other.
DEEPEST = 64

#: Whether the system opens a name in a folder that is open, and tells links apart while it does.
HAS_DIR_FD = hasattr(os, "O_NOFOLLOW") and (
    {os.open, os.mkdir, os.stat, os.symlink, os.unlink, os.rename} <= os.supports_dir_fd
)

_CLOSED = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | _CLOSED
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
# A pipe would be waited for, without O_NONBLOCK.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_LINK
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK

#: What the system says where a link is met, or something else that is not what is expected.
_OF_ANOTHER_KIND = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK, errno.EISDIR, errno.ENXIO)


def is_name_on_windows(name: str) -> bool:
    """Return whether Windows takes a name for that of a file or a folder, and nothing else."""
    return not _NOT_ON_WINDOWS.search(name)


class Folder(NamedTuple):
    """A folder that is open by its handle or, without `dir_fd`, known by its path.

    Its methods take the name of something directly in it, follow no link, and raise an OSError.
    """

    path: str
    handle: int | None

    @classmethod
    def open(cls, path: Path) -> Folder:
        """Open a folder that is trusted, also by way of links."""
        return cls(str(path), os.open(path, _FOLDER | _CLOSED) if HAS_DIR_FD else None)

    def close(self) -> None:
        """Close the handle, if there is one."""
        if self.handle is not None:
            os.close(self.handle)

    def at(self, name: str) -> str:
        """Return what a function of `os` calls a name, with the handle as its `dir_fd`."""
        return os.path.join(self.path, name) if self.handle is None else name

    def lstat(self, name: str) -> os.stat_result:
        """Return what the system knows of a file, a folder or a link."""
        return os.stat(self.at(name), dir_fd=self.handle, follow_symlinks=False)

    def scan(self) -> list[tuple[str, os.stat_result]]:
        """Return what is in the folder, by name."""
        where = self.path if self.handle is None else self.handle
        with os.scandir(where) as entries:
            return sorted((each.name, each.stat(follow_symlinks=False)) for each in entries)

    def make(self, name: str) -> bool:
        """Make a folder; return whether nothing was there."""
        try:
            os.mkdir(self.at(name), dir_fd=self.handle)
        except FileExistsError:
            return False
        return True

    def enter(self, name: str) -> Folder:
        """Open a folder."""
        path = os.path.join(self.path, name)
        if self.handle is not None:
            return Folder(path, os.open(name, _FOLDER | _NO_LINK, dir_fd=self.handle))
        about = os.lstat(path)
        if _is_link(about) or not stat.S_ISDIR(about.st_mode):
            raise _of_another_kind(path)
        return Folder(path, None)

    def read(self, name: str) -> BufferedReader:
        """Open a regular file for reading."""
        if self.handle is None and _is_link(self.lstat(name)):
            raise _of_another_kind(name)
        handle = os.open(self.at(name), _READ, dir_fd=self.handle)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise _of_another_kind(name)
        return os.fdopen(handle, "rb")

    def create(self, name: str, mode: int) -> BinaryIO:
        """Open a new file for writing."""
        return os.fdopen(os.open(self.at(name), _WRITE, mode, dir_fd=self.handle), "wb")

    def unlink(self, name: str) -> None:
        """Remove a file, or a link itself."""
        os.unlink(self.at(name), dir_fd=self.handle)

    def touch(self, name: str, seconds: float | None = None) -> None:
        """Set the time of a file or a folder, to now or to seconds since 1970."""
        times = None if seconds is None else (seconds, seconds)
        if self.handle is not None:
            os.utime(name, times, dir_fd=self.handle, follow_symlinks=False)
        elif not _is_link(self.lstat(name)):
            os.utime(self.at(name), times)


def _of_another_kind(name: str) -> OSError:
    return OSError(errno.ELOOP, "It is a link, or of another kind than expected", name)


@dataclass(frozen=True)
class Root:
    """A folder, or the folder `prefix` beneath it, whose links are not followed.

    `folder` itself is named by the user and may be a link. Paths are relative, with `/`. What is a
    link, or is not of the kind that is expected, is a SiteError; what is missing, an OSError.
    """

    folder: Path
    prefix: str = ""

    def within(self, name: str) -> Root:
        """Return the root of a folder in this one."""
        return Root(self.folder, self._whole(name))

    def path(self, name: str = "") -> Path:
        """Return the whole path of a name, to show it or to hand it on."""
        return self.folder / self._whole(name)

    def is_file(self, name: str) -> bool:
        """Return whether a regular file is there, and no link on the way to it."""
        try:
            return stat.S_ISREG(self.stat(name).st_mode)
        except FileNotFoundError:
            return False

    def stat(self, name: str) -> os.stat_result:
        """Return what the system knows of a file, a folder or a link."""
        with self._parent(name) as (folder, last):
            return folder.lstat(last)

    def open(self, name: str) -> BufferedReader:
        """Open a regular file for reading."""
        with self._parent(name) as (folder, last):
            try:
                return folder.read(last)
            except OSError as error:
                if error.errno in _OF_ANOTHER_KIND:
                    raise self._refused(name) from error
                error.filename = str(self.path(name))
                raise

    def read(self, name: str, limit: int = LARGEST_TEXT) -> bytes:
        """Return a file's bytes; a SiteError where they are more than the limit."""
        with self.open(name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise self._refused(name, f"has more than {limit:,} bytes")
        return data

    def children(self, name: str = "") -> list[tuple[str, os.stat_result]]:
        """Return what is in a folder, by name; nothing where there is none."""
        with contextlib.suppress(FileNotFoundError), self._folder(self._names(name)) as folder:
            return folder.scan()
        return []

    def walk(self, name: str = "") -> Iterator[str]:
        """Yield the regular files beneath a folder, but for hidden ones; refuse anything else."""
        for child, about in self.children(name):
            inside = f"{name}/{child}" if name else child
            if child.startswith("."):
                continue
            if stat.S_ISDIR(about.st_mode) and not _is_link(about):
                if inside.count("/") > DEEPEST:
                    raise self._refused(inside, "is in too many folders")
                yield from self.walk(inside)
            elif stat.S_ISREG(about.st_mode):
                yield inside
            else:
                raise self._refused(inside)

    def make_folder(self, name: str) -> None:
        """Make a folder, and those that it is in, where they are missing."""
        with self._folder(self._names(name), create=True):
            return

    def replace(self, files: Mapping[str, bytes]) -> None:
        """Put whole new files in the place of old ones, in this order, once all are written.

        Where there is no room for one of them, none is replaced. Their folders have to be there.
        """
        with ExitStack() as stack:
            written = []
            for name, data in files.items():
                folder, last = stack.enter_context(self._parent(name))
                self._require_no_folder(folder, last, name)
                beside, stream = stack.enter_context(_beside(folder, last))
                stream.write(data)
                _finish(stream)
                written.append((folder, beside, last))
            for folder, beside, last in written:
                _rename(folder, beside, last)

    def copy(self, source: Path, name: str) -> None:
        """Copy a file of ours to a place, whole; its folder is made where it is missing."""
        with (
            self._parent(name, create=True) as (folder, last),
            _beside(folder, last) as (beside, stream),
        ):
            self._require_no_folder(folder, last, name)
            with source.open("rb") as reading:
                shutil.copyfileobj(reading, stream)
            _finish(stream)
            _rename(folder, beside, last)

    def remove(self, name: str) -> None:
        """Remove a file, a link itself, or a folder with all that is in it, if it is there."""
        try:
            with self._parent(name) as (folder, last):
                about = folder.lstat(last)
                if stat.S_ISDIR(about.st_mode) and not _is_link(about):
                    shutil.rmtree(folder.at(last), ignore_errors=True, dir_fd=folder.handle)
                else:
                    folder.unlink(last)
        except FileNotFoundError:
            return

    def touch(self, name: str) -> None:
        """Set the time of a file or a folder, if it is there, to now."""
        with contextlib.suppress(FileNotFoundError), self._parent(name) as (folder, last):
            folder.touch(last)

    def require_own_file(self, name: str) -> None:
        """Raise a SiteError where a path is there and is not a regular file of one name."""
        try:
            about = self.stat(name)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(about.st_mode):
            raise self._refused(name)
        if about.st_nlink != 1:
            raise self._refused(name, "has another name elsewhere (a hard link)")

    def _require_no_folder(self, folder: Folder, last: str, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(folder.lstat(last).st_mode):
                raise self._refused(name, "is a folder, in the place of a file")

    def _whole(self, name: str) -> str:
        return "/".join(filter(None, (self.prefix, name)))

    def _names(self, name: str) -> list[str]:
        """Return the names on the way to a path, none of which leads out on this system."""
        whole = self._whole(name)
        names = whole.split("/") if whole else []
        for each in names:
            is_name = each not in ("", ".", "..") and "\0" not in each
            if not is_name or (os.name == "nt" and not is_name_on_windows(each)):
                raise self._refused(name, "is not a path within it")
        return names

    @contextmanager
    def _parent(self, name: str, *, create: bool = False) -> Iterator[tuple[Folder, str]]:
        """Open the folder that a path is in."""
        *names, last = self._names(name)
        with self._folder(names, create=create) as folder:
            yield folder, last

    @contextmanager
    def _folder(self, names: list[str], *, create: bool = False) -> Iterator[Folder]:
        """Open a folder, one name after the other."""
        folder = Folder.open(self.folder)
        try:
            for name in names:
                if create:
                    folder.make(name)
                try:
                    inner = folder.enter(name)
                except OSError as error:
                    place = Path(folder.path, name)
                    if error.errno in _OF_ANOTHER_KIND:
                        raise _refused(place, "is a link, or not a folder") from error
                    error.filename = str(place)
                    raise
                folder.close()
                folder = inner
            yield folder
        finally:
            folder.close()

    def _refused(self, name: str, why: str = "is a link, or not a regular file") -> SiteError:
        return _refused(self.path(name), why)


def _refused(path: Path, why: str) -> SiteError:
    return SiteError(
        f"{path} {why}.",
        "A site may come from a stranger, so nothing is read or written through what leads out of "
        "its folder.",
        "Remove it or, if you trust it, put a copy of what it points to in its place.",
        code="site.unsafe-link",
    )


def _is_link(about: os.stat_result) -> bool:
    """Return whether it is a link, or what Windows has beside links: a junction."""
    tags = (getattr(stat, f"IO_REPARSE_TAG_{name}", -1) for name in ("SYMLINK", "MOUNT_POINT"))
    return stat.S_ISLNK(about.st_mode) or getattr(about, "st_reparse_tag", 0) in tags


@contextmanager
def _beside(folder: Folder, name: str) -> Iterator[tuple[str, BinaryIO]]:
    """Open a new file beside another one; it is removed where it has not been renamed.

    It has the permissions of the file that it will replace.
    """
    beside = f".{name[:50]}.{secrets.token_hex(8)}"
    mode = 0o644
    with contextlib.suppress(FileNotFoundError):
        about = folder.lstat(name)
        mode = about.st_mode & 0o777 if stat.S_ISREG(about.st_mode) else mode
    try:
        with folder.create(beside, 0o600) as stream:
            os.chmod(folder.at(beside), mode, dir_fd=folder.handle)
            yield beside, stream
    finally:
        with contextlib.suppress(FileNotFoundError):
            folder.unlink(beside)


def _finish(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _rename(folder: Folder, beside: str, name: str) -> None:
    os.replace(
        folder.at(beside), folder.at(name), src_dir_fd=folder.handle, dst_dir_fd=folder.handle
    )
