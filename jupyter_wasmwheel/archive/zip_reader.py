"""Zip archives, including wheels, read member by member within limits."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DamagedError, TooLargeError, convert_errors
from .limits import MAX_ENTRIES, Budget
from .tree import CHUNK_BYTES

#: The first bytes of a member's row in the directory (APPNOTE 4.3.12).
_ROW = b"PK\x01\x02"

#: The largest directory that is read.
MAX_DIRECTORY_BYTES = 32 * 1024**2

#: The supported compression methods, which can be read piece by piece.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Zip:
    """An open zip, whose reads all count against one budget."""

    def __init__(self, archive: zipfile.ZipFile, budget: Budget) -> None:
        self._archive, self.budget = archive, budget
        self.infos = archive.infolist()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its files."""
        return tuple(info.filename for info in self.infos if not info.is_dir())

    def chunks(self, member: str | zipfile.ZipInfo) -> Iterator[bytes]:
        """Give the bytes of a member piece by piece; its checksum is verified at its end."""
        info = self._archive.getinfo(member) if isinstance(member, str) else member
        if info.compress_type not in _METHODS:
            raise DamagedError(f"its member {info.filename!r:.200} is not compressed by deflate")
        self.budget.require(info.file_size)
        with self._archive.open(info) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                self.budget.spend(len(chunk))
                yield chunk

    def read(self, member: str | zipfile.ZipInfo, limit: int | None = None) -> bytes:
        """Return the bytes of a member; a TooLargeError if it has more than `limit`."""
        found = bytearray()
        for chunk in self.chunks(member):
            found += chunk
            if limit is not None and len(found) > limit:
                raise TooLargeError(f"its member {member} has more than {limit:,} bytes")
        return bytes(found)

    def head(self, member: str) -> bytes:
        """Return the first bytes of a member."""
        return next(self.chunks(member), b"")


class _Reader(io.BufferedReader):
    """A zip's file, which limits the rows of its directory.

    zipfile reads the whole directory, and creates an object for each row, ten times as large.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise TooLargeError("its directory is too large")
        data = super().read(size)
        if data.count(_ROW) > MAX_ENTRIES:
            raise TooLargeError(f"it has more than {MAX_ENTRIES:,} members")
        return data


@contextmanager
def open_archive(path: Path) -> Iterator[Zip]:
    """Open a zip; an ArchiveError says why it cannot be read."""
    with _Reader(io.FileIO(path)) as stream, convert_errors(), zipfile.ZipFile(stream) as archive:
        yield Zip(archive, Budget(path))
