"""The events of all jobs, in one SQLite table: numbered once, announced, replayed by SELECT.

The newest `job` event of a job is its only record. Each event is written before it is announced, so
that a client that replays up to the last announced number misses nothing.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ..api.errors import LimitError
from ..api.events import Event, Head, Log, Report
from ..api.jobs import Job, JobId
from ..api.sanitize import shorten

#: The version of the table, kept as `PRAGMA user_version`.
VERSION = 2

#: The largest number of an event: the largest integer that is exact in JavaScript, with room.
MAX_NUMBER = 2**52

#: How many deletions are kept for clients that were disconnected.
REMEMBERED_DELETIONS = 1000

#: How many events are read at once.
EVENTS_PER_BATCH = 100

#: The largest report, in bytes, and the longest text in one that had to be shortened.
MAX_REPORT_BYTES, MAX_REPORT_TEXT_LENGTH = 1_000_000, 10_000

#: A row of the table: the number, the job, the kind, and the event as JSON.
Row = tuple[int, str, str, str]

#: Called with the number and the text of each event.
Listener = Callable[[int, str], None]

_TABLE = (
    "CREATE TABLE event "
    "(seq INTEGER PRIMARY KEY, job TEXT NOT NULL, kind TEXT NOT NULL, json TEXT NOT NULL)"
)

_INDEXES = """
CREATE INDEX IF NOT EXISTS event_of_job ON event (job, seq);
CREATE INDEX IF NOT EXISTS state_of_job ON event (job, seq) WHERE kind = 'job';
CREATE INDEX IF NOT EXISTS deletion ON event (seq) WHERE kind = 'removed';
"""

_NEWEST = """
SELECT job, json FROM event JOIN (
    SELECT max(seq) AS last, min(seq) AS first FROM event WHERE kind = 'job' GROUP BY job
) ON seq = last ORDER BY first DESC
"""


class _JobText(msgspec.Struct):
    job: msgspec.Raw


class _Changed(msgspec.Struct, tag_field="kind", tag="job"):
    job: Job


class _Removed(msgspec.Struct, tag_field="kind", tag="removed"):
    job: JobId


_HEAD = msgspec.json.Decoder(Head)
_STORED: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Event | _Changed | _Removed)
_JOB_TEXT = msgspec.json.Decoder(_JobText)
_JOB = msgspec.json.Decoder(Job)


class EventStore:
    """Numbers, stores and announces events; can be used from any thread.

    `limit` is the size limit in bytes for the events of each kind of one job.
    """

    def __init__(self, path: Path, listener: Listener, limit: int) -> None:
        self._listener = listener
        self._limit = limit
        self._lock = threading.Lock()
        self._bytes: dict[tuple[str, str], int] = {}
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.text_factory = _decoded
        try:
            self._prepare()
            self.jobs()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        execute = self._connection.execute
        # Without shared memory, which not every file system supports: no other process opens it.
        execute("PRAGMA locking_mode = EXCLUSIVE")
        (version,) = execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"it has version {version}, not {VERSION}")
        execute("PRAGMA auto_vacuum = FULL")
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA journal_size_limit = 10000000")
        execute("PRAGMA synchronous = NORMAL")
        (state,) = execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state)
        found = execute("SELECT sql FROM sqlite_schema WHERE name = 'event'").fetchone()
        if found is None:
            execute(_TABLE)
        elif found != (_TABLE,):
            raise sqlite3.DatabaseError("its table has another schema")
        self._connection.executescript(_INDEXES)
        execute(f"PRAGMA user_version = {VERSION}")
        # Starts at the time, so that the numbers grow even if the database is lost.
        (newest,) = execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()
        if newest > MAX_NUMBER:
            raise sqlite3.DatabaseError(f"an event has the number {newest}")
        self.head: int = max(newest, int(time.time() * 1000))

    def append(self, job: str, events: Iterable[tuple[Event, float]]) -> int:
        """Store and announce events; return the last one's number, 0 if none was stored."""
        with self._lock:
            rows: list[Row] = []
            for event, at in events:
                seq = self.head + 1 + len(rows)
                fields = msgspec.to_builtins(event)
                text = self._bounded(job, fields["kind"], _text(seq, at, fields | {"job": job}))
                if text is None:
                    continue
                if text == "":
                    fields = msgspec.to_builtins(self._omission(fields["kind"]))
                    text = _text(seq, at, fields | {"job": job})
                rows.append((seq, job, fields["kind"], text))
            if not rows:
                return 0
            self._insert(rows)
        return self.head

    def save(self, job: Job) -> Job:
        """Store and announce a job in its new state; return it with its number."""
        with self._lock:
            row, job = self._state(job)
            self._insert([row])
        return job

    def announce(self, job: Job) -> Job:
        """Announce a job in a state that cannot be stored; return it with its number."""
        with self._lock:
            row, job = self._state(job)
            self._pass_on([row])
        return job

    def _state(self, job: Job) -> tuple[Row, Job]:
        job = msgspec.structs.replace(job, seq=self.head + 1)
        fields = {"kind": "job", "job": msgspec.to_builtins(job)}
        return (job.seq, job.id, "job", _text(job.seq, time.time(), fields)), job

    def remove(self, job: str) -> None:
        """Delete a job's events and announce it."""
        with self._lock:
            seq = self.head + 1
            row = (seq, job, "removed", _text(seq, time.time(), {"kind": "removed", "job": job}))
            with self._transaction() as execute:
                execute("DELETE FROM event WHERE job = ?", (job,))
                execute("INSERT INTO event VALUES (?, ?, ?, ?)", row)
                execute(
                    "DELETE FROM event WHERE kind = 'removed' AND seq <= (SELECT seq FROM event "
                    "WHERE kind = 'removed' ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                    (REMEMBERED_DELETIONS,),
                )
            self._pass_on([row])
        self.forget(job)

    def adopt(self, rows: Iterable[Row]) -> None:
        """Store events of an earlier version with their numbers."""
        with self._lock:
            with self._transaction():
                insert = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?)"
                self._connection.executemany(insert, rows)
            (newest,) = self._connection.execute("SELECT max(seq) FROM event").fetchone()
            self.head = max(self.head, newest or 0)

    def _insert(self, rows: list[Row]) -> None:
        with self._transaction():
            self._connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?)", rows)
        self._pass_on(rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            yield execute
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise

    def _pass_on(self, rows: list[Row]) -> None:
        # The number first: a client that connects now reads up to it, and receives the rest.
        self.head = rows[-1][0]
        for seq, _, _, text in rows:
            self._listener(seq, text)

    def _bounded(self, job: str, kind: str, text: str) -> str | None:
        """Return an event as it is stored: itself, at the limit an empty text, then None."""
        before = self._bytes.get((job, kind), 0)
        after = self._bytes[job, kind] = before + len(text)
        if after <= self._limit:
            return text
        return None if before > self._limit else ""

    def _omission(self, kind: str) -> Log:
        size = f"{self._limit / 1e6:.3g} MB"
        return Log(stream="note", text=f"The {kind} is longer than {size}; the rest is omitted.")

    def forget(self, job: str) -> None:
        """Drop what is counted of a job that has ended; its events stay."""
        with self._lock:
            for key in [key for key in self._bytes if key[0] == job]:
                del self._bytes[key]

    def jobs(self) -> list[Job]:
        """Return all jobs, the newest first."""
        jobs = []
        for name, text in self.texts():
            job = _JOB.decode(text)
            if job.id != name:
                raise sqlite3.DatabaseError(f"the job {name!r:.80} has the ID {job.id}")
            jobs.append(job)
        return jobs

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield the ids and the JSON of all jobs, the newest first."""
        for job, text in self._select(_NEWEST):
            yield job, bytes(_JOB_TEXT.decode(text).job).decode()

    def ids(self) -> list[str]:
        """Return the ids of all jobs, the oldest first."""
        query = "SELECT job FROM event WHERE kind = 'job' GROUP BY job ORDER BY min(seq)"
        return [job for (job,) in self._select(query)]

    def get(self, job: str) -> Job | None:
        """Return a job, or None."""
        query = "SELECT json FROM event WHERE job = ? AND kind = 'job' ORDER BY seq DESC LIMIT 1"
        rows = self._select(query, job)
        return _JOB.decode(_JOB_TEXT.decode(rows[0][0]).job) if rows else None

    def lines(self, job: str, after: int = 0) -> Iterator[str]:
        """Yield the events of a job after a number, as JSON, oldest first."""
        query = "SELECT seq, json FROM event WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?"
        while rows := self._select(query, job, after, EVENTS_PER_BATCH):
            yield from (text for seq, text in rows if _is_event(seq, text))
            after = rows[-1][0]

    def replay(self, after: int, until: int) -> Iterator[tuple[int, str]]:
        """Yield all events after a number and until another one, in order, with their numbers."""
        query = "SELECT seq, json FROM event WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        while rows := self._select(query, after, until, EVENTS_PER_BATCH):
            yield from (row for row in rows if _is_event(*row))
            after = rows[-1][0]

    def _select(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            rows = self._connection.execute(query, values).fetchall()
        return [tuple(map(_decoded, row)) for row in rows]

    def close(self) -> None:
        """Write everything, and let other processes open the database."""
        with self._lock:
            self._connection.close()


def _decoded(value: Any) -> Any:
    """Return a value of the database; a disk can have made a text invalid, or not a text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _is_event(seq: int, text: str) -> bool:
    """Return whether a disk has left a stored event valid."""
    try:
        _STORED.decode(text)
        return _HEAD.decode(text).seq == seq
    except (msgspec.DecodeError, RecursionError):
        return False


def _text(seq: int, at: float, fields: dict[str, Any]) -> str:
    return msgspec.json.encode({"seq": seq, "time": at} | fields).decode()


def fit(event: Event) -> Event:
    """Shorten the texts of a report that is too large; a LimitError if that is not enough."""
    if not isinstance(event, Report) or _size(event.report) <= MAX_REPORT_BYTES:
        return event
    report = _shortened(event.report)
    if _size(report) > MAX_REPORT_BYTES:
        raise LimitError(
            "The report is too large.",
            f"It has more than {MAX_REPORT_BYTES // 1_000_000} MB, even with shortened texts.",
            "Run the same on the command line with `--json`, which has no such limit.",
            code="job.report-too-large",
        )
    return Report(report=report)


def _size(report: dict[str, Any]) -> int:
    return len(msgspec.json.encode(report))


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    return shorten(value, MAX_REPORT_TEXT_LENGTH) if isinstance(value, str) else value
