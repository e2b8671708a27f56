"""How much an archive may unpack to, counted on what really comes out of it."""

from __future__ import annotations

from pathlib import Path

from .errors import TooLargeError

#: Bytes that any archive may unpack to, and how many times its own size a larger one may: cargo's
#: limits for a crate. Ratio alone refuses small archives of text, size alone large ones of wheels.
MIN_ALLOWED_BYTES, MAX_RATIO = 512 * 1024**2, 20

#: Bytes that no archive may unpack to more than, whatever its size.
MAX_UNPACKED_BYTES = 2 * 1024**3

#: Entries that an archive may make: its members, and the folders they are in.
MAX_ENTRIES = 100_000

#: Records of pax headers that an archive may have; ten for each entry.
MAX_RECORDS = 1_000_000

#: What a stream of compressed data is counted as, besides what is in it: a file may hold millions
#: of empty ones, and each takes time.
STREAM_BYTES = 4096


class Budget:
    """What is left of an archive's allowance while it is read."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        self.allowed = min(max(MIN_ALLOWED_BYTES, MAX_RATIO * size), MAX_UNPACKED_BYTES)
        self._bytes, self._entries, self._records = self.allowed, MAX_ENTRIES, MAX_RECORDS

    def spend(self, size: int) -> None:
        """Count bytes that were unpacked; a TooLargeError where they are too many."""
        self._bytes -= size
        if self._bytes < 0:
            raise self._too_large()

    def require(self, size: int) -> None:
        """Raise a TooLargeError where so many bytes could not be unpacked any more."""
        if size > self._bytes:
            raise self._too_large()

    def count_entry(self) -> None:
        """Count an entry that is made; a TooLargeError where there are too many."""
        self._entries -= 1
        if self._entries < 0:
            raise TooLargeError(f"it has more than {MAX_ENTRIES:,} files and folders")

    def count_record(self) -> None:
        """Count a record of a pax header; a TooLargeError where there are too many."""
        self._records -= 1
        if self._records < 0:
            raise TooLargeError(f"its pax headers have more than {MAX_RECORDS:,} records")

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"it would unpack to more than {self.allowed // 1024**2:,} MiB")
