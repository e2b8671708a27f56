"""Every error a user can meet: what happened, why, what to do about it, its exit status."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Mapping
from typing import Any, ClassVar

from .plain import plain


class WasmwheelError(Exception):
    """An error with an answer: three sentences for a person and an exit status for a program."""

    status: ClassVar[int] = 1

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(plain(what))
        self.what = plain(what)
        self.why = plain(why)
        self.fix = plain(fix)

    def __reduce__(self) -> tuple[Any, ...]:
        return retold, (self.as_json(),)

    def as_json(self) -> dict[str, Any]:
        """The error as documents and answers have it."""
        return {"what": self.what, "why": self.why, "fix": self.fix, "status": self.status}

    def __str__(self) -> str:
        return f"{self.what}\n  why: {self.why}\n  fix: {self.fix}"


class UsageError(WasmwheelError):
    """The command was asked for something that contradicts itself or does not exist."""

    status = 2


class SourceError(WasmwheelError):
    """The source is missing, not buildable, hostile, or its lock file cannot be satisfied."""

    status = 3


class ToolchainError(WasmwheelError):
    """Rust, the sysroot, the linker, a C compiler, Node or a runtime is missing or too old."""

    status = 4


class CompileError(WasmwheelError):
    """The compiler, the linker or the build front end refused the project."""

    status = 5


class CheckError(WasmwheelError):
    """A wheel that is none, that the runtime cannot link, or that does not import."""

    status = 6


class SiteError(WasmwheelError):
    """There is no such site, or the wheel is for another target than the site's."""

    status = 7


class OwnTestsFailed(WasmwheelError):
    """The project's own tests failed in the target's runtime."""

    status = 8


class LimitError(WasmwheelError):
    """A limit was met: time, memory, the log's length, or a full disk."""

    status = 9


class Cancelled(WasmwheelError):
    """The user stopped the run."""

    status = 130

    def __init__(self) -> None:
        super().__init__(
            "Cancelled.", "The run was interrupted.", "Run the same command to start again."
        )


def retold(error: Mapping[str, Any]) -> WasmwheelError:
    """The error that a command line told as JSON, of the kind that its exit status stands for."""
    status, words = error["status"], (error["what"], error["why"], error["fix"])
    if status == Cancelled.status:
        return Cancelled()
    kinds = {kind.status: kind for kind in WasmwheelError.__subclasses__()}
    return kinds.get(status, WasmwheelError)(*words)


def from_os_error(error: OSError) -> WasmwheelError | None:
    """The user's error for an operating system's one, or None where it is a fault of ours."""
    where = f" ({error.filename})" if error.filename else ""
    number = _number(error)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return LimitError(
            f"The disk is full{where}.",
            "Nothing more could be written; what was being written has been removed.",
            "Free some space, for example with `jupyter wasmwheel cache clear`, and run it again.",
        )
    if number == errno.ENOLCK:
        return UsageError(
            f"The file system gives no locks{where}.",
            os.strerror(number),
            "Set WASMWHEEL_HOME to a folder on a disk of this machine.",
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UsageError(
            f"Not allowed to write or read{where}.",
            os.strerror(number),
            "Choose a folder of your own, or set WASMWHEEL_HOME to one.",
        )
    return None


def _number(error: OSError) -> int | None:
    """The number of an error; shutil tells of several files at once, and of each in words."""
    if isinstance(error, shutil.Error):
        found = re.search(r"\[Errno (\d+)\]", str(error))
        return int(found[1]) if found else None
    return error.errno
