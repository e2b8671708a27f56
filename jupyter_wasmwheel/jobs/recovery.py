"""Jobs that are read again from their folders, where the database does not have them.

That is where a database was damaged, locked or of another version. Until version 2 the events of a
job were lines in its folder, which have all of it; else its request and its wheel are left.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ..api.errors import Retry, WasmwheelError
from ..api.events import decode
from ..api.jobs import Job
from ..wheel import read
from .document import REQUEST
from .event_store import EventStore, Listener, Row

#: The file with a job's events, as versions before 2 wrote it.
EVENTS = "events.jsonl"

#: Errors of SQLite that are the system's, not the file's.
_OF_THE_SYSTEM = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)

_LOG = logging.getLogger(__name__)


def open_store(path: Path, tell: Listener, limit: int) -> tuple[EventStore, str | None]:
    """Open the database of events; return what to tell of it, too.

    One that cannot be read is set aside, and the jobs are read again from their folders.
    """
    notice = None
    try:
        store = EventStore(path, tell, limit)
        try:
            store.jobs()
        except BaseException:
            store.close()
            raise
    except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_SYSTEM:
            raise
        aside = _set_aside(path)
        store = EventStore(path, tell, limit)
        notice = (
            f"The record of builds could not be read ({error}). It was moved to {aside.name}, and "
            "the builds were read again from their folders."
        )
    found = _recover(path.parent, store)
    if notice:
        notice += f" Found: {found}."
        _LOG.warning("wasmwheel: %s", notice)
    return store, notice


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_suffix(f".damaged-{number}")).exists():
        number += 1
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(aside.with_name(aside.name + suffix))
    return aside


def _recover(folder: Path, store: EventStore) -> int:
    """Keep the jobs of folders that the database does not have; return how many."""
    known = set(store.ids())
    lost = [
        place
        for place in folder.iterdir()
        # Else it is what could not be deleted of a job that was.
        if place.is_dir() and place.name not in known and (not known or (place / EVENTS).exists())
    ]
    number = 0
    for place in sorted(lost, key=lambda each: each.stat().st_mtime):
        try:
            rows = list(_earlier(place))
            store.adopt(rows)
            if not any(kind == "job" for _, _, kind, _ in rows):
                store.save(_remains(place))
            (place / EVENTS).unlink(missing_ok=True)
        except (OSError, ValueError, WasmwheelError) as error:
            _LOG.warning("wasmwheel: %s could not be read again: %s", place, error)
            continue
        number += 1
    return number


def _earlier(place: Path) -> Iterator[Row]:
    """Yield the events that a version before 2 kept, as they are now; lines cut short are none."""
    with contextlib.suppress(FileNotFoundError), (place / EVENTS).open("rb") as stream:
        for line in stream:
            try:
                event = msgspec.json.decode(line)
                seq, kind = int(event["seq"]), str(event["kind"])
                if kind == "job":
                    event["job"]["error"] = _error(event["job"].get("error"))
                    event["job"] = msgspec.to_builtins(msgspec.convert(event["job"], Job))
                elif kind == "error":
                    event |= _error(event) or {}
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
            event.pop("job_seq", None)
            text = msgspec.json.encode(event)
            if kind == "job" or any(decode([text])):
                yield seq, place.name, kind, text.decode()


def _error(error: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return an error with the fields that were added since."""
    return error and {
        "code": error.get("code") or "job.failed-earlier",
        **{key: str(error.get(key, "")) for key in ("what", "why", "fix")},
        "status": error.get("status") or 1,
        "counts": error.get("counts") or {},
        "remedies": error.get("remedies") or [],
    }


def _remains(place: Path) -> Job:
    """Return the job whose request and wheel are left in a folder."""
    request: dict[str, Any] = {"kind": "build", "source": ""}
    with contextlib.suppress(OSError, ValueError):
        request = dict(msgspec.json.decode((place / REQUEST).read_bytes()))
    wheel = next(iter(sorted((place / "out").glob("*.whl"))), None)
    found = read(wheel) if wheel else None
    if isinstance(site := request.get("site"), str):
        request["site"] = Path(site).name
    at = (wheel or place).stat().st_mtime
    return msgspec.convert(
        {
            "id": place.name,
            "kind": request.get("kind", "build"),
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
    "The database of the server's builds could not be read.",
    "Build it again.",
    code="job.record-lost",
    remedies=[Retry()],
).info
