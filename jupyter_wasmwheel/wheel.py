"""A wheel's file: read, checked for being one, and written again with other members.

The format is the binary distribution format (PEP 427 and what followed). Written by hand because
`wheel` says of itself that it is no library, and `installer` only installs.
"""

from __future__ import annotations

import base64
import csv
import email.message
import email.parser
import errno
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from .errors import CheckError, UsageError

#: What a wheel may unpack to, in bytes; a larger one is taken for a bomb.
LARGEST = 2 * 1024**3

#: What zipfile and what it is made of raise where an archive is damaged, encrypted or exotic.
DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    RuntimeError,
    ValueError,
)

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

    def read(self, member: str) -> bytes:
        """The bytes of a member."""
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(member)

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
            f"There is no file {path}.", "A wheel's file was named.", "Check its name and folder."
        )
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            _refuse_unsafe(path, archive)
            broken = archive.testzip()
            if broken:
                raise _none(path, f"its member {broken} is damaged")
            members = tuple(info.filename for info in archive.infolist() if not info.is_dir())
            metadata = _metadata(archive, members)
    except OSError as error:
        # A place in the file that cannot be is a fault of the archive; all else is the system's.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _none(path, str(error)) from error
    except DAMAGES as error:
        raise _none(path, str(error) or type(error).__name__) from error
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


def _metadata(archive: zipfile.ZipFile, members: tuple[str, ...]) -> email.message.Message:
    names = [member for member in members if _is_metadata(member)]
    if len(names) != 1:
        raise zipfile.BadZipFile(f"it has {len(names) or 'no'} .dist-info/METADATA")
    return email.parser.Parser().parsestr(archive.read(names[0]).decode("utf-8"))


def _refuse_unsafe(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse names that would leave the folder they are unpacked in, and bombs."""
    for info in archive.infolist():
        member = PurePosixPath(info.filename)
        if member.is_absolute() or ".." in member.parts or "\\" in info.filename:
            raise _none(path, f"its member {info.filename!r} would be written outside its folder")
    if sum(info.file_size for info in archive.infolist()) > LARGEST:
        raise _none(path, f"it would unpack to more than {LARGEST // 1024**3} GiB")


def _none(path: Path, reason: str) -> CheckError:
    return CheckError(
        f"{path.name} is not a wheel.",
        f"{reason[:1].upper()}{reason[1:]}.".replace("..", "."),
        "Build it again, or fetch it again if it was downloaded.",
    )


def rewrite(
    path: Path, replaced: Mapping[str, bytes], into: Path, added: Mapping[str, bytes] | None = None
) -> None:
    """Write a wheel again with other bytes of some members, and with some more, in its RECORD too.

    Times, modes and order of the members are kept, so the same input gives the same bytes.
    """
    more = added or {}
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(into, "w") as target:

        def write(info: zipfile.ZipInfo, name: str, data: bytes) -> None:
            copy = zipfile.ZipInfo(name, info.date_time)
            copy.external_attr = info.external_attr
            copy.create_system = info.create_system
            target.writestr(copy, data, zipfile.ZIP_DEFLATED, compresslevel=9)

        for info in source.infolist():
            data = replaced.get(info.filename)
            if data is None:
                data = source.read(info)
            if info.filename.endswith(".dist-info/RECORD"):
                for name, its in more.items():
                    write(info, name, its)
                data = _record(data.decode("utf-8"), replaced, more).encode("utf-8")
            write(info, info.filename, data)


def record_row(name: str, data: bytes) -> list[str]:
    """The row of a RECORD for a member."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return [name, f"sha256={digest.decode()}", str(len(data))]


def _record(text: str, replaced: Mapping[str, bytes], added: Mapping[str, bytes]) -> str:
    """A RECORD with the rows of the replaced members made new, and those of the added ones."""
    rows = []
    for row in csv.reader(io.StringIO(text)):
        data = replaced.get(row[0]) if row else None
        rows.append(row if data is None else record_row(row[0], data))
    itself = rows.pop() if rows and rows[-1] and rows[-1][0].endswith("RECORD") else None
    rows += [record_row(name, data) for name, data in added.items()]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([*rows, itself] if itself else rows)
    return out.getvalue()
