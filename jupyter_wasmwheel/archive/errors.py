"""Errors of archives. Their texts are clauses that complete "because …"."""

from __future__ import annotations

import errno
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager


class ArchiveError(Exception):
    """An archive that cannot be unpacked; the base of the others."""


class UnsafeError(ArchiveError):
    """A member that would be written, or would lead, outside its folder."""


class TooLargeError(ArchiveError):
    """An archive that exceeds a limit when it is unpacked."""


class DamagedError(ArchiveError):
    """An archive that cannot be read, or with members that cannot be written."""


#: The exceptions of reading a damaged or hostile archive.
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    ValueError,
    RuntimeError,  # it is encrypted, or its compression is unknown
)

#: The system's errors for invalid names, and for members in each other's way.
_IMPOSSIBLE = (
    None,
    errno.EEXIST,
    errno.EILSEQ,
    errno.EINVAL,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
)


@contextmanager
def convert_errors() -> Iterator[None]:
    """Raise a DamagedError for the exceptions of reading a damaged archive."""
    try:
        yield
    except _DAMAGES as error:
        raise DamagedError(str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            raise
        raise DamagedError(error.strerror or str(error)) from error
