"""The events of all jobs: numbered, kept in a file a job, and told to whoever listens.

A line of `ID/events.jsonl` is an event as clients get it; it begins with `{"seq": N`, and the
numbers grow from line to line. All is written before it is told, so that who reads the files up to
the last number told misses nothing.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

from .database import Database

#: The name of the file in a job's folder.
FILE = "events.jsonl"

#: What a build may say without end; it is left out beyond the limit, and the rest never is.
BOUNDED = ("log", "diagnostic", "progress")

_SEQ = re.compile(r'\{"seq": (\d+)')

Listener = Callable[[int, str], None]


class Journal:
    """Writes and reads the events; may be used from any thread.

    `limit` is how many bytes each of the kinds that are bounded may take for one job.
    """

    def __init__(self, folder: Path, database: Database, tell: Listener, limit: int) -> None:
        self._folder = folder
        self._database = database
        self._tell = tell
        self._limit = limit
        self._lock = threading.Lock()
        self._taken: dict[tuple[str, str], int] = {}
        self.head = database.next()

    def write(self, job: str, events: Iterable[dict[str, Any]]) -> int:
        """Number, keep and tell the events of a job; the last number, 0 where nothing was kept.

        An event is `{kind, …}`. An OSError where they cannot be kept; they are not told then.
        """
        told: list[tuple[int, str]] = []
        with self._lock:
            for event in events:
                seq = self._database.next()
                text = self._bounded(job, event["kind"], seq, _line(seq, event))
                if text:
                    told.append((seq, text))
            if not told:
                return 0
            with (self._folder / job / FILE).open("a", encoding="utf-8") as stream:
                stream.writelines(text + "\n" for _, text in told)
            self._pass_on(told)
        return told[-1][0]

    def tell(self, event: dict[str, Any]) -> int:
        """Number and tell an event that cannot be kept."""
        with self._lock:
            seq = self._database.next()
            self._pass_on([(seq, _line(seq, event))])
        return seq

    def remove(self, job: str) -> None:
        """Take a job out of the database and tell that it is gone."""
        with self._lock:
            seq = self._database.next()
            self._database.remove(job, seq)
            self._pass_on([(seq, _line(seq, {"kind": "removed", "job": job}))])

    def _pass_on(self, told: list[tuple[int, str]]) -> None:
        # The number first: who begins to listen now reads up to it, and hears the rest.
        self.head = told[-1][0]
        for seq, text in told:
            self._tell(seq, text)

    def _bounded(self, job: str, kind: str, seq: int, text: str) -> str | None:
        """What is kept of an event: itself, at the limit a note in its place, then nothing."""
        if kind not in BOUNDED:
            return text
        before = self._taken.get((job, kind), 0)
        after = self._taken[job, kind] = before + len(text)
        if after <= self._limit:
            return text
        if before > self._limit:
            return None
        said = f"The {kind} is longer than {self._limit / 1e6:.3g} MB; the rest is left out."
        note = {"kind": "log", "job": job, "job_seq": None, "stream": "note", "text": said}
        return _line(seq, note)

    def forget(self, job: str) -> None:
        """Drop what is known of a job that ended; its file stays."""
        with self._lock:
            for kind in BOUNDED:
                self._taken.pop((job, kind), None)

    def lines(self, job: str) -> Generator[str, None, None]:
        """The events kept of a job, as JSON lines without their endings, oldest first."""
        with (
            contextlib.suppress(FileNotFoundError),
            (self._folder / job / FILE).open(encoding="utf-8", errors="replace") as stream,
        ):
            for line in stream:
                # A line that a crash or a full disk cut short is none.
                if line.endswith("}\n"):
                    yield line[:-1]

    def replay(self, after: int, until: int, jobs: Iterable[str]) -> Iterator[tuple[int, str]]:
        """All events kept after a number and until another one, in order, with their numbers."""
        deleted = (
            (seq, _line(seq, {"kind": "removed", "job": job}))
            for seq, job in self._database.removed(after, until)
        )
        yield from heapq.merge(deleted, self._kept(after, until, jobs))

    def _kept(self, after: int, until: int, jobs: Iterable[str]) -> Iterator[tuple[int, str]]:
        """What is kept of jobs, in order; a file is open only from its first number to its last.

        A system lets a process have a thousand files open, or less, and there may be more jobs.
        """
        begins = sorted((first, job) for job in jobs if (first := self._first(job)) is not None)
        running: list[tuple[int, str, Iterator[tuple[int, str]]]] = []

        def advance(events: Iterator[tuple[int, str]]) -> None:
            for seq, line in events:
                heapq.heappush(running, (seq, line, events))
                return

        for first, job in [*begins, (until + 1, "")]:
            while running and running[0][0] < first:
                seq, line, events = heapq.heappop(running)
                yield seq, line
                advance(events)
            if job and first <= until:
                advance(self._between(job, after, until))

    def _first(self, job: str) -> int | None:
        """The number of a job's first event."""
        lines = self.lines(job)
        found = _SEQ.match(next(lines, ""))
        lines.close()
        return int(found.group(1)) if found else None

    def _between(self, job: str, after: int, until: int) -> Iterator[tuple[int, str]]:
        for line in self.lines(job):
            found = _SEQ.match(line)
            if found and after < (seq := int(found.group(1))):
                if seq > until:
                    return
                yield seq, line


def _line(seq: int, event: dict[str, Any]) -> str:
    if event["kind"] == "job":
        event = event | {"job": event["job"] | {"seq": seq}}
    return json.dumps({"seq": seq, "time": time.time()} | event)
