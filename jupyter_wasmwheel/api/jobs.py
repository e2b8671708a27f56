"""Jobs, and the only reducer in Python: how events change a job.

The panel's reducer in TypeScript is tested against the same fixtures, in tests/fixtures/reducer/.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec

from .errors import Count, ErrorInfo
from .events import Error, Event, Phase, Progress, Report, decode, error_info
from .sanitize import shorten

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]

#: The states of a job that has not ended.
ACTIVE: tuple[State, ...] = ("queued", "running")

#: The ID of a job, which is also the name of its folder.
JobId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Za-z-]{1,64}\Z")]

#: The longest name and version of a package in a job, in characters.
MAX_NAME_LENGTH = 200

#: The kinds of jobs.
JobKind = Literal["build", "test", "install", "site", "bundle", "publish"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job: its request, its progress and its result.

    `request` can be posted again. Times are seconds since 1970. `phase`, `done`, `total`, `label`
    and `seq` are those of the newest event.
    """

    id: JobId
    kind: JobKind
    state: State
    request: dict[str, Any]
    name: str
    version: str | None
    created: float
    started: float | None = None
    ended: float | None = None
    phase: str | None = None
    done: Count | None = None
    total: Count | None = None
    label: str | None = None
    report: dict[str, Any] | None = None
    error: ErrorInfo | None = None
    seq: Count = 0

    def __post_init__(self) -> None:
        """Limit what a package can have written."""
        msgspec.structs.force_setattr(self, "name", shorten(self.name, MAX_NAME_LENGTH))
        version = self.version and shorten(self.version, MAX_NAME_LENGTH)
        msgspec.structs.force_setattr(self, "version", version)

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

    Events up to the job's own number, without a number or of an unknown kind are skipped.
    """
    for event, head in decode(lines):
        if head.seq > job.seq:
            job = _changed(apply(job, event), seq=head.seq)
    return job


def _changed(job: Job, **fields: Any) -> Job:
    return msgspec.structs.replace(job, **fields)
