"""Wheels: read and check the file, and write it again with other members.

The format is the binary distribution format (PEP 427 and its successors). Written by hand because
`wheel` does not want to be used as a library, and `installer` only installs.
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
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import deflate
from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from .api.errors import CheckError, UsageError
from .archive import zip_reader
from .archive.errors import ArchiveError, DamagedError, TooLargeError, UnsafeError
from .archive.names import split_member_name
from .archive.zip_reader import Zip
from .package_metadata import has_long_number, parse_requirement, parse_version

#: The members that a wheel may have; archives that are written here cannot have more.
MAX_MEMBERS = 65_535

#: The number of extension modules, each of which is compared with the others.
MAX_EXTENSIONS = 2_000

#: The size of a text member: METADATA, RECORD, a bill of materials.
MAX_TEXT_BYTES = 32 * 1024**2

#: The range of the times of an archive's members (APPNOTE 4.4.6).
EARLIEST, LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)

#: Levels of libdeflate: the one that compresses best, and a fast one.
SMALLEST, QUICK = 12, 4

#: The first bytes of a WebAssembly module.
MAGIC = b"\0asm"

#: Top-level names of files for development, which projects pack by mistake.
DEVELOPMENT = (
    *("bench", "benches", "benchmark", "benchmarks", "conftest", "doc", "docs", "example"),
    *("examples", "noxfile", "scripts", "setup", "tasks", "test", "testing", "tests", "tools"),
)


class ExtensionModule(Struct, frozen=True, kw_only=True):
    """An extension module in a wheel, with the names of its member and of its import."""

    member: str
    name: str

    @property
    def init_function(self) -> str:
        """Return the function that Python calls to import the module (PEP 489)."""
        last = self.name.rpartition(".")[2]
        try:
            last.encode("ascii")
        except UnicodeEncodeError:
            return "PyInitU_" + last.encode("punycode").replace(b"-", b"_").decode("ascii")
        return f"PyInit_{last}"


class Wheel(Struct, frozen=True, dict=True):
    """A valid wheel that has been read."""

    path: Path
    name: str
    version: str
    tags: frozenset[Tag]
    requires: tuple[Requirement, ...]
    members: tuple[str, ...]
    requires_python: str = ""

    @property
    def canonical_name(self) -> str:
        """Return the normalized name (PEP 503)."""
        return canonicalize_name(self.name)

    @property
    def platform_tags(self) -> tuple[str, ...]:
        """Return the platforms of its tags; `any` for a pure wheel."""
        return tuple(sorted({tag.platform for tag in self.tags}))

    @property
    def is_pure(self) -> bool:
        """Return whether it is for any platform."""
        return self.platform_tags == ("any",)

    @property
    def size(self) -> int:
        """Return the size of the file in bytes."""
        return self.path.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """Return the hash of the file, in hexadecimal."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @cached_property
    def dist_info(self) -> str:
        """Return the name of the folder with its metadata."""
        (place,) = (name for name in self.members if _is_metadata(name))
        return place.partition("/")[0]

    @contextmanager
    def opened(self) -> Iterator[Zip]:
        """Open the file to read several members; raise a CheckError if it cannot be read."""
        with _opened(self.path) as packed:
            yield packed

    def read(self, member: str) -> bytes:
        """Return the bytes of a member."""
        with self.opened() as packed:
            return packed.read(member)

    def read_all(
        self, members: Iterable[str], limit: int | None = None
    ) -> Iterator[tuple[str, bytes]]:
        """Yield members with their bytes; raise a CheckError if one has more than `limit`.

        The file is opened once: its directory can be long.
        """
        with self.opened() as packed:
            for member in members:
                yield member, packed.read(member, limit)

    def read_text(self, member: str) -> str:
        """Return the text of a member; raise a CheckError if it is too long."""
        with self.opened() as packed:
            data = packed.read(member, MAX_TEXT_BYTES)
        return data.decode("utf-8")

    @cached_property
    def extension_modules(self) -> tuple[ExtensionModule, ...]:
        """Return all extension modules."""
        found = []
        for member in self.members:
            path = PurePosixPath(member)
            if path.suffix != ".so" or path.parts[0].endswith(".dist-info"):
                continue
            stem = path.name.partition(".")[0]
            found.append(ExtensionModule(member=member, name=".".join((*path.parts[:-1], stem))))
        return tuple(found)

    @cached_property
    def imports(self) -> tuple[str, ...]:
        """Return its top-level modules; of a namespace (PEP 420), what is in it."""
        modules = self._modules
        packages = {_folder(name) for name in modules if _is_package(name)}
        found = {_import_name(name, packages) for name in modules}
        return tuple(sorted(name for name in found if _is_dotted_name(name)))

    @property
    def own_imports(self) -> tuple[str, ...]:
        """Return its imports without those for development (`tests`), if it has others."""
        others = [name for name in self.imports if not self._is_development(name)]
        return tuple(others) or self.imports

    def _is_development(self, name: str) -> bool:
        return (
            name.partition(".")[0] in DEVELOPMENT and canonicalize_name(name) != self.canonical_name
        )

    @property
    def _modules(self) -> list[str]:
        """Return the members that can be modules, in their shortest form."""
        return [
            member
            for member in map(str, map(PurePosixPath, self.members))
            if member.endswith((".py", ".so"))
            and not member.partition("/")[0].endswith((".dist-info", ".data"))
        ]


def read(path: Path) -> Wheel:
    """Read a wheel; raise a CheckError if it is invalid or damaged."""
    try:
        file_name, file_version, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise _invalid(path, str(error)) from error
    if not path.is_file():
        raise UsageError(
            f"File {path} not found.",
            "It must be a wheel.",
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
        raise _invalid(path, "its METADATA has no name or no version")
    if (canonicalize_name(name), parse_version(version)) != (file_name, file_version):
        raise _invalid(path, f"its METADATA is that of {name!r:.200} {version!r:.200}")
    try:
        requires = tuple(map(parse_requirement, metadata.get_all("Requires-Dist", [])))
    except InvalidRequirement as error:
        raise _invalid(path, f"a requirement in its METADATA cannot be read: {error}") from error
    python = metadata.get("Requires-Python", "")
    if has_long_number(python):
        raise _invalid(path, f"its requires-python cannot be read: {python!r:.200}")
    return Wheel(path, name, version, tags, requires, members, python)


def read_metadata(path: Path) -> bytes:
    """Return the METADATA of a wheel, and read nothing else of it."""
    with _opened(path) as packed:
        return packed.read(_metadata_member(packed), MAX_TEXT_BYTES)


def _folder(member: str) -> str:
    return member.rpartition("/")[0]


def _is_package(module: str) -> bool:
    """Return whether a module makes its folder a regular package."""
    return module.rpartition("/")[2].startswith("__init__.")


def _import_name(module: str, packages: Container[str]) -> str:
    """Return the name that leads to a module: of its outermost regular package, or else its own.

    The text is cut at each slash, because a wheel can have 65,000 modules in 60 folders each.
    """
    end = module.find("/")
    while end >= 0:
        if module[:end] in packages:
            return module[:end].replace("/", ".")
        end = module.find("/", end + 1)
    folder, slash, name = module.rpartition("/")
    return (folder + slash).replace("/", ".") + name.partition(".")[0]


def _is_dotted_name(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _is_metadata(member: str) -> bool:
    return member.count("/") == 1 and member.endswith(".dist-info/METADATA")


@contextmanager
def _opened(path: Path) -> Iterator[Zip]:
    """Open a wheel; raise a CheckError if anything is wrong with the archive."""
    try:
        with zip_reader.open_archive(path) as packed:
            yield packed
    except ArchiveError as error:
        raise _invalid(path, str(error)) from error


def _metadata(packed: Zip) -> email.message.Message:
    text = packed.read(_metadata_member(packed), MAX_TEXT_BYTES).decode("utf-8")
    return email.parser.Parser().parsestr(text)


def _metadata_member(packed: Zip) -> str:
    names = [member for member in packed.names if _is_metadata(member)]
    if len(names) != 1:
        raise DamagedError(f"it has {len(names) or 'no'} .dist-info/METADATA")
    return names[0]


def _refuse_unsafe(packed: Zip) -> None:
    """Refuse members that would be written outside their folder, or that no wheel has."""
    if len(packed.infos) > MAX_MEMBERS:
        raise TooLargeError(f"it has more than {MAX_MEMBERS:,} members")
    if sum(info.filename.endswith(".so") for info in packed.infos) > MAX_EXTENSIONS:
        raise TooLargeError(f"it has more than {MAX_EXTENSIONS:,} extension modules")
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
            # The audit and an installer may use different ones.
            raise UnsafeError(f"its member {info.filename!r:.200} is in it twice")
        seen.add(parts)
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UnsafeError(f"its member {info.filename!r:.200} is neither a file nor a folder")


def _invalid(path: Path, reason: str) -> CheckError:
    return CheckError(
        f"{path.name} is not a wheel.",
        f"{reason[:1].upper()}{reason[1:]}.".replace("..", "."),
        "Build it again, or fetch it again if it was downloaded.",
        code="wheel.invalid",
    )


def rewrite(path: Path, changed: Mapping[str, bytes], into: Path, level: int = SMALLEST) -> None:
    """Write a wheel with changed or added members, and update its RECORD.

    It is compressed at a level of libdeflate. To be reproducible, members are ordered by name, the
    metadata after all else and the RECORD last. Their time is SOURCE_DATE_EPOCH or else the
    earliest, and of their modes only the executable bit is kept.
    """
    members: dict[str, _Member] = {}
    with _opened(path) as source:
        for info in source.infos:
            if not info.is_dir():
                executable = info.external_attr >> 16 & 0o111 != 0
                members[info.filename] = _Member(source.read(info), executable)
    for name, data in changed.items():
        members[name] = _Member(data, name in members and members[name].executable)
    names = sorted(members, key=_order)
    if _is_record(names[-1]):
        try:
            record = _record(members[names[-1]].data.decode("utf-8"), changed)
        except (ValueError, csv.Error) as error:
            raise _invalid(path, f"its RECORD cannot be read: {error}") from error
        members[names[-1]] = _Member(record.encode("utf-8"), executable=False)
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


def add_platform(wheel: Wheel, platform: str, folder: Path) -> Wheel:
    """Write a wheel to a folder with another platform in its tags, and read it."""
    stem, _, platforms = wheel.path.stem.rpartition("-")
    every = ".".join(sorted({*platforms.split("."), platform}))
    member = f"{wheel.dist_info}/WHEEL"
    lines = wheel.read_text(member).splitlines()
    tags = [line for line in lines if line.startswith("Tag:")]
    known = [line for line in lines if line and line not in tags]
    tags += [f"{line.rpartition('-')[0]}-{platform}" for line in tags]
    text = "\n".join([*known, *sorted({*tags}), ""])
    into = folder / f"{stem}-{every}.whl"
    rewrite(wheel.path, {member: text.encode()}, into)
    return read(into)


class _Member(NamedTuple):
    """A member to write."""

    data: bytes
    executable: bool

    def write(self, name: str, time: tuple[int, int], target: BinaryIO, level: int) -> bytes:
        """Write it to a file, and return its row of the directory (APPNOTE 4.3.7, 4.3.12).

        Written by hand because zipfile compresses with zlib only; libdeflate saves another 5 %.
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
        mode = 0o100755 if self.executable else 0o100644
        made_by = 20 | 3 << 8  # Unix, for the modes
        return (
            b"PK\1\2"
            + struct.pack("<H", made_by)
            + common
            + struct.pack("<HHHLL", 0, 0, 0, mode << 16, begin)
            + raw
        )


def _order(name: str) -> tuple[bool, bool, str]:
    """Return the sort key of a member: the metadata comes last, as PEP 427 recommends."""
    return _is_record(name), ".dist-info/" in name, name


def _is_record(name: str) -> bool:
    return name.endswith(".dist-info/RECORD")


def _time(environ: Mapping[str, str]) -> tuple[int, int]:
    """Return the time of all members, encoded: SOURCE_DATE_EPOCH, else the earliest."""
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
    """Return the row of a RECORD for a member."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return [name, f"sha256={digest.decode()}", str(len(data))]


def _record(text: str, changed: Mapping[str, bytes]) -> str:
    """Return a RECORD in the order of the members, with new rows for those that changed.

    A wrong row stays wrong, so that a check of the wheel finds it.
    """
    rows = {row[0]: row for row in csv.reader(io.StringIO(text)) if row}
    rows |= {name: record_row(name, data) for name, data in changed.items()}
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows[name] for name in sorted(rows, key=_order))
    return out.getvalue()
