"""The outcome of a job: its final state and its error."""

from __future__ import annotations

import msgspec

from ..api.errors import (
    CanceledError,
    ErrorInfo,
    Install,
    Retry,
    ToolchainError,
)
from ..api.jobs import Job, State
from ..errors.os_errors import known_error


def outcome(
    job: Job, ending: State | None, status: int, last_words: str, broken: Exception | None
) -> tuple[State, ErrorInfo | None]:
    """Return the final state and the error of a job whose process has ended.

    `ending` is the state that it was stopped for, `broken` the exception of the thread that
    followed it.
    """
    if broken:
        return "failed", cause(broken)
    if status == 0 and job.report is not None:
        return "done", None  # also if it was canceled too late
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
        what=f"{job.name} ended unexpectedly.",
        why=last
        or f"Its process ended with status {status} and without a message. It may have been "
        "killed, for example because the machine ran out of memory.",
        fix="Try again. If it fails again, report it with its log.",
        status=status or 1,
        remedies=(Retry(),),
    )


def _incomplete(job: Job) -> ErrorInfo:
    """Return the error of an installation after which parts are still missing."""
    findings = (job.report or {}).get("findings", [])
    missing = [each for each in findings if each.get("state") == "missing"]
    tried = tuple(job.request.get("extras") or ())
    remedies = [
        remedy
        for each in missing
        for remedy in msgspec.convert(each.get("remedies", []), tuple[Install, ...])
        if remedy.extras != tried
    ]
    return ErrorInfo(
        code="toolchain.incomplete",
        what=f"Still missing: {', '.join(each['part'] for each in missing)}.",
        why=" ".join(each["text"] for each in missing),
        fix=f"Install the missing parts. {' '.join(each['fix'] for each in missing)}",
        status=ToolchainError.status,
        counts={"missing": len(missing)},
        remedies=(*dict.fromkeys(remedies), Retry()),
    )


def interrupted(job: Job) -> ErrorInfo:
    """Return the error of a job that ended with the server."""
    return ErrorInfo(
        code="job.interrupted",
        what=f"{job.name} was interrupted.",
        why="The Jupyter server stopped.",
        fix="Run it again.",
        status=CanceledError.status,
        remedies=(Retry(),),
    )


def cause(error: Exception) -> ErrorInfo:
    """Return the error of a job that could not be started or followed."""
    known = known_error(error)
    return (
        known.info
        if known
        else ErrorInfo(
            code="job.not-followed",
            what="The job was stopped, because the server could not read its events.",
            why=f"{type(error).__name__}: {error}",
            fix="Try again. If it fails again, report it with the server's log.",
            status=1,
            remedies=(Retry(),),
        )
    )
