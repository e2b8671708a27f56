"""Jobs, and the only reducer in Python: how events change a job.

The panel's reducer in TypeScript is tested against the same fixtures, in tests/fixtures/reducer/.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from .errors import ErrorInfo
from .events import Error, Event, Phase, Progress, Report, decode, error_info

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]

#: The states of a job that has not ended.
ACTIVE: tuple[State, ...] = ("queued", "running")

#: The kinds of jobs.
JobKind = Literal["build", "test", "install", "site", "bundle", "publish"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job: its request, its progress and its result.

    `request` can be posted again. Times are seconds since 1970. `phase`, `done`, `total`, `label`
    and `seq` are those of the newest event.
    """

    id: str
    kind: JobKind
    state: State
    request: dict[str, Any]
    name: str
    version: str | None
    created: float
    started: float | None = None
    ended: float | None = None
    phase: str | None = None
    done: int | None = None
    total: int | None = None
    label: str | None = None
    report: dict[str, Any] | None = None
    error: ErrorInfo | None = None
    seq: int = 0

    @property
    def active(self) -> bool:
        """Return whether the job is queued or running."""
        return self.state in ACTIVE


def apply(job: Job, event: Event) -> Job:
    """Return the job after an event."""
    match event:
        case Phase(state="started"):
            return _changed(job, phase=event.name, done=None, total=None, label=None)
        case Progress():
            return _changed(job, done=event.done, total=event.total, label=event.label)
        case Report():
            named = {
                key: value
                for key in ("name", "version")
                if isinstance(value := event.report.get(key), str)
            }
            return _changed(job, report=event.report, **named)
        case Error():
            return _changed(job, error=error_info(event))
    return job


def replay(job: Job, lines: Iterable[bytes]) -> Job:
    """Return the job after numbered events, as JSON lines.

    Events up to the job's own number, and those of an unknown kind, are skipped.
    """
    for line in lines:
        for event, _ in decode([line]):
            seq = msgspec.json.decode(line)["seq"]
            if seq > job.seq:
                job = _changed(apply(job, event), seq=seq)
    return job


def _changed(job: Job, **fields: Any) -> Job:
    return msgspec.structs.replace(job, **fields)
