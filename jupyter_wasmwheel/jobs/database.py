"""The record of all jobs, in SQLite, so that a restarted server knows what it had.

One server at a time has the database open. `seq` numbers are given out from it in blocks: they
never come twice, also after a crash, and a number costs no write.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]

#: The states of a job that has not ended.
ACTIVE: tuple[State, ...] = ("queued", "running")

#: The version of the tables, kept as `PRAGMA user_version`.
VERSION = 1

#: How many sequence numbers are taken from the database at once.
BLOCK = 10_000

#: How many deleted jobs are remembered for clients that were away.
REMEMBERED = 1000


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job: what was asked for, how far it is, what came of it.

    `request` is what was posted, and can be posted again. Times are seconds since 1970. `phase`,
    `done`, `total` and `label` are the newest that was said; `seq` is the newest event's.
    """

    id: str
    kind: str
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
    error: dict[str, Any] | None = None
    seq: int = 0

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE

    @cached_property
    def text(self) -> str:
        """The job as JSON."""
        return json.dumps(dataclasses.asdict(self))


_COLUMNS = tuple(field.name for field in dataclasses.fields(Job))
_AS_JSON = ("request", "report", "error")


class Database:
    """The jobs and the counter of events; may be used from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise
        self._free = range(0)

    def _prepare(self) -> None:
        execute = self._connection.execute
        # Nobody else has it open, so no memory is shared, which not every file system can.
        execute("PRAGMA locking_mode = EXCLUSIVE")
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")
        (version,) = execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"it has version {version}, not {VERSION}")
        execute(f"CREATE TABLE IF NOT EXISTS job (id PRIMARY KEY, {', '.join(_COLUMNS[1:])})")
        execute("CREATE TABLE IF NOT EXISTS removed (seq INTEGER PRIMARY KEY, id TEXT)")
        execute("CREATE TABLE IF NOT EXISTS counter (next INTEGER)")
        if execute("SELECT count(*) FROM counter").fetchone() == (0,):
            # A database that was lost is followed by one with larger numbers, for the clients.
            execute("INSERT INTO counter VALUES (?)", (int(time.time() * 1000),))
        execute(f"PRAGMA user_version = {VERSION}")

    def jobs(self) -> list[Job]:
        """All jobs, the oldest first."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM job ORDER BY created"
            ).fetchall()
        return [_job(row) for row in rows]

    def save(self, job: Job) -> None:
        """Write a job, in the place of what was known of it."""
        values = [
            json.dumps(getattr(job, name)) if name in _AS_JSON else getattr(job, name)
            for name in _COLUMNS
        ]
        marks = ", ".join("?" * len(values))
        with self._lock:
            self._connection.execute(f"INSERT OR REPLACE INTO job VALUES ({marks})", values)

    def remove(self, job: str, seq: int) -> None:
        """Delete a job, and remember under which number that was told."""
        with self._lock:
            execute = self._connection.execute
            execute("DELETE FROM job WHERE id = ?", (job,))
            execute("INSERT INTO removed VALUES (?, ?)", (seq, job))
            execute(
                "DELETE FROM removed WHERE seq <= "
                "(SELECT seq FROM removed ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (REMEMBERED,),
            )

    def removed(self, after: int, until: int) -> list[tuple[int, str]]:
        """The numbers and jobs of the deletions after a number and until another one."""
        with self._lock:
            return self._connection.execute(
                "SELECT seq, id FROM removed WHERE seq > ? AND seq <= ? ORDER BY seq",
                (after, until),
            ).fetchall()

    def next(self) -> int:
        """A sequence number that was never given before and is larger than all that were."""
        with self._lock:
            if not self._free:
                (first,) = self._connection.execute("SELECT next FROM counter").fetchone()
                self._connection.execute("UPDATE counter SET next = ?", (first + BLOCK,))
                self._free = range(first, first + BLOCK)
            number = self._free[0]
            self._free = self._free[1:]
            return number

    def close(self) -> None:
        """Write all out and let others open it."""
        with self._lock:
            self._connection.close()


def _job(row: tuple[Any, ...]) -> Job:
    values = dict(zip(_COLUMNS, row, strict=True))
    return Job(**values | {name: json.loads(values[name]) for name in _AS_JSON})
