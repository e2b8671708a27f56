"""The events of a run; every long step takes an emitter and tells it what happens.

As JSON (`--events`) an event is one line `{job, seq, time, kind, …}`: `time` is seconds since
1970, `seq` counts from 1 within a job, and the other fields are those of its dataclass.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TextIO

from .plain import plain

#: The phases, in the order in which they run; `publish` is a build's last, `test` that of tests.
PHASES = (
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
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a run; its texts are made plain, whoever wrote them."""

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        """Make all texts harmless to show."""
        for name, value in vars(self).items():
            if isinstance(value, str):
                object.__setattr__(self, name, plain(value))


@dataclass(frozen=True, kw_only=True)
class Phase(Event):
    """A phase began or ended."""

    kind = "phase"
    name: str
    state: Literal["started", "done", "failed"]


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """How far the running phase is: `done` of `total` units (`total` is None where unknown)."""

    kind = "progress"
    done: int
    total: int | None
    unit: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Log(Event):
    """A line of output of a tool, or a remark of ours (`stream` is then `note`)."""

    kind = "log"
    stream: Literal["stdout", "stderr", "note"]
    text: str


@dataclass(frozen=True, kw_only=True)
class Diagnostic(Event):
    """A message of the compiler; `file` is a path of the user's own source."""

    kind = "diagnostic"
    level: str
    code: str | None
    message: str
    rendered: str
    file: str | None
    line: int | None
    column: int | None


@dataclass(frozen=True, kw_only=True)
class ReportEvent(Event):
    """The run is done; this is its report."""

    kind = "report"
    report: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ErrorEvent(Event):
    """The run ended with an error."""

    kind = "error"
    what: str
    why: str
    fix: str
    status: int


Emitter = Callable[[Event], None]


def ignore(event: Event) -> None:
    """An emitter that tells nobody."""


def note(emit: Emitter, text: str) -> None:
    """Emit a remark of ours."""
    emit(Log(stream="note", text=text))


class JsonLines:
    """An emitter that writes one JSON line an event."""

    def __init__(self, stream: TextIO, job: str) -> None:
        self._stream = stream
        self._job = job
        self._seq = 0

    def __call__(self, event: Event) -> None:
        self._seq += 1
        head = {"job": self._job, "seq": self._seq, "time": time.time(), "kind": event.kind}
        self._stream.write(json.dumps(head | dataclasses.asdict(event)) + "\n")
        self._stream.flush()


class Phases:
    """The phases of a run, one after the other: entering one ends the one before it."""

    def __init__(self, emit: Emitter) -> None:
        self._emit = emit
        self._current: str | None = None
        self._begin = 0.0
        self.seconds: dict[str, float] = {}

    def enter(self, name: str) -> None:
        """End the running phase, if any, and begin another one; begun already, nothing happens."""
        if name not in PHASES:
            raise ValueError(f"{name} is no phase")
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
