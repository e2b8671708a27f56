"""Recovery of jobs from their folders, if the database is damaged, locked or of another version.

Until version 2, a job's folder contained all of its events; since then, only its request and wheel.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ..api.errors import Retry, WasmwheelError
from ..api.events import decode
from ..api.jobs import Job, JobKind
from ..safe_paths import Root
from ..wheel import read
from .document import REQUEST
from .event_store import MAX_NUMBER, EventStore, Listener, Row

#: The file with a job's events in versions before 2.
EVENTS = "events.jsonl"

#: The number of such an event.
EventNumber = Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]

#: Errors of SQLite that do not mean a damaged file.
_SYSTEM_ERRORS = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)

#: What reading a damaged database raises.
DAMAGED = (sqlite3.DatabaseError, msgspec.DecodeError, RecursionError, LookupError, TypeError)

_LOG = logging.getLogger(__name__)


def open_store(path: Path, listener: Listener, limit: int) -> tuple[EventStore, str | None]:
    """Open the database of events; return a notice for users, too, if it could not be read.

    In that case it is moved aside, and the jobs are recovered from their folders.
    """
    problem: object = None
    for each in _files(path):
        if os.path.lexists(each) and (each.is_symlink() or not each.is_file()):
            problem, aside = f"{each.name} is not a regular file", _set_aside(path)
            break
    try:
        store = EventStore(path, listener, limit)
    except DAMAGED as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _SYSTEM_ERRORS:
            raise
        problem, aside = error, _set_aside(path)
        store = EventStore(path, listener, limit)
    try:
        found = _recover(path.parent, store)
    except BaseException:
        store.close()
        raise
    if problem is None:
        return store, None
    notice = (
        f"Could not read the database of builds ({problem}). It was moved to {aside.name}, and "
        f"the builds were recovered from their folders. Found: {found}."
    )
    _LOG.warning("wasmwheel: %s", notice)
    return store, notice


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_suffix(f".damaged-{number}")).exists():
        number += 1
    for old, new in zip(_files(path), _files(aside), strict=True):
        with contextlib.suppress(FileNotFoundError):
            old.replace(new)
    return aside


def _files(path: Path) -> list[Path]:
    """Return the files that SQLite can write for a database."""
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]


def _recover(folder: Path, store: EventStore) -> int:
    """Recover the jobs that the database does not have; return their number."""
    known = set(store.ids())
    lost = [
        place
        for place in folder.iterdir()
        # Otherwise it was set aside, or is the rest of a deleted job.
        if place.is_dir()
        and "." not in place.name
        and place.name not in known
        and (not known or (place / EVENTS).exists())
    ]
    number = 0
    for place in sorted(lost, key=lambda each: each.stat().st_mtime):
        try:
            rows = list(_earlier(place))
            store.adopt(rows)
            if not any(kind == "job" for _, _, kind, _ in rows):
                store.save(_remains(place))
            (place / EVENTS).unlink(missing_ok=True)
        except (OSError, ValueError, RecursionError, WasmwheelError) as error:
            _LOG.warning("wasmwheel: could not recover %s: %s", place, error)
            continue
        number += 1
    return number


def _earlier(place: Path) -> Iterator[Row]:
    """Yield the events of a version before 2 in today's form; incomplete lines are skipped."""
    if not (place / EVENTS).is_file():
        return
    with (place / EVENTS).open("rb") as stream:
        for line in stream:
            try:
                event = msgspec.json.decode(line)
                seq, kind = msgspec.convert(event["seq"], EventNumber), str(event["kind"])
                if kind == "job":
                    event["job"]["error"] = _error(event["job"].get("error"))
                    event["job"] = msgspec.to_builtins(msgspec.convert(event["job"], Job))
                elif kind == "error":
                    event |= _error(event) or {}
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue
            event.pop("job_seq", None)
            text = msgspec.json.encode(event)
            if kind == "job" or any(decode([text])):
                yield seq, place.name, kind, text.decode()


def _error(error: dict[str, Any] | None) -> dict[str, Any] | None:
    """Add the fields that errors have today."""
    return error and {
        "code": error.get("code") or "job.failed-earlier",
        **{key: str(error.get(key, "")) for key in ("what", "why", "fix")},
        "status": error.get("status") or 1,
        "counts": error.get("counts") or {},
        "remedies": error.get("remedies") or [],
    }


def _remains(place: Path) -> Job:
    """Return the job whose request and wheel are in a folder."""
    request: dict[str, Any] = {"kind": "build", "source": ""}
    with contextlib.suppress(OSError, ValueError, RecursionError, WasmwheelError):
        document = msgspec.json.decode(Root(place).read(REQUEST), type=dict[str, Any])
        request = document | {"kind": msgspec.convert(document.get("kind"), JobKind)}
    wheel, found = None, None
    for wheel in sorted((place / "out").glob("*.whl")):
        with contextlib.suppress(OSError, WasmwheelError):
            found = read(wheel)
            break
    if isinstance(site := request.get("site"), str):
        request["site"] = Path(site).name
    at = (wheel or place).stat().st_mtime
    return msgspec.convert(
        {
            "id": place.name,
            "kind": request["kind"],
            "state": "done" if found else "interrupted",
            "request": request,
            "name": found.name if found else Path(str(request.get("source", ""))).name,
            "version": found.version if found else None,
            "created": place.stat().st_mtime,
            "ended": min(at, time.time()),
            "report": found
            and {
                "schema": 1,
                "name": found.name,
                "version": found.version,
                "wheel": str(wheel),
                "sha256": found.sha256,
                "size": found.size,
            },
            "error": None if found else msgspec.to_builtins(_LOST),
        },
        Job,
    )


_LOST = WasmwheelError(
    "The record of this build was lost.",
    "The database of builds could not be read.",
    "Build it again.",
    code="job.record-lost",
    remedies=[Retry()],
).info
