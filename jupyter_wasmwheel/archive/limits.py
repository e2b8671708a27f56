"""Limits of archives, counted on what is unpacked rather than on what headers say."""

from __future__ import annotations

from pathlib import Path

from .errors import TooLargeError

#: The size that any archive can unpack to, and the compression ratio of larger ones, as in cargo. A
#: ratio alone would refuse small archives of text, a size alone large wheels.
MIN_ALLOWED_BYTES, MAX_RATIO = 512 * 1024**2, 20

#: The size that no archive can exceed when it is unpacked.
MAX_UNPACKED_BYTES = 2 * 1024**3

#: The number of members and their folders.
MAX_ENTRIES = 100_000

#: The number of records in pax headers, ten for each entry.
MAX_RECORDS = 1_000_000

#: The size that a compressed stream counts besides its content, as a file can have millions of
#: empty ones.
STREAM_BYTES = 4096


class Budget:
    """The rest of an archive's limits; a TooLargeError is raised when one is exceeded."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        self.allowed = min(max(MIN_ALLOWED_BYTES, MAX_RATIO * size), MAX_UNPACKED_BYTES)
        self._bytes, self._entries, self._records = self.allowed, MAX_ENTRIES, MAX_RECORDS

    def spend(self, size: int) -> None:
        """Count bytes that were unpacked."""
        self._bytes -= size
        if self._bytes < 0:
            raise self._too_large()

    def require(self, size: int) -> None:
        """Check that so many more bytes can be unpacked."""
        if size > self._bytes:
            raise self._too_large()

    def count_entry(self) -> None:
        """Count an entry."""
        self._entries -= 1
        if self._entries < 0:
            raise TooLargeError(f"it has more than {MAX_ENTRIES:,} files and folders")

    def count_record(self) -> None:
        """Count a record of a pax header."""
        self._records -= 1
        if self._records < 0:
            raise TooLargeError(f"its pax headers have more than {MAX_RECORDS:,} records")

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"it would unpack to more than {self.allowed // 1024**2:,} MiB")
