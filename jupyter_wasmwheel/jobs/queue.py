"""The queue: jobs wait here, run so many at once, and are kept when they have ended.

All of it is plain threads and can block; a server calls it from threads of its own. Only `active`
and `head` never wait for anything.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import filelock
import msgspec

from ..api.errors import ErrorInfo, LimitError, Open, UsageError, WasmwheelError
from ..api.events import Diagnostic, Error, Event, decode
from ..api.jobs import Job, State, apply, replay
from ..api.requests import JobRequest
from ..errors.os_errors import from_os_error
from ..process.supervisor import BACKGROUND
from .document import JOB
from .event_store import Listener, fit
from .executors import Executor, Run
from .outcome import cause, full, interrupted, is_full, outcome
from .recovery import open_store
from .resolve import AllowedPaths, ResolvedRequest

#: How many lines are read without a pause, and the pause where fewer have come, in seconds: many
#: small writes are one transaction.
LINES_AT_ONCE, PAUSE_S = 50, 0.02

_LOG = logging.getLogger(__name__)

_replace = msgspec.structs.replace


class UnknownJobError(UsageError):
    """There is no such job."""

    def __init__(self, job: str) -> None:
        super().__init__(
            f"Build {job:.40} not found.",
            "It never existed, or it was deleted.",
            "Refresh the list of builds.",
            code="job.not-found",
        )


class ConflictError(UsageError):
    """The state of the job, or of what is to be created, does not allow it."""


class BusyError(LimitError):
    """Too many jobs wait."""


@dataclass(frozen=True, kw_only=True)
class QueueLimits:
    """How many jobs run at once, wait, and are kept; how many bytes of a kind of event are kept."""

    running: int = 2
    waiting: int = 50
    kept: int = 100
    log: int = 10_000_000


@dataclass
class _Running:
    """A job that runs: its worker, and the state that it is stopped for, once it is."""

    run: Run
    ending: State | None = None


class Queue:
    """The jobs of a server; a folder of its own has their events, requests and wheels.

    `notice` says what was wrong with the record of earlier jobs, if anything was.
    """

    def __init__(
        self,
        folder: Path,
        executor: Executor,
        paths: AllowedPaths,
        env: Mapping[str, str],
        limits: QueueLimits,
        tell: Listener,
    ) -> None:
        self.folder, self._own_lock = _own(folder)
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
        # The newest state of active jobs, and of those whose end could not be kept.
        self._newest: dict[str, Job] = {}
        with _errors_of_the_disk():
            self._events, self.notice = open_store(self.folder / "jobs.sqlite", tell, limits.log)
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
        """Return a job; an UnknownJobError where there is none."""
        found = self._newest.get(job) or self._events.get(job)
        if found is None:
            raise UnknownJobError(job)
        return found

    def submit(self, resolved: ResolvedRequest, *, background: bool = False) -> Job:
        """Put a request into the queue; a LimitError where it is full, or the disk is.

        One in the background lets all others go first, and takes no other one's turn.
        """
        with self._lock:
            if self._closing or self.active >= self._limits.running + self._limits.waiting:
                raise BusyError(
                    "The queue of builds is full.",
                    "The server is about to end."
                    if self._closing
                    else f"{self.active} are running or waiting already.",
                    "Wait for them, or cancel some.",
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
            with _errors_of_the_disk():
                try:
                    (self.folder / job.id / "out").mkdir(parents=True)
                    self._newest[job.id] = self._events.save(job)
                except BaseException:
                    shutil.rmtree(self.folder / job.id, ignore_errors=True)
                    raise
            self._requests[job.id] = resolved.request
            if background:
                self._background.add(job.id)
            self._start_waiting()
            return self.get(job.id)

    def cancel(self, job: str) -> Job:
        """Stop a job; one that has ended already does not change."""
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
                    "Only a build that has ended can be deleted.",
                    "Cancel it first.",
                    code="job.active",
                )
            with _errors_of_the_disk():
                self._events.remove(job)
            shutil.rmtree(self.folder / job, ignore_errors=True)
            self._newest.pop(job, None)

    def close(self) -> None:
        """Stop all jobs, which are interrupted by it, and close the database."""
        with self._lock:
            self._closing = True
            for job in list(self._newest.values()):
                if job.state == "queued":
                    self._end(job, "interrupted", error=interrupted(job))
            for running in self._running.values():
                running.ending = running.ending or "interrupted"
                running.run.stop()
            threads = list(self._threads)
        for thread in threads:
            thread.join()
        self._executor.close()
        self._events.close()
        self._own_lock.release()

    def lines(self, job: str) -> Iterator[str]:
        """Yield the events kept of a job, as JSON; an UnknownJobError where there is none."""
        self.get(job)
        return self._events.lines(job)

    def replay(self, after: int, until: int) -> Iterator[tuple[int, str]]:
        """Yield all events kept after a number and until another one, in order."""
        return self._events.replay(after, until)

    def wheel(self, job: str) -> Path | None:
        """Return the wheel that a job made, while it exists."""
        report = self.get(job).report or {}
        name = Path(str(report.get("wheel", ""))).name
        path = self.folder / job / "out" / name
        return path if name.endswith(".whl") and path.is_file() else None

    def _start_waiting(self) -> None:
        """Start as many of the waiting jobs as may run now, the oldest first."""
        for job in list(self._newest.values()):
            taken = len(self._running.keys() - self._background)
            if self._closing or taken >= self._limits.running:
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
        """Watch a job until it has ended, then start the next one.

        Whatever is raised meanwhile ends the job, and its turn is the next one's.
        """
        status, last_words, broken = 1, "", None
        try:
            broken = self._watch(job, run)
            status, last_words = run.wait()
            if status:
                self._sweep()
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
            self._end(now, state, error=why)
            self._threads.discard(threading.current_thread())
            try:
                self._prune()
            finally:
                self._start_waiting()

    def _watch(self, job: str, run: Run) -> Exception | None:
        """Read what a job tells until it has ended; return what made it impossible."""
        broken: Exception | None = None
        for lines in run.lines():
            for first in range(0, len(lines), LINES_AT_ONCE):
                try:
                    if not broken:
                        self._take(job, lines[first : first + LINES_AT_ONCE])
                except Exception as error:
                    # It is stopped, and read to its end, or it would wait for a reader.
                    broken = error
                    run.stop()
                time.sleep(0)  # the server's loop waits while Python runs here
            if len(lines) < LINES_AT_ONCE:
                time.sleep(PAUSE_S)
        return broken

    def _sweep(self) -> None:
        # A job that was stopped has little time to remove what it had staged.
        try:
            self._paths.store.remove_leftovers()
        except Exception as error:  # the job's own error is what counts
            _LOG.warning("wasmwheel: what a build had staged could not be removed: %s", error)

    def _take(self, job: str, lines: Iterable[bytes]) -> None:
        """Keep and tell the events in some lines of a job, and change the job by them."""
        events = [(self._placed(fit(event)), at or time.time()) for event, at in decode(lines)]
        seq = self._events.append(job, events)
        with self._lock:
            now = self.get(job)
            for event, _ in events:
                now = apply(now, event)
            # The database has it when the job's state changes; until then the memory does.
            self._newest[job] = _replace(now, seq=seq or now.seq)

    def _placed(self, event: Event) -> Event:
        """Return an event whose files have the paths that the contents API has for them."""
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
        """Keep and tell a job in its new state; return False where it could only be told."""
        try:
            self._newest[job.id] = self._events.save(job)
        except (OSError, sqlite3.Error) as error:
            _LOG.warning("wasmwheel: the state of %s could not be kept: %s", job.id, error)
            self._newest[job.id] = self._events.tell(job)
            return False
        return True

    def _prune(self) -> None:
        """Delete the oldest of the jobs that have ended, beyond as many as are kept."""
        ended = [job for job in self._events.ids() if not self._is_active(job)]
        for job in ended[: max(0, len(ended) - self._limits.kept)]:
            with contextlib.suppress(WasmwheelError, sqlite3.Error):
                self.remove(job)

    def _is_active(self, job: str) -> bool:
        newest = self._newest.get(job)
        return newest is not None and newest.active


def encoded(job: Job) -> str:
    """Return a job as JSON."""
    return msgspec.json.encode(job).decode()


def _own(folder: Path) -> tuple[Path, filelock.BaseFileLock]:
    """Return a folder that no other server uses: the one named, else the next one beside it."""
    number = 0
    while True:
        place = folder.with_name(f"{folder.name}-{number}")
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = filelock.FileLock(place / "lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            number += 1
            continue
        return place, lock


@contextlib.contextmanager
def _errors_of_the_disk() -> Iterator[None]:
    """Turn what the system says when nothing can be written into an error of ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise full() if is_full(error) else error from error
    except OSError as error:
        raise from_os_error(error) or error from error
