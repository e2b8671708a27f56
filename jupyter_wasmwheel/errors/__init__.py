"""Every error a user can meet: what happened, why, what to do about it, its exit status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plain import plain


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
