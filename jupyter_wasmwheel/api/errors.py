"""Errors: a stable code for programs, what/why/fix for people, remedies for buttons.

Programs do not parse the sentences: buttons come from `remedies`, numbers from `counts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec

from .sanitize import sanitize, shorten

#: The largest integer that JSON and JavaScript both keep exactly (2**53 - 1).
LARGEST_INTEGER = 9_007_199_254_740_991

#: A number of things.
Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INTEGER)]

#: The exit status of a process.
Status = Annotated[int, msgspec.Meta(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]

#: A code, or the name of a number.
Code = Annotated[str, msgspec.Meta(max_length=100)]

#: The longest sentence in characters, and the largest remedies as JSON. They quote what a package
#: contains, and are in every list of jobs.
MAX_SENTENCE_LENGTH, MAX_REMEDIES_BYTES = 10_000, 20_000

#: What `doctor --fix EXTRA` installs only when named.
Extra = Literal["emscripten", "nightly", "seeds"]


class Retry(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", tag="retry"):
    """Run the same request again with changed fields; a list is appended to the request's own."""

    changes: dict[str, bool | str | tuple[str, ...]] = {}


class Install(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", tag="install"):
    """Install these extras, or else all missing required parts of the toolchain.

    `target` is the ABI to install for, null for the default.
    """

    extras: tuple[Extra, ...] = ()
    target: str | None = None


class Open(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", tag="open"):
    """Open a file at a line and a column, both counted from 1.

    `path` is the file's path in Jupyter's contents API, which only a server knows.
    """

    file: str
    line: int | None = None
    column: int | None = None
    path: str | None = None


#: The action of a button that an error shows.
Remedy = Retry | Install | Open


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An error in documents, events and answers.

    `status` is the exit status of the command line; `counts` are numbers such as `{"problems": 2}`.
    Long sentences are shortened, and remedies that are too large are omitted.
    """

    code: Code
    what: str
    why: str
    fix: str
    status: Status
    counts: Annotated[dict[Code, Count], msgspec.Meta(max_length=100)] = {}
    remedies: tuple[Remedy, ...] = ()

    def __post_init__(self) -> None:
        """Sanitize and limit what others can have written."""
        for name in ("what", "why", "fix"):
            text = shorten(sanitize(getattr(self, name)), MAX_SENTENCE_LENGTH)
            msgspec.structs.force_setattr(self, name, text)
        if self.remedies and len(msgspec.json.encode(self.remedies)) > MAX_REMEDIES_BYTES:
            msgspec.structs.force_setattr(self, "remedies", ())


class WasmwheelError(Exception):
    """An error that a user can meet; `code` names its kind and never changes."""

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
        """Return the failure, in one sentence."""
        return self.info.what

    @property
    def why(self) -> str:
        """Return the cause."""
        return self.info.why

    @property
    def fix(self) -> str:
        """Return the remedy."""
        return self.info.fix

    def with_why(self, why: str) -> Self:
        """Replace the cause, and return the error."""
        self.info = msgspec.structs.replace(self.info, why=why)
        return self

    def as_json(self) -> dict[str, Any]:
        """Return the error as JSON."""
        document: dict[str, Any] = msgspec.to_builtins(self.info)
        return document

    def __reduce__(self) -> tuple[Any, ...]:
        return from_info, (self.info,)

    def __str__(self) -> str:
        return f"{self.what}\n  why: {self.why}\n  fix: {self.fix}"


class UsageError(WasmwheelError):
    """The command or the request is invalid."""

    status = 2


class SourceError(WasmwheelError):
    """The source is missing, hostile or cannot be built, or its lock file cannot be satisfied."""

    status = 3


class ToolchainError(WasmwheelError):
    """Rust, the sysroot, the linker, a C compiler, Node or a runtime is missing or too old."""

    status = 4


class CompileError(WasmwheelError):
    """The compiler, the linker or the build frontend failed."""

    status = 5


class CheckError(WasmwheelError):
    """The wheel is invalid, cannot be linked by the runtime, or does not import."""

    status = 6


class SiteError(WasmwheelError):
    """The site is missing or damaged, or has another target than the wheel."""

    status = 7


class TestsFailedError(WasmwheelError):
    """The project's own tests failed in the target's runtime."""

    status = 8


class LimitError(WasmwheelError):
    """A limit was reached: time, memory, the length of the log, or the disk."""

    status = 9


class CanceledError(WasmwheelError):
    """The user canceled the run."""

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
    """Return the exception, by its exit status, for an error that another process reported."""
    if info.status == CanceledError.status:
        return CanceledError()
    kinds = {kind.status: kind for kind in WasmwheelError.__subclasses__()}
    error = kinds.get(info.status, WasmwheelError)(info.what, info.why, info.fix, code=info.code)
    error.info = info
    return error
