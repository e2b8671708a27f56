"""A wheel's file: read, checked for being one, and written again with other members.

The format is the binary distribution format (PEP 427 and what followed). Written by hand because
`wheel` says of itself that it is no library, and `installer` only installs.
"""

from __future__ import annotations

import base64
import csv
import email.message
import email.parser
import hashlib
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import deflate
from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from .api.errors import CheckError, UsageError
from .archive import zip_reader
from .archive.errors import ArchiveError, DamagedError, TooLargeError, UnsafeError
from .archive.names import split_member_name
from .archive.zip_reader import Zip

#: The most members that a wheel may have; the archives that are written here count no further.
MAX_MEMBERS = 65_535

#: The most bytes that are read of a member that is text: METADATA, RECORD, a bill of materials.
MAX_TEXT_BYTES = 32 * 1024**2

#: The times between which those of an archive's members have to be (APPNOTE 4.4.6).
EARLIEST, LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)

#: libdeflate's levels: the one that compresses best, and one that takes no time.
SMALLEST, QUICK = 12, 4

#: The first bytes of a WebAssembly module.
MAGIC = b"\0asm"


@dataclass(frozen=True, kw_only=True)
class ExtensionModule:
    """An extension module in a wheel: its member's name and the name it is imported by."""

    member: str
    name: str

    @property
    def init_function(self) -> str:
        """The function that Python calls when the module is imported (PEP 489)."""
        last = self.name.rpartition(".")[2]
        try:
            last.encode("ascii")
        except UnicodeEncodeError:
            return "PyInitU_" + last.encode("punycode").replace(b"-", b"_").decode("ascii")
        return f"PyInit_{last}"


@dataclass(frozen=True)
class Wheel:
    """A wheel that has been read and found to be one."""

    path: Path
    name: str
    version: str
    tags: frozenset[Tag]
    requires: tuple[Requirement, ...]
    members: tuple[str, ...]

    @property
    def canonical_name(self) -> str:
        """The name as PEP 503 compares it."""
        return canonicalize_name(self.name)

    @property
    def platform_tags(self) -> tuple[str, ...]:
        """The platforms that it says it is for; `any` for a pure one."""
        return tuple(sorted({tag.platform for tag in self.tags}))

    @property
    def is_pure(self) -> bool:
        """Whether it is for any platform."""
        return self.platform_tags == ("any",)

    @property
    def size(self) -> int:
        """The file's length in bytes."""
        return self.path.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """The file's hash, in hexadecimal."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def dist_info(self) -> str:
        """The folder in it that holds its metadata."""
        (place,) = (name for name in self.members if _is_metadata(name))
        return place.partition("/")[0]

    @contextmanager
    def opened(self) -> Iterator[Zip]:
        """Open the file to read many members; a CheckError where it cannot be read any more."""
        with _opened(self.path) as packed:
            yield packed

    def read(self, member: str) -> bytes:
        """Return the bytes of a member."""
        with self.opened() as packed:
            return packed.read(member)

    def read_text(self, member: str) -> str:
        """Return the text of a member; a CheckError where it is longer than any can be."""
        with self.opened() as packed:
            data = packed.read(member, MAX_TEXT_BYTES)
        return data.decode("utf-8")

    @property
    def extension_modules(self) -> tuple[ExtensionModule, ...]:
        """Every extension module, by the place it would be installed at."""
        found = []
        for member in self.members:
            path = PurePosixPath(member)
            if path.suffix != ".so" or path.parts[0].endswith(".dist-info"):
                continue
            stem = path.name.partition(".")[0]
            found.append(ExtensionModule(member=member, name=".".join((*path.parts[:-1], stem))))
        return tuple(found)

    @property
    def imports(self) -> tuple[str, ...]:
        """The names that can be imported once it is installed: its top-level modules."""
        names = set()
        for member in self.members:
            path = PurePosixPath(member)
            if path.parts[0].endswith((".dist-info", ".data")):
                continue
            if len(path.parts) > 1:
                if path.suffix in (".py", ".so"):
                    names.add(path.parts[0])
            elif path.suffix in (".py", ".so"):
                names.add(path.name.partition(".")[0])
        return tuple(sorted(name for name in names if name.isidentifier()))


def read(path: Path) -> Wheel:
    """The wheel in a file; a CheckError where the file is none, or is not whole."""
    try:
        file_name, file_version, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise _none(path, str(error)) from error
    if not path.is_file():
        raise UsageError(
            f"File {path} not found.",
            "A wheel's file was named.",
            "Check its name and folder.",
            code="wheel.not-found",
        )
    with _opened(path) as packed:
        _refuse_unsafe(packed)
        members = packed.names
        metadata = _metadata(packed)
        for info in packed.infos:
            for _ in packed.chunks(info):
                pass
    name, version = metadata.get("Name"), metadata.get("Version")
    if not name or not version:
        raise _none(path, "its METADATA has no name or no version")
    if (canonicalize_name(name), _version(version)) != (file_name, file_version):
        raise _none(path, f"its METADATA is that of {name!r} {version!r}")
    try:
        requires = tuple(Requirement(line) for line in metadata.get_all("Requires-Dist", []))
    except InvalidRequirement as error:
        raise _none(path, f"a requirement in its METADATA cannot be read: {error}") from error
    return Wheel(path, name, version, tags, requires, members)


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _is_metadata(member: str) -> bool:
    return member.count("/") == 1 and member.endswith(".dist-info/METADATA")


@contextmanager
def _opened(path: Path) -> Iterator[Zip]:
    """Open a wheel's file; a CheckError for whatever is wrong with the archive."""
    try:
        with zip_reader.open_archive(path) as packed:
            yield packed
    except ArchiveError as error:
        raise _none(path, str(error)) from error


def _metadata(packed: Zip) -> email.message.Message:
    names = [member for member in packed.names if _is_metadata(member)]
    if len(names) != 1:
        raise DamagedError(f"it has {len(names) or 'no'} .dist-info/METADATA")
    text = packed.read(names[0], MAX_TEXT_BYTES).decode("utf-8")
    return email.parser.Parser().parsestr(text)


def _refuse_unsafe(packed: Zip) -> None:
    """Refuse members that would leave the folder they are unpacked in, or that no wheel has."""
    if len(packed.infos) > MAX_MEMBERS:
        raise TooLargeError(f"it has more than {MAX_MEMBERS:,} members")
    seen = set()
    for info in packed.infos:
        if "\\" in info.filename:
            raise UnsafeError(
                f"its member {info.filename!r:.200} would be written outside its folder"
            )
        parts = split_member_name(info.filename)
        if not parts:
            raise UnsafeError(f"its member {info.filename!r:.200} has no name")
        if parts in seen:
            # Which of them is used depends on who reads it: the audit, or an installer.
            raise UnsafeError(f"its member {info.filename!r:.200} is in it twice")
        seen.add(parts)
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UnsafeError(f"its member {info.filename!r:.200} is neither a file nor a folder")


def _none(path: Path, reason: str) -> CheckError:
    return CheckError(
        f"{path.name} is not a wheel.",
        f"{reason[:1].upper()}{reason[1:]}.".replace("..", "."),
        "Build it again, or fetch it again if it was downloaded.",
        code="wheel.invalid",
    )


def rewrite(path: Path, changed: Mapping[str, bytes], into: Path, level: int = SMALLEST) -> None:
    """Write a wheel again with other bytes of some members, or more of them, in its RECORD too.

    It is compressed at a level of libdeflate's. Members are ordered by name, the metadata after all
    else and the RECORD last. Their times are SOURCE_DATE_EPOCH or else the earliest, their modes
    say only what can be run: the same members give the same bytes.
    """
    members: dict[str, _Member] = {}
    with _opened(path) as source:
        for info in source.infos:
            if not info.is_dir():
                runs = info.external_attr >> 16 & 0o111 != 0
                members[info.filename] = _Member(data=source.read(info), runs=runs)
    for name, data in changed.items():
        runs = name in members and members[name].runs
        members[name] = _Member(data=data, runs=runs)
    names = sorted(members, key=_place)
    if _is_record(names[-1]):
        old = members[names[-1]].data.decode("utf-8")
        members[names[-1]] = _Member(data=_record(old, changed).encode("utf-8"), runs=False)
    time = _time(os.environ)
    with into.open("wb") as target:
        directory = b""
        for name in names:
            directory += members[name].write(name, time, target, level)
        begin = target.tell()
        target.write(directory)
        target.write(
            struct.pack(
                "<4s4H2LH", b"PK\5\6", 0, 0, len(names), len(names), len(directory), begin, 0
            )
        )


@dataclass(frozen=True, kw_only=True)
class _Member:
    """A member to be written, and whether it is to be run."""

    data: bytes
    runs: bool

    def write(self, name: str, time: tuple[int, int], target: BinaryIO, level: int) -> bytes:
        """Write it where a file is, and give its row of the directory (APPNOTE 4.3.7, 4.3.12).

        Written by hand because zipfile compresses by zlib alone; libdeflate makes 5 % less of it.
        """
        packed = bytes(deflate.deflate_compress(self.data, level))
        method = zipfile.ZIP_DEFLATED
        if len(packed) >= len(self.data):
            packed, method = self.data, zipfile.ZIP_STORED
        raw = name.encode("utf-8")
        begin = target.tell()
        flags = 0 if name.isascii() else 0x800
        crc = zlib.crc32(self.data)
        sizes = (len(packed), len(self.data), len(raw), 0)
        common = struct.pack("<HHHHHLLLHH", 20, flags, method, *time, crc, *sizes)
        target.write(b"PK\3\4" + common + raw + packed)
        mode = 0o100755 if self.runs else 0o100644
        made_by = 20 | 3 << 8  # Unix, which the modes are of
        return (
            b"PK\1\2"
            + struct.pack("<H", made_by)
            + common
            + struct.pack("<HHHLL", 0, 0, 0, mode << 16, begin)
            + raw
        )


def _place(name: str) -> tuple[bool, bool, str]:
    """Where a member stands in a wheel: the metadata after all else, as PEP 427 recommends."""
    return _is_record(name), ".dist-info/" in name, name


def _is_record(name: str) -> bool:
    return name.endswith(".dist-info/RECORD")


def _time(environ: Mapping[str, str]) -> tuple[int, int]:
    """The time of all members, as an archive has it: SOURCE_DATE_EPOCH, else the earliest."""
    given = environ.get("SOURCE_DATE_EPOCH", "")
    try:
        when = datetime.fromtimestamp(int(given), UTC) if given else EARLIEST
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"Invalid SOURCE_DATE_EPOCH {given!r:.80}.",
            "It must be a number of seconds since 1970.",
            "Correct it, or unset it.",
            code="config.invalid-source-date-epoch",
        ) from error
    when = min(max(when, EARLIEST), LATEST)
    return (
        when.hour << 11 | when.minute << 5 | when.second // 2,
        when.year - 1980 << 9 | when.month << 5 | when.day,
    )


def record_row(name: str, data: bytes) -> list[str]:
    """The row of a RECORD for a member."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return [name, f"sha256={digest.decode()}", str(len(data))]


def _record(text: str, changed: Mapping[str, bytes]) -> str:
    """A RECORD in the order of the members, with the rows of those that changed made new.

    A row that is wrong stays wrong, so that whoever checks the wheel sees it.
    """
    rows = {row[0]: row for row in csv.reader(io.StringIO(text)) if row}
    rows |= {name: record_row(name, data) for name, data in changed.items()}
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows[name] for name in sorted(rows, key=_place))
    return out.getvalue()
