"""What can be wrong with an archive."""

from __future__ import annotations

import errno
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager


class ArchiveError(Exception):
    """An archive that is not read; its text is a clause that gives the reason."""


class UnsafeError(ArchiveError):
    """A member that would be written, or would lead, outside its folder."""


class TooLargeError(ArchiveError):
    """An archive that unpacks to more than it may."""


class DamagedError(ArchiveError):
    """An archive that cannot be read, or has in it what cannot be written."""


#: What reading an archive raises where it is damaged, or was made to be.
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    ValueError,
    RuntimeError,  # it is encrypted, or compressed in an unknown way
)

#: What the system says of names that cannot be, or of a member that is in another one's way.
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
    """Raise a DamagedError for whatever reading a damaged archive raises."""
    try:
        yield
    except _DAMAGES as error:
        raise DamagedError(str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            raise
        raise DamagedError(error.strerror or str(error)) from error
