"""Errors of the operating system, explained: a full disk, missing locks, missing permissions."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3

from ..api.errors import LimitError, Retry, SourceError, UsageError, WasmwheelError


def known_error(error: Exception) -> WasmwheelError | None:
    """Return the error to show for an exception, or None if it is a bug of this package."""
    if isinstance(error, WasmwheelError):
        return error
    location = f": {error.filename}" if isinstance(error, OSError) and error.filename else ""
    number = _number(error)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return LimitError(
            f"The disk is full{location}.",
            "Nothing more could be written. The incomplete files were removed.",
            "Free some space, for example with `jupyter wasmwheel cache clear`, and run it again.",
            code="disk.full",
            remedies=[Retry()],
        )
    if number == errno.ENOLCK:
        return UsageError(
            f"The file system does not support locks{location}.",
            os.strerror(number),
            "Set WASMWHEEL_HOME to a folder on a local disk.",
            code="disk.no-locks",
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UsageError(
            f"Permission denied{location}.",
            os.strerror(number),
            "Choose another folder, or set WASMWHEEL_HOME to one that you can write to.",
            code="disk.not-permitted",
        )
    if number in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP) and location:
        return UsageError(
            f"Expected another kind of file{location}.",
            os.strerror(number),
            "Move it away, or choose another folder.",
            code="disk.unexpected-kind",
        )
    if number == errno.E2BIG:
        return SourceError(
            "Could not start a program: its arguments are too long.",
            "The project or the request has more features or options than the system passes on.",
            "Shorten them, for example `features` in the project's pyproject.toml.",
            code="project.arguments-too-long",
        )
    if isinstance(error, ValueError) and "null byte" in str(error):
        return SourceError(
            "A path or an option contains a null character.",
            "The system cannot pass it to a program. The project or the request contains it.",
            "Remove it, for example from `features` in the project's pyproject.toml.",
            code="project.null-character",
        )
    return None


def _number(error: Exception) -> int | None:
    """Return the errno of an error; a shutil.Error has it only in its text."""
    if isinstance(error, shutil.Error):
        found = re.search(r"\[Errno (\d+)\]", str(error))
        return int(found[1]) if found else None
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return errno.ENOSPC
    return error.errno if isinstance(error, OSError) else None
