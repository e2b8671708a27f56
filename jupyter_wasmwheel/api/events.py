"""The events of a run: each long step reports to an emitter.

As JSON (`--events`) an event is one line `{job, seq, time, kind, …}`: `time` is seconds since
1970, `seq` counts from 1 within a run, and the other fields are those of its struct.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, TextIO, get_args

import msgspec

from .errors import Count, ErrorInfo
from .sanitize import redact_all, sanitize

#: The phases of a run, in their order; a build ends with `publish`, a run of tests with `test`.
PhaseName = Literal[
    "source",
    "project",
    "toolchain",
    "compile",
    "package",
    "optimise",
    "audit",
    "smoke",
    "publish",
    "test",
]

#: All phases, in their order.
PHASES: tuple[PhaseName, ...] = get_args(PhaseName)

#: The longest line of output that is kept in an event, in characters.
MAX_TEXT_LENGTH = 1_000_000

#: How severe a diagnostic is.
Level = Literal["error", "warning", "note", "help"]

#: A short text: a label, a name, a path.
Label = Annotated[str, msgspec.Meta(max_length=10_000)]

#: The output of a tool.
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_LENGTH)]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """An event whose texts are sanitized."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str):
                msgspec.structs.force_setattr(self, name, sanitize(value)[:MAX_TEXT_LENGTH])


class Phase(_Event, frozen=True, kw_only=True, tag="phase"):
    """A phase started or ended."""

    name: PhaseName
    state: Literal["started", "done", "failed"]


class Progress(_Event, frozen=True, kw_only=True, tag="progress"):
    """The progress of the running phase: `done` of `total` units (null if unknown)."""

    done: Count
    total: Count | None
    unit: Label
    label: Label


class Log(_Event, frozen=True, kw_only=True, tag="log"):
    """A line of output of a tool, or a note of this package (`stream` is then `note`)."""

    stream: Literal["stdout", "stderr", "note"]
    text: Text


class Diagnostic(_Event, frozen=True, kw_only=True, tag="diagnostic"):
    """A message of the compiler, or a failed test; `file` is a path in the user's source.

    `code` is the compiler's (`E0308`), or the test's outcome (`failed`, `crashed`, `timed_out`).
    `path` is the file's path in Jupyter's contents API, which only a server knows.
    """

    source: Literal["compiler", "test"] = "compiler"
    level: Level
    code: Label | None
    message: Text
    rendered: Text
    file: Label | None
    line: Count | None
    column: Count | None
    path: Label | None = None


class CrateStarted(_Event, frozen=True, kw_only=True, tag="crate_started"):
    """Cargo started to compile a crate."""

    name: Label
    version: Label


class CrateFinished(_Event, frozen=True, kw_only=True, tag="crate_finished"):
    """Cargo finished a crate, `seconds` after it started its first unit."""

    name: Label
    version: Label
    seconds: Annotated[float, msgspec.Meta(ge=0)]


class Report(_Event, frozen=True, kw_only=True, tag="report"):
    """The run succeeded; `report` is the document that the command prints with `--json`."""

    report: dict[str, Any]


class Error(ErrorInfo, frozen=True, kw_only=True, tag_field="kind", tag="error"):
    """The run ended with an error."""


Event = Phase | Progress | Log | Diagnostic | CrateStarted | CrateFinished | Report | Error

Emitter = Callable[[Event], None]

#: How many levels a report can have.
MAX_REPORT_DEPTH = 50

#: The longest line that can be an event, in bytes; a report with a large diff is one line.
MAX_LINE_BYTES = 8 * 1024 * 1024


class Head(msgspec.Struct, frozen=True):
    """The number and the time of an event, if its line has them."""

    seq: Count = 0
    time: float | None = None


_HEAD: msgspec.json.Decoder[Head] = msgspec.json.Decoder(Head)
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def decode(lines: Iterable[bytes]) -> Iterator[tuple[Event, Head]]:
    """Yield the events in JSON lines, with their numbers and times; other lines are skipped."""
    for line in lines:
        if len(line) > MAX_LINE_BYTES:
            continue
        try:
            event = _DECODER.decode(line)
            head = _HEAD.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if not isinstance(event, Report) or not _is_deep(event.report):
            yield event, head


def _is_deep(value: object) -> bool:
    """Return whether a report has more levels than ours have; it will be nested in others."""
    level = [value]
    for _ in range(MAX_REPORT_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def error_event(info: ErrorInfo) -> Error:
    """Return the event for an error."""
    return Error(**msgspec.structs.asdict(info))


def error_info(event: Error) -> ErrorInfo:
    """Return the error that an event reports."""
    return ErrorInfo(**msgspec.structs.asdict(event))


def ignore(event: Event) -> None:
    """Drop an event."""


def note(emit: Emitter, text: str) -> None:
    """Emit a note."""
    emit(Log(stream="note", text=text))


class JsonLines:
    """An emitter that writes each event as a JSON line."""

    def __init__(self, stream: TextIO, job: str) -> None:
        self._stream = stream
        self._job = job
        self._seq = 0

    def __call__(self, event: Event) -> None:
        self._seq += 1
        head = {"job": self._job, "seq": self._seq, "time": time.time()}
        # An event sanitizes only its own texts; a requirement in a report can contain a login.
        document = redact_all(head | msgspec.to_builtins(event))
        self._stream.write(json.dumps(document) + "\n")
        self._stream.flush()


class Phases:
    """The phases of a run: entering one ends the previous one."""

    def __init__(self, emit: Emitter) -> None:
        self._emit = emit
        self._current: PhaseName | None = None
        self._begin = 0.0
        self.seconds: dict[str, float] = {}

    def enter(self, name: PhaseName) -> None:
        """End the running phase and start another one, unless that is running already."""
        if name != self._current:
            self._end("done")
            self._current, self._begin = name, time.monotonic()
            self._emit(Phase(name=name, state="started"))

    def __enter__(self) -> Phases:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._end("failed" if kind else "done")

    def _end(self, state: Literal["done", "failed"]) -> None:
        if self._current:
            self.seconds[self._current] = time.monotonic() - self._begin
            self._emit(Phase(name=self._current, state=state))
            self._current = None
