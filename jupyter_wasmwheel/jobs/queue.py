"""The queue: jobs wait here, run so many at once, and are kept when they have ended.

All of it is plain threads and may block; a server calls it from threads of its own. Only `jobs`,
`get` and `head` never wait for anything.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import filelock

from ..api.errors import LimitError, UsageError, WasmwheelError
from ..errors.os_errors import from_os_error
from ..process.supervisor import BACKGROUND
from . import told
from .database import Database, Job, State
from .executors import Executor, Run
from .journal import Journal, Listener
from .outcome import cause, full, interrupted, outcome
from .request import Places, Request

#: The kinds of jobs that make a wheel, which is put beside the job's record.
WITH_WHEEL = ("build", "test")

#: How many lines are read without a pause, and how long a pause is where fewer have come, in
#: seconds: many small writes are taken together.
AT_ONCE, PAUSE = 50, 0.02


class UnknownJob(UsageError):
    """There is no such job."""

    def __init__(self, job: str) -> None:
        super().__init__(
            f"There is no build {job:.40}.",
            "It was never there, or it has been deleted.",
            "Look at the list of builds again.",
        )


class ConflictError(UsageError):
    """The job, or what is to be made, is in a state that does not allow it."""


class BusyError(LimitError):
    """Too many jobs wait."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many jobs run at once, wait, and are kept; how long a log may be, in bytes."""

    running: int = 2
    waiting: int = 50
    kept: int = 100
    log: int = 10_000_000


@dataclass
class _Running:
    """A job that runs: its process, and why it is to end, once it is."""

    run: Run
    ending: State | None = None


class Queue:
    """The jobs of a server; a folder of its own has their records, events and wheels."""

    def __init__(
        self,
        folder: Path,
        executor: Executor,
        places: Places,
        env: Mapping[str, str],
        limits: Limits,
        tell: Listener,
    ) -> None:
        self.folder, lock = _own(folder)
        self._own_lock = lock
        self._executor = executor
        self._places = places
        self._env = env
        self._limits = limits
        self._lock = threading.RLock()
        self._running: dict[str, _Running] = {}
        self._arguments: dict[str, tuple[str, ...]] = {}
        self._background: set[str] = set()
        self._threads: set[threading.Thread] = set()
        self._closing = False
        with _said_plainly():
            self._database = _open(self.folder / "jobs.sqlite")
        self._journal = Journal(self.folder, self._database, tell, limits.log)
        self._jobs = {job.id: job for job in self._database.jobs()}
        for job in self.jobs():
            if job.active:
                self._end(job, "interrupted", error=interrupted(job))

    @property
    def head(self) -> int:
        """The number of the newest event."""
        return self._journal.head

    def jobs(self) -> list[Job]:
        """All jobs, the newest first."""
        return list(self._jobs.values())[::-1]

    def get(self, job: str) -> Job:
        """A job; UnknownJob where there is none."""
        found = self._jobs.get(job)
        if found is None:
            raise UnknownJob(job)
        return found

    def submit(self, request: Request, *, background: bool = False) -> Job:
        """Put a request into the queue; a LimitError where it is full, or the disk is.

        One in the background gives way to all others, and takes no other one's turn.
        """
        with self._lock:
            active = sum(job.active for job in self.jobs())
            if self._closing or active >= self._limits.running + self._limits.waiting:
                raise BusyError(
                    "No more builds can be taken on now.",
                    "The server is about to end."
                    if self._closing
                    else f"{active} are running or waiting already.",
                    "Wait for them, or cancel some.",
                )
            job = Job(
                id=secrets.token_hex(8),
                kind=request.kind,
                state="queued",
                request=request.posted,
                name=request.name,
                version=request.version,
                created=time.time(),
            )
            with _said_plainly():
                try:
                    (self.folder / job.id / "out").mkdir(parents=True)
                    job = self._keep(job)
                except BaseException:
                    shutil.rmtree(self.folder / job.id, ignore_errors=True)
                    raise
            self._arguments[job.id] = request.arguments
            if background:
                self._background.add(job.id)
            self._start_waiting()
            return self.get(job.id)

    def cancel(self, job: str) -> Job:
        """Stop a job; of one that has ended already, nothing changes."""
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
                )
            with _said_plainly():
                self._journal.remove(job)
            shutil.rmtree(self.folder / job, ignore_errors=True)
            del self._jobs[job]

    def close(self) -> None:
        """Stop all jobs, which are interrupted by it, and close the database."""
        with self._lock:
            self._closing = True
            for job in self.jobs():
                if job.state == "queued":
                    self._end(job, "interrupted", error=interrupted(job))
            for running in self._running.values():
                running.ending = running.ending or "interrupted"
                running.run.stop()
            threads = list(self._threads)
        for thread in threads:
            thread.join()
        self._executor.close()
        self._database.close()
        self._own_lock.release()

    def lines(self, job: str) -> Iterator[str]:
        """The events kept of a job, as JSON lines."""
        self.get(job)
        return self._journal.lines(job)

    def replay(self, after: int, until: int) -> Iterator[tuple[int, str]]:
        """All events kept after a number and until another one, in order."""
        return self._journal.replay(after, until, [j.id for j in self.jobs() if j.seq > after])

    def wheel(self, job: str) -> Path | None:
        """The wheel that a job made, while it is there."""
        report = self.get(job).report or {}
        name = Path(str(report.get("wheel", ""))).name
        path = self.folder / job / "out" / name
        return path if name.endswith(".whl") and path.is_file() else None

    def _start_waiting(self) -> None:
        """Start as many of the waiting jobs as may run now, the oldest first."""
        for job in list(self._jobs.values()):
            taken = len(self._running.keys() - self._background)
            if self._closing or taken >= self._limits.running:
                return
            if job.state == "queued":
                self._start(job)

    def _start(self, job: Job) -> None:
        folder = self.folder / job.id
        arguments = self._arguments.pop(job.id)
        if job.kind in WITH_WHEEL:
            arguments = (arguments[0], f"--out={folder / 'out'}", *arguments[1:])
        env = {**self._env, "WASMWHEEL_JOB": job.id}
        if job.id in self._background:
            env[BACKGROUND] = "1"
        try:
            run = self._executor.start(arguments, folder, env)
        except OSError as error:
            self._end(job, "failed", error=cause(error))
            return
        self._running[job.id] = _Running(run)
        self._change(replace(job, state="running", started=time.time()))
        thread = threading.Thread(target=self._follow, args=(job.id, run), daemon=True)
        self._threads.add(thread)
        thread.start()

    def _follow(self, job: str, run: Run) -> None:
        """Read what a job says until it has ended, then start the next one."""
        broken: Exception | None = None
        for lines in run.lines():
            for first in range(0, len(lines), AT_ONCE):
                events = self._read(job, lines[first : first + AT_ONCE])
                try:
                    if not broken:
                        self._take(job, list(events))
                except Exception as error:
                    # It is stopped, and read to its end, or it would wait for a reader.
                    broken = error
                    run.stop()
                time.sleep(0)  # the server's loop waits while Python runs here
            if len(lines) < AT_ONCE:
                time.sleep(PAUSE)
        status, said = run.wait()
        if status:
            # A job that was stopped has little time to remove what it had staged.
            self._places.store.sweep()
        with self._lock:
            running = self._running.pop(job)
            self._background.discard(job)
            state, why = outcome(self.get(job), running.ending, status, said, broken)
            self._end(self.get(job), state, error=why)
            self._prune()
            self._start_waiting()
            self._threads.discard(threading.current_thread())

    def _read(self, job: str, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """The events in lines of the command line's, as they are kept."""
        for event in told.events(lines):
            event["job"], event["job_seq"] = job, event.pop("seq", None)
            if event["kind"] == "diagnostic":
                file = event.get("file")
                event["path"] = self._places.name(Path(file)) if isinstance(file, str) else None
            yield event

    def _take(self, job: str, events: list[dict[str, Any]]) -> None:
        """Keep and tell some events of a job, and what they say about it."""
        seq = self._journal.write(job, events)
        with self._lock:
            now = self.get(job)
            for event in events:
                now = replace(now, **told.changes(event))
            # The database has it when the job's state changes; until then the memory does.
            self._jobs[job] = replace(now, seq=seq or now.seq)

    def _end(self, job: Job, state: State, *, error: dict[str, Any] | None = None) -> None:
        self._arguments.pop(job.id, None)
        self._change(replace(job, state=state, ended=time.time(), error=error))
        self._journal.forget(job.id)

    def _change(self, job: Job) -> None:
        """Keep and tell a job in its new state; only told, where the disk is full."""
        try:
            self._keep(job)
        except (OSError, sqlite3.Error):
            seq = self._journal.tell({"kind": "job", "job": dataclasses.asdict(job)})
            self._jobs[job.id] = replace(job, seq=seq)

    def _keep(self, job: Job) -> Job:
        event = {"kind": "job", "job": dataclasses.asdict(job)}
        seq = self._journal.write(job.id, [event])
        job = replace(job, seq=seq)
        self._database.save(job)
        self._jobs[job.id] = job
        return job

    def _prune(self) -> None:
        """Delete the oldest of the jobs that have ended, beyond as many as are kept."""
        ended = [job for job in self._jobs.values() if not job.active]
        for job in ended[: max(0, len(ended) - self._limits.kept)]:
            with contextlib.suppress(WasmwheelError):
                self.remove(job.id)


def _own(folder: Path) -> tuple[Path, filelock.BaseFileLock]:
    """A folder that no other server uses: the one named, else the next one beside it."""
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


def _open(path: Path) -> Database:
    """The database in a file; one that cannot be read is put aside, and begun anew."""
    try:
        return Database(path)
    except sqlite3.OperationalError:
        raise  # of the system, not of the file
    except sqlite3.DatabaseError:
        path.replace(path.with_suffix(".damaged"))
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)
        return Database(path)


@contextlib.contextmanager
def _said_plainly() -> Iterator[None]:
    """Turn what the system says when nothing can be written into an error of ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise full() if "full" in str(error) else error from error
    except OSError as error:
        raise from_os_error(error) or error from error
