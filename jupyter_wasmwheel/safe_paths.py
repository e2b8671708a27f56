"""Files beneath a folder that someone else may have filled: a site, or an unpacked archive.

Each name of a path is opened in the folder before it (`dir_fd`, `O_NOFOLLOW`), as in Go's `os.Root`
and by openat2's RESOLVE_BENEATH. So no link leads a read, a write or a removal out of the folder,
even if others change it meanwhile. Where the system cannot do that (Windows), each name is checked
before it is used.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple

from msgspec import Struct

from .api.errors import SiteError

#: A name in a path that a file of a site contains: neither `.` nor `..`, and on every system
#: nothing but a name.
NAME_PATTERN = r"[^/\\:\x00-\x1f\x7f]{0,254}[^/\\:\x00-\x1f\x7f. ]"

#: Such a path: relative, and no deeper than ours are.
PATH_PATTERN = rf"{NAME_PATTERN}(?:/{NAME_PATTERN}){{0,15}}"

#: Limits of a path: its characters, and how deep folders may be nested.
MAX_PATH_CHARS, MAX_DEPTH = 1024, 64

#: Limits of a file that is read whole: of any, and of a document (settings, listings of files).
MAX_FILE_BYTES, MAX_DOCUMENT_BYTES = 256 * 1024**2, 4 * 1024**2

#: What Windows reads as part of a path, as a stream of a file, as a device, or not at all.
_INVALID_ON_WINDOWS = re.compile(
    r'[\\:*?"<>|\x00-\x1f]|[. ]$'
    r"|^(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]|conin\$|conout\$) *(\.|$)",
    re.IGNORECASE,
)

#: The name of a file that is being written.
_TEMPORARY = re.compile(r"\..{1,50}\.[0-9a-f]{16}", re.DOTALL)

#: Whether the system can open a name in an open folder without following links.
HAS_DIR_FD = hasattr(os, "O_NOFOLLOW") and (
    {os.open, os.mkdir, os.stat, os.symlink, os.unlink, os.rename} <= os.supports_dir_fd
)

_CLOSED = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | _CLOSED
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
# Without O_NONBLOCK, opening a pipe would block.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_LINK
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK

#: What the system reports for a link, or for another kind of file than expected.
_WRONG_KIND = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK, errno.EISDIR, errno.ENXIO)


def is_valid_on_windows(name: str) -> bool:
    """Return whether a name is the name of a file or folder on Windows, and nothing else."""
    return not _INVALID_ON_WINDOWS.search(name)


def is_of_other_user(path: Path, *accepted: Path) -> bool:
    """Check whether a file or its folder belongs to another user, except root.

    The owners of the `accepted` files do not count. On Windows, no owner is read.
    """
    if sys.platform == "win32":
        return False
    owners = {0, os.geteuid(), *(each.stat().st_uid for each in accepted)}
    return any(each.lstat().st_uid not in owners for each in (path, path.parent))


def real_path(path: Path) -> Path:
    """Return a path with its links followed; raise a ValueError if no file can have it."""
    real = os.path.realpath(path)  # raises a ValueError for a null character
    try:
        os.lstat(real)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except OSError as error:
        raise ValueError(error.strerror) from error
    return Path(real)


def remove_tree(folder: Path) -> None:
    """Remove a folder that a package's code has filled, however deep, whatever the permissions.

    No link is followed. `TemporaryDirectory` changes the permissions of what links lead to in
    Pythons before 3.11.8 and 3.12.1 (CVE-2023-6597), and `rmtree` calls itself for each folder.
    """
    if folder.is_symlink() or not folder.is_dir():
        return  # rmtree would open a pipe, and wait
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if not HAS_DIR_FD or not folder.is_dir():
        return
    with contextlib.suppress(OSError):
        os.chmod(folder, stat.S_IRWXU)
        top = os.open(folder, _FOLDER | _NO_LINK)
        try:
            _empty(top)
        finally:
            os.close(top)
        os.rmdir(folder)


def _empty(top: int) -> None:
    """Remove what is in an open folder; folders in folders are moved up first."""
    names = _remove_files(top)
    while names:
        name = names.pop()
        with contextlib.suppress(OSError):
            inner = os.open(name, _FOLDER | _NO_LINK, dir_fd=top)
            try:
                for each in _remove_files(inner):
                    moved = secrets.token_hex(16)
                    os.rename(each, moved, src_dir_fd=inner, dst_dir_fd=top)
                    names.append(moved)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)


def _remove_files(folder: int) -> list[str]:
    """Remove everything but folders from an open folder; return these, which can be opened."""
    names = []
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                os.chmod(name, stat.S_IRWXU, dir_fd=folder)
                names.append(name)
            else:
                os.unlink(name, dir_fd=folder)
    return names


@contextmanager
def temporary_folder(prefix: str, parent: Path) -> Iterator[Path]:
    """Yield a new folder for a package's code, and remove it as `remove_tree` does."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield folder
    finally:
        remove_tree(folder)


class Folder(NamedTuple):
    """A folder that is open by its handle or, without `dir_fd`, known by its path.

    Its methods take the name of something directly in it, follow no link, and raise an OSError.
    """

    path: str
    handle: int | None

    @classmethod
    def open(cls, path: Path) -> Folder:
        """Open a trusted folder; links to it are followed."""
        return cls(str(path), os.open(path, _FOLDER | _CLOSED) if HAS_DIR_FD else None)

    def close(self) -> None:
        """Close the handle, if there is one."""
        if self.handle is not None:
            os.close(self.handle)

    def at(self, name: str) -> str:
        """Return the path that functions of `os` take for a name, with the handle as `dir_fd`."""
        return os.path.join(self.path, name) if self.handle is None else name

    def lstat(self, name: str) -> os.stat_result:
        """Return the state of a file, a folder or a link."""
        return os.stat(self.at(name), dir_fd=self.handle, follow_symlinks=False)

    def scan(self) -> list[tuple[str, os.stat_result]]:
        """Return the names in the folder with their states, sorted."""
        with os.scandir(self.path if self.handle is None else self.handle) as entries:
            return sorted((each.name, each.stat(follow_symlinks=False)) for each in entries)

    def mkdir(self, name: str) -> bool:
        """Create a folder; return whether it is new."""
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
        if not _is_folder(os.lstat(path)):
            raise _wrong_kind(path)
        return Folder(path, None)

    def read(self, name: str) -> BufferedReader:
        """Open a regular file for reading."""
        if self.handle is None and _is_link(self.lstat(name)):
            raise _wrong_kind(name)
        handle = os.open(self.at(name), _READ, dir_fd=self.handle)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise _wrong_kind(name)
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


def is_temporary(name: str) -> bool:
    """Return whether a file is named like one that is being written."""
    return _TEMPORARY.fullmatch(name) is not None


def _wrong_kind(name: str) -> OSError:
    return OSError(errno.ELOOP, "It is a link, or not the expected kind of file", name)


class Root(Struct, frozen=True):
    """A folder, or the folder `prefix` beneath it, in which no links are followed.

    `folder` itself comes from the user and may be a link; it and `prefix` must exist. Paths are
    relative, with `/`. A link, or an unexpected kind of file, raises a SiteError; a missing file
    raises a FileNotFoundError.
    """

    folder: Path
    prefix: str = ""

    def within(self, name: str) -> Root:
        """Return the root of a folder in this one."""
        return Root(self.folder, self._whole(name))

    def path(self, name: str = "") -> Path:
        """Return the whole path of a name, to show it or to pass it on."""
        return self.folder / self._whole(name)

    def is_file(self, name: str) -> bool:
        """Return whether a name is a regular file."""
        try:
            return stat.S_ISREG(self.stat(name).st_mode)
        except FileNotFoundError:
            return False

    def stat(self, name: str) -> os.stat_result:
        """Return the state of a file, a folder or a link."""
        with self._parent(name) as (folder, last):
            return folder.lstat(last)

    def open(self, name: str) -> BufferedReader:
        """Open a regular file for reading."""
        with self._parent(name) as (folder, last):
            return folder.read(last)

    def read(self, name: str, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return the bytes of a file; raise a SiteError if there are more than `limit`."""
        with self.open(name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise self._refused(name, f"has more than {limit:,} bytes")
        return data

    def children(self, name: str = "") -> list[tuple[str, os.stat_result]]:
        """Return the names in a folder with their states; none if it does not exist."""
        with contextlib.suppress(FileNotFoundError), self._folder(self._names(name)) as folder:
            return folder.scan()
        return []

    def walk(self, name: str = "") -> Iterator[str]:
        """Yield the regular files beneath a folder, except hidden ones; refuse anything else."""
        for child, state in self.children(name):
            inside = f"{name}/{child}" if name else child
            if child.startswith("."):
                continue
            if _is_folder(state):
                if inside.count("/") > MAX_DEPTH:
                    raise self._refused(inside, "is nested too deeply")
                yield from self.walk(inside)
            elif stat.S_ISREG(state.st_mode):
                yield inside
            else:
                raise self._refused(inside)

    def remove_temporary(self, name: str = "") -> None:
        """Remove the files beneath a folder that killed processes were writing."""
        for child, state in self.children(name):
            inside = f"{name}/{child}" if name else child
            if is_temporary(child) and stat.S_ISREG(state.st_mode):
                self.remove(inside)
            elif _is_folder(state) and child[0] != "." and inside.count("/") < MAX_DEPTH:
                self.remove_temporary(inside)

    def make_folder(self, name: str) -> None:
        """Create a folder and its parents in this one, unless they exist."""
        with self._folder(self._names(name), create=True):
            return

    def replace(self, files: Mapping[str, bytes]) -> None:
        """Write files in existing folders, whole.

        All are written first, and then renamed in this order: a full disk replaces none of them.
        """
        with ExitStack() as stack:
            staged = [
                stack.enter_context(self._staged(name, io.BytesIO(data)))
                for name, data in files.items()
            ]
            for rename in staged:
                rename()

    def copy(self, source: Path, name: str) -> None:
        """Copy a trusted file, whole, and create the folders that are missing."""
        with source.open("rb") as stream, self._staged(name, stream, create=True) as rename:
            rename()

    def remove(self, name: str) -> None:
        """Remove a file, a link itself, or a folder with all that is in it, if it exists."""
        with contextlib.suppress(FileNotFoundError), self._parent(name) as (folder, last):
            if _is_folder(folder.lstat(last)):
                shutil.rmtree(folder.at(last), ignore_errors=True, dir_fd=folder.handle)
            else:
                folder.unlink(last)

    def touch(self, name: str) -> None:
        """Set the time of a file or a folder, if it exists, to now."""
        with contextlib.suppress(FileNotFoundError), self._parent(name) as (folder, last):
            folder.touch(last)

    def require_own_file(self, name: str) -> None:
        """Raise a SiteError if a path exists and is not a regular file with one name."""
        with contextlib.suppress(FileNotFoundError):
            state = self.stat(name)
            if not stat.S_ISREG(state.st_mode):
                raise self._refused(name)
            if state.st_nlink != 1:
                raise self._refused(name, "has another name elsewhere (a hard link)")

    @contextmanager
    def _staged(
        self, name: str, source: BinaryIO, *, create: bool = False
    ) -> Iterator[Callable[[], None]]:
        """Write a file under a temporary name; give the function that renames it to its own.

        It gets the permissions of the file that it replaces.
        """
        with self._parent(name, create=create) as (folder, last):
            temporary = f".{last[:50]}.{secrets.token_hex(8)}"
            mode = 0o644
            with contextlib.suppress(FileNotFoundError):
                state = folder.lstat(last)
                if stat.S_ISDIR(state.st_mode):
                    raise self._refused(name, "is a folder instead of a file")
                mode = state.st_mode & 0o777 if stat.S_ISREG(state.st_mode) else mode

            def rename() -> None:
                with self._naming(name):
                    places = folder.at(temporary), folder.at(last)
                    os.replace(*places, src_dir_fd=folder.handle, dst_dir_fd=folder.handle)

            try:
                with folder.create(temporary, 0o600) as stream:
                    os.chmod(folder.at(temporary), mode, dir_fd=folder.handle)
                    shutil.copyfileobj(source, stream)
                    stream.flush()
                    os.fsync(stream.fileno())
                yield rename
            finally:
                with contextlib.suppress(FileNotFoundError):
                    folder.unlink(temporary)

    def _whole(self, name: str) -> str:
        return "/".join(filter(None, (self.prefix, name)))

    def _names(self, name: str) -> list[str]:
        """Return the names of a path; raise a SiteError if one leads out on this system."""
        whole = self._whole(name)
        names = whole.split("/") if whole else []
        for each in names:
            is_name = each not in ("", ".", "..") and "\0" not in each
            if not is_name or (os.name == "nt" and not is_valid_on_windows(each)):
                raise self._refused(name, "is not a path within it")
        return names

    @contextmanager
    def _parent(self, name: str, *, create: bool = False) -> Iterator[tuple[Folder, str]]:
        """Open the folder that contains a path."""
        *names, last = self._names(name)
        with self._folder(names, create=create) as folder, self._naming(name):
            yield folder, last

    @contextmanager
    def _naming(self, name: str) -> Iterator[None]:
        """Name the whole path in an OSError, or refuse what is of the wrong kind."""
        try:
            yield
        except OSError as error:
            if error.errno in _WRONG_KIND:
                raise self._refused(name) from error
            if not os.path.isabs(str(error.filename)):
                error.filename, error.filename2 = str(self.path(name)), None
            raise

    @contextmanager
    def _folder(self, names: list[str], *, create: bool = False) -> Iterator[Folder]:
        """Open a folder, one name after the other, and create those after the prefix."""
        folder, given = Folder.open(self.folder), self.prefix.count("/") + 1 if self.prefix else 0
        try:
            for depth, name in enumerate(names):
                if create and depth >= given:
                    folder.mkdir(name)
                try:
                    inner = folder.enter(name)
                except OSError as error:
                    place = Path(folder.path, name)
                    if error.errno in _WRONG_KIND:
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
        "Someone else may have made the site, so nothing is read or written through links that "
        "lead out of its folder.",
        "Remove it or, if you trust it, replace it with a copy of what it points to.",
        code="site.unsafe-link",
    )


def _is_folder(state: os.stat_result) -> bool:
    return stat.S_ISDIR(state.st_mode) and not _is_link(state)


def _is_link(state: os.stat_result) -> bool:
    """Return whether it is a symbolic link, or a junction of Windows."""
    tags = (getattr(stat, f"IO_REPARSE_TAG_{name}", -1) for name in ("SYMLINK", "MOUNT_POINT"))
    return stat.S_ISLNK(state.st_mode) or getattr(state, "st_reparse_tag", 0) in tags
