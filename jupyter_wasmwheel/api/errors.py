"""Errors: a stable code for programs, what/why/fix for people, remedies for buttons.

No program reads the sentences: a button comes from `remedies`, a number from `counts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import msgspec

from .sanitize import sanitize

#: What `doctor --fix EXTRA` installs only where it is asked for by name.
Extra = Literal["emscripten", "nightly", "seeds"]


class Retry(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", tag="retry"):
    """Run the same request again, with some of its fields changed.

    A list is appended to the request's own; any other value replaces it.
    """

    changes: dict[str, bool | str | tuple[str, ...]] = {}


class Install(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", tag="install"):
    """Install what is missing to build with; without extras, all that is required.

    `target` is the ABI to install it for, null for the default.
    """

    extras: tuple[Extra, ...] = ()
    target: str | None = None


class Open(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", tag="open"):
    """Open a file at a line and a column, both counted from 1.

    `path` is the file as Jupyter's contents API names it, which only a server knows.
    """

    file: str
    line: int | None = None
    column: int | None = None
    path: str | None = None


#: What a button can do about an error.
Remedy = Retry | Install | Open


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An error as documents, events and answers have it.

    `status` is the exit status of the command line. `counts` says how many there are of what the
    error counts, as `{"problems": 2}`.
    """

    code: str
    what: str
    why: str
    fix: str
    status: int
    counts: dict[str, int] = {}
    remedies: tuple[Remedy, ...] = ()

    def __post_init__(self) -> None:
        """Make the sentences harmless to show."""
        for name in ("what", "why", "fix"):
            msgspec.structs.force_setattr(self, name, sanitize(getattr(self, name)))


class WasmwheelError(Exception):
    """An error that a user can meet.

    `code` names the kind of failure for programs and in the documentation; it never changes.
    """

    status: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        why: str,
        fix: str,
        *,
        code: str,
        counts: Mapping[str, int] | None = None,
        remedies: Sequence[Remedy] = (),
    ) -> None:
        self.info = ErrorInfo(
            code=code,
            what=what,
            why=why,
            fix=fix,
            status=self.status,
            counts=dict(counts or {}),
            remedies=tuple(remedies),
        )
        super().__init__(self.info.what)

    @property
    def what(self) -> str:
        """What happened, in one sentence."""
        return self.info.what

    @property
    def why(self) -> str:
        """The cause."""
        return self.info.why

    @property
    def fix(self) -> str:
        """What to do about it."""
        return self.info.fix

    def with_why(self, why: str) -> Self:
        """Give the error another cause, and return it."""
        self.info = msgspec.structs.replace(self.info, why=why)
        return self

    def as_json(self) -> dict[str, Any]:
        """Return the error as documents and answers have it."""
        document: dict[str, Any] = msgspec.to_builtins(self.info)
        return document

    def __reduce__(self) -> tuple[Any, ...]:
        return from_info, (self.info,)

    def __str__(self) -> str:
        return f"{self.what}\n  why: {self.why}\n  fix: {self.fix}"


class UsageError(WasmwheelError):
    """The command or the request is invalid: it contradicts itself, or names what is not there."""

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
    """The wheel is invalid, the runtime cannot link it, or it does not import."""

    status = 6


class SiteError(WasmwheelError):
    """The site is missing or damaged, or the wheel is for another target than the site's."""

    status = 7


class TestsFailedError(WasmwheelError):
    """The project's own tests failed in the target's runtime."""

    status = 8


class LimitError(WasmwheelError):
    """A limit was met: time, memory, the log's length, or a full disk."""

    status = 9


class CanceledError(WasmwheelError):
    """The user stopped the run."""

    status = 130

    def __init__(self) -> None:
        super().__init__(
            "Canceled.",
            "The run was interrupted.",
            "Run the same command to start again.",
            code="run.canceled",
            remedies=[Retry()],
        )


def from_info(info: ErrorInfo) -> WasmwheelError:
    """Return the exception for an error that another process reported, by its exit status."""
    if info.status == CanceledError.status:
        return CanceledError()
    kinds = {kind.status: kind for kind in WasmwheelError.__subclasses__()}
    error = kinds.get(info.status, WasmwheelError)(info.what, info.why, info.fix, code=info.code)
    error.info = info
    return error
