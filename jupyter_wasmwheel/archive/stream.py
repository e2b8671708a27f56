"""Compressed files as streams, of which only a little is in memory at once.

Written by hand because those of gzip and lzma limit neither the memory that an xz archive requests
nor the number of streams in a file.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from .limits import STREAM_BYTES, Budget
from .tree import CHUNK_BYTES

#: The memory that an xz stream can request; `xz -9` requests 65 MiB.
MAX_DICTIONARY_BYTES = 128 * 1024**2


class Stream:
    """The decompressed content of a file, counted against a budget."""

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self._chunks = _chunks(file, budget)
        self._chunk = b""
        self._at = 0
        #: Whether nothing has been read yet.
        self.is_empty = True

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end."""
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield `size` bytes in pieces, or fewer at the end."""
        while size > 0:
            if self._at == len(self._chunk):
                self._chunk, self._at = next(self._chunks, b""), 0
                if not self._chunk:
                    return
            self.is_empty = False
            piece = self._chunk[self._at : self._at + size]
            self._at += len(piece)
            size -= len(piece)
            yield piece


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """A zlib decompressor with the interface of those of bz2 and lzma."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = len(out) < max_length and not self._zlib.unconsumed_tail
        return out


#: The first bytes of compressed files, and their decompressors.
_FORMS: dict[bytes, Callable[[], _Decompressor]] = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY_BYTES),
}


def _chunks(file: BinaryIO, budget: Budget) -> Iterator[bytes]:
    head = file.read(6)
    file.seek(0)
    form = next((form for mark, form in _FORMS.items() if head.startswith(mark)), None)
    chunks = (
        _decompressed(file, form, budget) if form else iter(lambda: file.read(CHUNK_BYTES), b"")
    )
    for chunk in chunks:
        budget.spend(len(chunk))
        yield chunk


def _decompressed(
    file: BinaryIO, form: Callable[[], _Decompressor], budget: Budget
) -> Iterator[bytes]:
    data = file.read(CHUNK_BYTES)
    while data:
        budget.spend(STREAM_BYTES)
        one = form()
        while not one.eof:
            if one.needs_input and not data:
                data = file.read(CHUNK_BYTES)
                if not data:
                    raise EOFError("its compressed data ends too early")
            given, data = (data, b"") if one.needs_input else (b"", data)
            chunk = one.decompress(given, CHUNK_BYTES)
            if chunk:
                yield chunk
        data = one.unused_data
        # Zeros can follow, up to the size of a tape's block.
        while data is not None and not (data := data.lstrip(b"\0")):
            data = file.read(CHUNK_BYTES)
            if not data:
                return
