"""The queue of jobs: it runs several at once, and keeps those that have ended.

It uses plain threads, and its methods can block, except `active` and `head`.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import filelock
import msgspec
from msgspec import Struct

from ..api.errors import ErrorInfo, LimitError, Open, UsageError, WasmwheelError
from ..api.events import Diagnostic, Error, Event, decode
from ..api.jobs import Job, State, apply, replay
from ..api.requests import JobRequest
from ..errors.os_errors import known_error
from ..process.supervisor import BACKGROUND, STOP_TIMEOUT_S
from ..safe_paths import remove_tree
from .document import JOB
from .event_store import Listener, fit
from .executors import TEMPORARY, Executor, Run
from .outcome import cause, interrupted, outcome
from .recovery import open_store
from .resolve import AllowedPaths, ResolvedRequest

#: Seconds that jobs have to stop when the queue is closed.
CLOSE_TIMEOUT_S = STOP_TIMEOUT_S + 8.0

#: How many lines are stored in one transaction, and the pause in seconds after fewer lines, so that
#: many small writes become one transaction.
LINES_PER_BATCH, BATCH_DELAY_S = 50, 0.02

_LOG = logging.getLogger(__name__)

_replace = msgspec.structs.replace


class UnknownJobError(UsageError):
    """The job does not exist."""

    def __init__(self, job: str) -> None:
        super().__init__(
            f"Build {job:.40} not found.",
            "It was deleted, or it never existed.",
            "Refresh the list of builds.",
            code="job.not-found",
        )


class ConflictError(UsageError):
    """The state of the job does not allow the request."""


class BusyError(LimitError):
    """The server has too much to do."""


class QueueLimits(Struct, frozen=True, kw_only=True):
    """How many jobs run, wait and are kept, and how many bytes of each kind of event are kept."""

    running: int = 2
    waiting: int = 50
    kept: int = 100
    log: int = 10_000_000


@dataclass
class _Running:
    """A running job: its worker, and the state that it is being stopped for, if any."""

    run: Run
    ending: State | None = None


class Queue:
    """The jobs of a server, with their events, requests and wheels in its own folder.

    `notice` is a message for users if the database of earlier jobs could not be read.
    """

    def __init__(
        self,
        folder: Path,
        executor: Executor,
        paths: AllowedPaths,
        env: Mapping[str, str],
        limits: QueueLimits,
        listener: Listener,
    ) -> None:
        self.folder, self._folder_lock = _claim(folder)
        self._executor = executor
        self._paths = paths
        self._env = env
        self._limits = limits
        self._lock = threading.RLock()
        self._running: dict[str, _Running] = {}
        self._requests: dict[str, JobRequest] = {}
        self._background: set[str] = set()
        self._threads: set[threading.Thread] = set()
        self._closing = False
        # The newest state of active jobs, and of those whose end could not be stored.
        self._newest: dict[str, Job] = {}
        with contextlib.ExitStack() as undo:
            undo.callback(self._folder_lock.release)
            with _disk_errors():
                path = self.folder / "jobs.sqlite"
                self._events, self.notice = open_store(path, listener, limits.log)
            undo.callback(self._events.close)
            self._recover()
            undo.pop_all()

    def _recover(self) -> None:
        """End the jobs of a server that was killed, and remove their temporary files."""
        for place in self.folder.glob(f"*/{TEMPORARY}"):
            remove_tree(place)
        for job in self._events.jobs()[::-1]:
            if job.active:
                lines = (text.encode() for text in self._events.lines(job.id, after=job.seq))
                lost = replay(job, lines)
                self._end(lost, "interrupted", error=interrupted(lost))

    @property
    def head(self) -> int:
        """Return the number of the newest event."""
        return self._events.head

    @property
    def active(self) -> int:
        """Return how many jobs are queued or running."""
        return sum(job.active for job in list(self._newest.values()))

    def jobs(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return [self._newest.get(job.id, job) for job in self._events.jobs()]

    def texts(self) -> Iterator[str]:
        """Yield all jobs as JSON, the newest first."""
        for job, text in self._events.texts():
            newest = self._newest.get(job)
            yield encoded(newest) if newest else text

    def get(self, job: str) -> Job:
        """Return a job; an UnknownJobError if it does not exist."""
        found = self._newest.get(job) or self._events.get(job)
        if found is None:
            raise UnknownJobError(job)
        return found

    def submit(self, resolved: ResolvedRequest, *, background: bool = False) -> Job:
        """Put a request into the queue; a LimitError if the queue or the disk is full.

        A background job runs with a lower priority, and does not count as running.
        """
        with self._lock:
            if self._closing or self.active >= self._limits.running + self._limits.waiting:
                raise BusyError(
                    "The queue of builds is full.",
                    "The server is shutting down."
                    if self._closing
                    else f"{self.active} builds are running or waiting.",
                    "Wait for builds to finish, or cancel some.",
                    code="job.queue-full",
                )
            job = Job(
                id=secrets.token_hex(8),
                kind=resolved.posted["kind"],
                state="queued",
                request=resolved.posted,
                name=resolved.name,
                version=resolved.version,
                created=time.time(),
            )
            with _disk_errors():
                try:
                    (self.folder / job.id / "out").mkdir(parents=True)
                    self._newest[job.id] = self._events.save(job)
                except BaseException:
                    remove_tree(self.folder / job.id)
                    raise
            self._requests[job.id] = resolved.request
            if background:
                self._background.add(job.id)
            self._start_waiting()
            return self.get(job.id)

    def cancel(self, job: str) -> Job:
        """Cancel a job; one that has ended does not change."""
        with self._lock:
            found = self.get(job)
            if found.state == "queued":
                self._end(found, "cancelled")
            elif job in self._running:
                self._running[job].ending = self._running[job].ending or "cancelled"
                self._running[job].run.stop()
            return self.get(job)

    def remove(self, job: str) -> None:
        """Delete a job that has ended, with all its files."""
        with self._lock:
            found = self.get(job)
            if found.active:
                raise ConflictError(
                    f"{found.name} is {found.state}.",
                    "Only builds that have ended can be deleted.",
                    "Cancel it first.",
                    code="job.active",
                )
            with _disk_errors():
                self._events.remove(job)
            remove_tree(self.folder / job)
            self._newest.pop(job, None)

    def close(self) -> None:
        """Interrupt all jobs, and close the database."""
        with self._lock:
            self._closing = True
            for job in list(self._newest.values()):
                if job.state == "queued":
                    self._end(job, "interrupted", error=interrupted(job))
            for running in self._running.values():
                running.ending = running.ending or "interrupted"
                running.run.stop()
            threads = list(self._threads)
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))
        self._executor.close()
        self._events.close()
        self._folder_lock.release()

    def lines(self, job: str) -> Iterator[str]:
        """Return the events of a job, as JSON; an UnknownJobError if it does not exist."""
        self.get(job)
        return self._events.lines(job)

    def replay(self, after: int, until: int) -> Iterator[tuple[int, str]]:
        """Return all events after a number and until another one, in order."""
        return self._events.replay(after, until)

    def wheel(self, job: str, abi: str | None = None) -> Path | None:
        """Return the wheel that a job built, for one of its targets if an ABI is given, or None."""
        report = self.get(job).report or {}
        try:
            if abi is not None and report["target"]["abi"] != abi:
                rows = [each for each in report["targets"] if each["target"]["abi"] == abi]
                report = rows[0]["report"]
            name = Path(str(report["wheel"])).name
            path = self.folder / job / "out" / name
            return path if name.endswith(".whl") and path.is_file() else None
        except (OSError, ValueError, LookupError, TypeError):  # a worker can report anything
            return None

    def _start_waiting(self) -> None:
        """Start as many waiting jobs as can run now, the oldest first."""
        for job in list(self._newest.values()):
            running = len(self._running.keys() - self._background)
            if self._closing or running >= self._limits.running:
                return
            if job.state == "queued":
                self._start(job)

    def _start(self, job: Job) -> None:
        env = {**self._env, JOB: job.id}
        if job.id in self._background:
            env[BACKGROUND] = "1"
        try:
            run = self._executor.start(self._requests.pop(job.id), self.folder / job.id, env)
        except Exception as error:
            self._end(job, "failed", error=cause(error))
            return
        self._running[job.id] = _Running(run)
        self._change(_replace(job, state="running", started=time.time()))
        thread = threading.Thread(target=self._follow, args=(job.id, run), daemon=True)
        self._threads.add(thread)
        thread.start()

    def _follow(self, job: str, run: Run) -> None:
        """Follow a job until it has ended, then start the next one; any exception ends the job."""
        status, last_words, broken = 1, "", None
        try:
            broken = self._read(job, run)
            status, last_words = run.wait()
            if status:
                # A job that was stopped has little time to remove its staged files.
                with contextlib.suppress(Exception):
                    self._paths.store.remove_leftovers()
        except Exception as error:
            broken = broken or error
            run.stop()
        with self._lock:
            running = self._running.pop(job)
            self._background.discard(job)
            now = self.get(job)
            try:
                state, why = outcome(now, running.ending, status, last_words, broken)
            except Exception as error:
                state, why = "failed", cause(error)
            try:
                self._end(now, state, error=why)
            except Exception as error:
                self._end(_replace(now, report=None), "failed", error=cause(error))
            self._threads.discard(threading.current_thread())
            try:
                self._prune()
            finally:
                self._start_waiting()

    def _read(self, job: str, run: Run) -> Exception | None:
        """Store the events of a job until it has ended; return the exception that prevented it."""
        broken: Exception | None = None
        for lines in run.lines():
            for first in range(0, len(lines), LINES_PER_BATCH):
                try:
                    if not broken:
                        self._store(job, lines[first : first + LINES_PER_BATCH])
                except Exception as error:
                    # Its output is still read to the end, or it would wait for a reader.
                    broken = error
                    run.stop()
                time.sleep(0)  # let the server's event loop run
            if len(lines) < LINES_PER_BATCH:
                time.sleep(BATCH_DELAY_S)
        return broken

    def _store(self, job: str, lines: Iterable[bytes]) -> None:
        """Store and announce the events in lines, and apply them to the job."""
        now_s = time.time()
        events = [
            (self._with_paths(fit(event)), head.time or now_s) for event, head in decode(lines)
        ]
        seq = self._events.append(job, events)
        with self._lock:
            now = self.get(job)
            for event, _ in events:
                now = apply(now, event)
            # Only a change of the job's state is stored; until then the job is in memory.
            self._newest[job] = _replace(now, seq=seq or now.seq)

    def _with_paths(self, event: Event) -> Event:
        """Return an event with the contents API's paths of its files."""
        if isinstance(event, Diagnostic):
            return _replace(event, path=event.file and self._paths.name(Path(event.file)))
        if isinstance(event, Error):
            remedies = [
                _replace(each, path=self._paths.name(Path(each.file)))
                if isinstance(each, Open)
                else each
                for each in event.remedies
            ]
            return _replace(event, remedies=tuple(remedies))
        return event

    def _end(self, job: Job, state: State, *, error: ErrorInfo | None = None) -> None:
        self._requests.pop(job.id, None)
        if self._change(_replace(job, state=state, ended=time.time(), error=error)):
            self._newest.pop(job.id, None)
        self._events.forget(job.id)

    def _change(self, job: Job) -> bool:
        """Store and announce a job in its new state; return False if it could only be announced."""
        try:
            self._newest[job.id] = self._events.save(job)
        except (OSError, sqlite3.Error) as error:
            _LOG.warning("wasmwheel: could not store the state of %s: %s", job.id, error)
            self._newest[job.id] = self._events.announce(job)
            return False
        return True

    def _prune(self) -> None:
        """Delete the oldest of the ended jobs, so that only `kept` of them are left."""
        active = {job.id for job in self._newest.values() if job.active}
        ended = [job for job in self._events.ids() if job not in active]
        for job in ended[: max(0, len(ended) - self._limits.kept)]:
            with contextlib.suppress(WasmwheelError, sqlite3.Error):
                self.remove(job)


def encoded(job: Job) -> str:
    """Return a job as JSON."""
    return msgspec.json.encode(job).decode()


def _claim(folder: Path) -> tuple[Path, filelock.BaseFileLock]:
    """Return the first folder FOLDER-0, FOLDER-1, … that no other server uses, locked."""
    for number in count():
        numbered = folder.with_name(f"{folder.name}-{number}")
        numbered.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = filelock.FileLock(numbered / "lock", thread_local=False)
        with contextlib.suppress(filelock.Timeout):
            lock.acquire(timeout=0)
            return numbered, lock
    raise AssertionError


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """Raise a WasmwheelError if the disk cannot be written."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise known_error(error) or error from error
