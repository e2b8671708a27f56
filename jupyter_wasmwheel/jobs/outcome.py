"""What became of a job: the state that it ended in, and the error, as events have one."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from ..api.errors import CanceledError, LimitError, ToolchainError
from ..errors.os_errors import from_os_error
from .database import Job, State


def outcome(
    job: Job, ending: State | None, status: int, said: str, broken: Exception | None
) -> tuple[State, dict[str, Any] | None]:
    """What became of a job whose process has ended, and the error it ended with."""
    if broken:
        return "failed", cause(broken)
    if status == 0 and job.report is not None:
        return "done", None  # also when somebody wanted to stop it, but a moment too late
    if ending == "interrupted":
        return "interrupted", interrupted(job)
    if ending or (job.error and job.error["status"] == CanceledError.status):
        return "cancelled", None
    if job.error:
        return "failed", job.error
    if job.kind == "install" and job.report is not None:
        return "failed", _unmended(job.report)
    last = " ".join(said.strip().splitlines()[-3:])
    return "failed", {
        "what": f"{job.name} ended before it was done.",
        "why": last
        or f"Its process ended with status {status} and gave no reason; it may have "
        "been killed, for example for want of memory.",
        "fix": "Build it again; if it stays so, report it with its log.",
        "code": "job.ended",
        "status": status,
    }


def _unmended(report: Mapping[str, Any]) -> dict[str, Any]:
    """The error of a set-up that could not mend everything; its findings say what is missing."""
    missing = [each for each in report.get("findings", []) if each.get("state") == "missing"]
    return {
        "what": f"Still missing: {', '.join(each['part'] for each in missing)}.",
        "why": " ".join(each["text"] for each in missing),
        "fix": " ".join(each["fix"] for each in missing),
        "code": "toolchain.incomplete",
        "status": ToolchainError.status,
    }


def interrupted(job: Job) -> dict[str, Any]:
    """The error of a job that the server lost."""
    return {
        "what": f"{job.name} was interrupted.",
        "why": "The Jupyter server ended before it was done.",
        "fix": "Build it again.",
        "code": "job.interrupted",
        "status": CanceledError.status,
    }


def cause(error: Exception) -> dict[str, Any]:
    """An error as an event has it."""
    known = from_os_error(error) if isinstance(error, OSError) else None
    if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
        known = full()
    if known:
        return known.as_json()
    return {
        "what": "The build was stopped: its events could not be kept.",
        "why": f"{type(error).__name__}: {error}",
        "fix": "Build it again; if it stays so, report it with the server's log.",
        "code": "job.events-lost",
        "status": 1,
    }


def full() -> LimitError:
    """The error for a disk on which the record of jobs cannot grow."""
    return LimitError(
        "The disk is full.",
        "Nothing more could be written; the build was not taken on.",
        "Free some space, for example with `jupyter wasmwheel cache clear`, and try it again.",
    )
