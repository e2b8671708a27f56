"""Untrusted archives, unpacked with limits and without writing anything outside a folder.

All archives are read here: sdists, wheels, bundles, npm packages and trees of git. Their names,
links, sizes and modes are not trusted: `names` decides where a member can be, `tree` writes it
there, and `limits` counts how much comes out.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipInfo

from ..api.errors import SourceError
from . import tar_reader, zip_reader
from .errors import ArchiveError, TooLargeError, UnsafeError, convert_errors
from .limits import Budget
from .names import MAX_PATH_BYTES, split_member_name
from .tar_reader import MemberKind
from .tree import Tree
from .zip_reader import Zip

#: The suffixes of the archives that can be unpacked.
SUFFIXES = (".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")


def unpack(archive: Path, folder: Path, *, within: int = 0) -> None:
    """Unpack an archive into a folder; a SourceError says why it is damaged or unsafe.

    Its links cannot leave the first `within` components of their own paths.
    """
    unpack_into = _unpack_zip if archive.suffix in (".zip", ".whl") else _unpack_tar
    with as_source_errors(archive):
        unpack_into(archive, folder, within)


def _unpack_zip(archive: Path, folder: Path, within: int) -> None:
    with zip_reader.open_archive(archive) as packed, Tree(folder, packed.budget, within) as tree:
        for info in packed.infos:
            _write_member(info, packed, tree)
        tree.make_links()


def _unpack_tar(archive: Path, folder: Path, within: int) -> None:
    budget = Budget(archive)
    with archive.open("rb") as stream, convert_errors(), Tree(folder, budget, within) as tree:
        for member, chunks in tar_reader.read_members(stream, budget):
            parts = split_member_name(member.name)
            if member.kind is MemberKind.FOLDER:
                tree.add_folder(parts)
            elif member.kind is MemberKind.LINK:
                tree.add_link(parts, member.target)
            elif member.kind is MemberKind.HARD_LINK:
                tree.add_copy(parts, split_member_name(member.target))
            else:
                runs = member.mode & stat.S_IXUSR != 0
                tree.add_file(parts, chunks, runs=runs, time=member.time)
        tree.make_links()


def _write_member(info: ZipInfo, packed: Zip, tree: Tree) -> None:
    parts, mode = split_member_name(info.filename), info.external_attr >> 16
    if info.is_dir():
        tree.add_folder(parts)
    elif stat.S_ISLNK(mode):
        target = packed.read(info, MAX_PATH_BYTES)
        tree.add_link(parts, target.decode("utf-8", "surrogateescape"))
    elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
        runs = mode & stat.S_IXUSR != 0
        tree.add_file(parts, packed.chunks(info), runs=runs, time=None)
    else:
        raise UnsafeError(f"its member {info.filename!r:.200} is neither a file nor a folder")


@contextmanager
def open_zip(archive: Path) -> Iterator[Zip]:
    """Open a zip for reading; a SourceError says why it is damaged or unsafe."""
    with as_source_errors(archive), zip_reader.open_archive(archive) as packed:
        yield packed


def tar_names(archive: Path) -> list[str]:
    """Return the names of a tar's members; a SourceError says why it is damaged or unsafe."""
    with as_source_errors(archive), archive.open("rb") as stream, convert_errors():
        return [member.name for member, _ in tar_reader.read_members(stream, Budget(archive))]


@contextmanager
def as_source_errors(archive: Path) -> Iterator[None]:
    """Raise a SourceError for an ArchiveError."""
    try:
        yield
    except ArchiveError as error:
        raise _source_error(archive.name, error) from error


def _source_error(name: str, error: ArchiveError) -> SourceError:
    reason = str(error)
    why = f"{reason[:1].upper()}{reason[1:]}."
    if isinstance(error, UnsafeError):
        return SourceError(
            f"{name} is not safe to unpack.",
            why,
            "Do not trust it. Get it from its author again.",
            code="archive.unsafe",
        )
    if isinstance(error, TooLargeError):
        return SourceError(
            f"{name} is too large.",
            why,
            "Unpack it yourself if you trust it, and pass the folder.",
            code="archive.too-large",
        )
    return SourceError(
        f"Could not unpack {name}.",
        why,
        "Fetch it again. If it fails again, do not trust it.",
        code="archive.damaged",
    )
