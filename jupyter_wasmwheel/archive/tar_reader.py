"""Tar archives, read sequentially (POSIX ustar and pax, GNU long names).

Written by hand because `tarfile` reads pax headers, long names and sparse maps of any size into
memory, and older versions do not end at a negative size (CVE-2025-8194). Sparse files, devices and
multi-volume archives are refused: no packer of sources writes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from enum import Enum
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from .errors import DamagedError, UnsafeError
from .limits import Budget
from .stream import Stream

BLOCK_BYTES = 512

#: The largest pax header, which can have extended attributes, or long name.
MAX_EXTENDED_BYTES = 256 * 1024

#: A record of a pax header begins with its length.
_LENGTH = re.compile(rb"(\d{1,7}) ")


class MemberKind(Enum):
    """The kinds of members, by their type in the header."""

    FILE = "0"
    HARD_LINK = "1"
    LINK = "2"
    FOLDER = "5"


#: Other types of files: those before POSIX, and contiguous ones.
_FILES = (b"\0", b"7")

#: Types of headers that extend the next member's, or all that follow.
_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK = (b"x", b"X"), b"g", b"L", b"K"

#: Types that are refused, in words.
_REFUSED = {
    b"3": "a device",
    b"4": "a device",
    b"6": "a named pipe",
    b"S": "a sparse file",
    b"M": "part of a file in another volume",
}


class Member(Struct, frozen=True, kw_only=True):
    """A member's header; `size` in bytes, `time` in seconds since 1970, `target` is a link's."""

    name: str
    kind: MemberKind
    size: int
    mode: int
    time: float
    target: str


class _Extended(Struct, frozen=True, kw_only=True):
    """The values that extended headers set for the next member."""

    name: str | None = None
    target: str | None = None
    size: int | None = None
    time: float | None = None


def read_members(file: BinaryIO, budget: Budget) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Give each member with its bytes, which must be read before the next one."""
    stream = Stream(file, budget)
    extended = _Extended()
    while header := _header(stream):
        kind, size = header[156:157], _number(header[124:136])
        if kind in (*_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK):
            # It writes nothing to disk, but takes time.
            budget.count_entry()
            extended = _extend(extended, kind, _whole(stream, size), budget)
            continue
        member = _member(header, extended, size)
        extended = _Extended()
        size = member.size if member.kind is MemberKind.FILE else 0
        budget.require(size)
        data = _exactly(stream, size)
        yield member, data
        for _ in data:
            pass
        stream.read(-size % BLOCK_BYTES)
    if stream.is_empty:
        raise DamagedError("it is empty")


def _header(stream: Stream) -> bytes | None:
    """Return the next header, None at a block of zeros or the end of the file."""
    header = stream.read(BLOCK_BYTES)
    if not header.strip(b"\0"):
        return None
    if len(header) < BLOCK_BYTES:
        raise DamagedError("it is cut off")
    # Some packers add signed bytes.
    counted = memoryview(header[:148] + b" " * 8 + header[156:])
    stated = _number(header[148:156])
    if stated != sum(counted) and stated != sum(counted.cast("b")):
        raise DamagedError("the checksum of a header is wrong")
    return header


def _number(field: bytes) -> int:
    """Return a field's number: octal digits, or GNU's base 256."""
    if field[:1] in (b"\x80", b"\xff"):
        return int.from_bytes(field[1:], "big") - (
            256 ** (len(field) - 1) if field[0] == 255 else 0
        )
    text = field.partition(b"\0")[0].strip()
    if text.strip(b"01234567"):
        raise DamagedError("a number in a header is invalid")
    return int(text or b"0", 8)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _member(header: bytes, extended: _Extended, size: int) -> Member:
    name, prefix = _text(header[:100]), _text(header[345:500])
    if prefix and header[257:263] == b"ustar\0":
        name = f"{prefix}/{name}"
    name = name if extended.name is None else extended.name
    size = size if extended.size is None else extended.size
    letter = header[156:157]
    if letter in _REFUSED:
        raise UnsafeError(f"its member {name!r:.200} is {_REFUSED[letter]}")
    try:
        kind = MemberKind.FILE if letter in _FILES else MemberKind(letter.decode("latin-1"))
    except ValueError as error:
        raise DamagedError(f"its member {name!r:.200} is of an unknown type") from error
    if kind is MemberKind.FILE and name.endswith("/"):
        # Tars before POSIX mark folders like this.
        kind = MemberKind.FOLDER
    if size < 0 or (size and kind is MemberKind.FOLDER and letter != b"5"):
        raise DamagedError(f"its member {name!r:.200} has an impossible size")
    return Member(
        name=name,
        kind=kind,
        size=size,
        mode=_number(header[100:108]) & 0o7777,
        time=_number(header[136:148]) if extended.time is None else extended.time,
        target=_text(header[157:257]) if extended.target is None else extended.target,
    )


def _whole(stream: Stream, size: int) -> bytes:
    if not 0 <= size <= MAX_EXTENDED_BYTES:
        raise DamagedError(f"an extended header has {size:,} bytes, more than a name needs")
    data = b"".join(_exactly(stream, size))
    stream.read(-size % BLOCK_BYTES)
    return data


def _exactly(stream: Stream, size: int) -> Iterator[bytes]:
    for piece in stream.pieces(size):
        size -= len(piece)
        yield piece
    if size:
        raise DamagedError("it is cut off")


def _extend(extended: _Extended, kind: bytes, data: bytes, budget: Budget) -> _Extended:
    if kind == _LONG_NAME:
        return replace(extended, name=_text(data))
    if kind == _LONG_LINK:
        return replace(extended, target=_text(data))
    records = dict(_records(data, budget))
    if any(key.startswith("GNU.sparse.") for key in records):
        raise UnsafeError("it has a sparse file")
    if kind == _PAX_GLOBAL:
        # git and others write comments there; one name for all members is an attack.
        if records.keys() & {"path", "linkpath", "size"}:
            raise DamagedError("a global header gives all members one name or size")
        return extended
    size, time = records.get("size"), records.get("mtime")
    if size is not None and not (size.isascii() and size.isdecimal() and len(size) < 20):
        raise DamagedError("a size in a pax header is invalid")
    seconds = float(time) if time and len(time) < 64 else None
    return _Extended(
        name=records.get("path", extended.name),
        target=records.get("linkpath", extended.target),
        size=extended.size if size is None else int(size),
        time=seconds if seconds is not None and math.isfinite(seconds) else extended.time,
    )


def _records(data: bytes, budget: Budget) -> Iterator[tuple[str, str]]:
    r"""Give the records of a pax header, each `LENGTH KEY=VALUE\n`."""
    at = 0
    while at < len(data) and data[at]:
        budget.count_record()
        found = _LENGTH.match(data, at)
        begin, end = (found.end(), at + int(found[1])) if found else (0, 0)
        if not begin < end <= len(data) or data[end - 1] != ord("\n"):
            raise DamagedError("a pax header cannot be read")
        key, separator, value = data[begin : end - 1].partition(b"=")
        if not separator:
            raise DamagedError("a pax header cannot be read")
        yield key.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")
        at = end
