"""Archives, unpacked so that nothing in them is written outside of its folder."""

from __future__ import annotations

import errno
import lzma
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from .api.errors import SourceError

# Debian's Python 3.11 has no extraction filters yet (PEP 706); the backport has.
if sys.version_info >= (3, 12):
    import tarfile
else:
    from backports import tarfile  # type: ignore[import-untyped]

#: What an archive may unpack to, in bytes and in members; a larger one is taken for a bomb.
LARGEST, MOST_MEMBERS = 2 * 1024**3, 100_000

#: The endings of the archives that can be unpacked.
ENDINGS = (".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")


#: What reading an archive raises where it is damaged, or was made to be.
DAMAGES = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    ValueError,
    RuntimeError,  # it is encrypted, or compressed in a way that is not known
)

#: What the system says of names that cannot be, or of a member that is in another one's way.
IMPOSSIBLE = (
    None,
    errno.EEXIST,
    errno.EINVAL,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into a folder; a SourceError for one that is damaged or hostile."""
    try:
        if archive.name.endswith(".zip"):
            with zipfile.ZipFile(archive) as zipped:
                _refuse(archive, ((i.filename, i.file_size) for i in zipped.infolist()))
                zipped.extractall(folder)
        else:
            with tarfile.open(archive) as tarred:
                _refuse(archive, ((m.name, m.size) for m in tarred))
                tarred.extractall(folder, filter="data")
    except DAMAGES as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno not in IMPOSSIBLE:
            raise
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{archive.name} cannot be unpacked.",
        f"{type(error).__name__}: {error}",
        "Fetch it again; if it stays so, do not trust it.",
    )


def _refuse(archive: Path, members: Iterable[tuple[str, int]]) -> None:
    """Refuse an archive that would write outside its folder, or fill the disk.

    It is read no further than to the member with which that is known.
    """
    whole = count = 0
    for name, size in members:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise SourceError(
                f"{archive.name} is not safe to unpack.",
                f"Its member {name!r} would be written outside its folder.",
                "Do not trust it; get it from its author again.",
            )
        whole, count = whole + size, count + 1
        if whole > LARGEST or count > MOST_MEMBERS:
            raise SourceError(
                f"{archive.name} is too large.",
                f"It would unpack to more than {LARGEST // 1024**3} GiB or {MOST_MEMBERS:,} files.",
                "Unpack it yourself if you trust it, and name the folder.",
            )
