"""The outcome of a job: the state that it ended in, and its error."""

from __future__ import annotations

import sqlite3

import msgspec

from ..api.errors import (
    CanceledError,
    ErrorInfo,
    Install,
    LimitError,
    Remedy,
    Retry,
    ToolchainError,
    WasmwheelError,
)
from ..api.jobs import Job, State
from ..errors.os_errors import from_os_error


def outcome(
    job: Job, ending: State | None, status: int, last_words: str, broken: Exception | None
) -> tuple[State, ErrorInfo | None]:
    """Return the state of a job whose process has ended, and the error that it ended with.

    `ending` is the state that it was stopped for, `broken` what was raised while it was followed.
    """
    if broken:
        return "failed", cause(broken)
    if status == 0 and job.report is not None:
        return "done", None  # also when it was canceled, but a moment too late
    if ending == "interrupted":
        return "interrupted", interrupted(job)
    if ending or (job.error and job.error.status == CanceledError.status):
        return "cancelled", None
    if job.error:
        return "failed", job.error
    if job.kind == "install" and job.report is not None:
        return "failed", _incomplete(job)
    last = " ".join(last_words.strip().splitlines()[-3:])
    return "failed", ErrorInfo(
        code="job.ended",
        what=f"{job.name} ended before it was done.",
        why=last
        or f"Its process ended with status {status} and gave no reason. It may have been killed, "
        "for example because the machine ran out of memory.",
        fix="Try it again. If it fails again, report it with its log.",
        status=status or 1,
        remedies=(Retry(),),
    )


def _incomplete(job: Job) -> ErrorInfo:
    """Return the error of an installation after which something is still missing."""
    findings = (job.report or {}).get("findings", [])
    missing = [each for each in findings if each.get("state") == "missing"]
    tried = tuple(job.request.get("extras") or ())
    remedies: list[Remedy] = []
    for each in missing:
        for remedy in msgspec.convert(each.get("remedies", []), tuple[Remedy, ...]):
            is_tried = isinstance(remedy, Install) and remedy.extras == tried
            if not is_tried and remedy not in remedies:
                remedies.append(remedy)
    return ErrorInfo(
        code="toolchain.incomplete",
        what=f"Still missing: {', '.join(each['part'] for each in missing)}.",
        why=" ".join(each["text"] for each in missing),
        fix=" ".join(each["fix"] for each in missing),
        status=ToolchainError.status,
        counts={"missing": len(missing)},
        remedies=(*remedies, Retry()),
    )


def interrupted(job: Job) -> ErrorInfo:
    """Return the error of a job that the server lost."""
    return ErrorInfo(
        code="job.interrupted",
        what=f"{job.name} was interrupted.",
        why="The Jupyter server ended before it was done.",
        fix="Build it again.",
        status=CanceledError.status,
        remedies=(Retry(),),
    )


def cause(error: Exception) -> ErrorInfo:
    """Return the error of a job that could not be followed, or not be started."""
    if isinstance(error, WasmwheelError):
        return error.info
    known = from_os_error(error) if isinstance(error, OSError) else None
    if is_full(error):
        known = full()
    if known:
        return known.info
    return ErrorInfo(
        code="job.not-followed",
        what="The job was stopped: the server could not follow it.",
        why=f"{type(error).__name__}: {error}",
        fix="Try it again. If it fails again, report it with the server's log.",
        status=1,
        remedies=(Retry(),),
    )


def is_full(error: Exception) -> bool:
    """Return whether SQLite could not write because the disk is full."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def full() -> LimitError:
    """Return the error for a disk on which the record of jobs cannot grow."""
    return LimitError(
        "The disk is full.",
        "The record of builds could not be written.",
        "Free some space, for example with `jupyter wasmwheel cache clear`, and try again.",
        code="disk.full",
        remedies=[Retry()],
    )
