"""Jobs on a cluster of dask.distributed: they are sent to a worker, and their wheels come back.

A build and its checks run on the worker. A wheel to publish is checked again on this machine, which
does not trust the worker with the site's pages.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..api.errors import (
    CanceledError,
    LimitError,
    Retry,
    ToolchainError,
    UsageError,
    WasmwheelError,
)
from ..api.events import Error, Event, Report, decode, error_event, note
from ..api.requests import BuildRequest, JobRequest, PublishRequest, TestRequest
from ..errors.os_errors import known_error
from ..site.lite import Site
from ..store import Store, replace_file
from . import document
from .executors import LocalExecutor, Run
from .payload import (
    BUILD,
    SOURCE_FOLDER,
    TOPIC,
    JobMessage,
    JobResult,
    RemoteJob,
    from_event,
    pack,
    resource,
)

if TYPE_CHECKING:
    import distributed

#: Seconds to wait for the last messages of a job that has ended, for its result, for the cluster to
#: answer, and to disconnect from it.
LAST_MESSAGES_TIMEOUT_S, RESULT_TIMEOUT_S = 5.0, 600.0
CONNECT_TIMEOUT_S, CLOSE_TIMEOUT_S = 10.0, 2.0

#: Seconds to wait for a worker before a note says so.
WAITING_NOTE_DELAY_S = 2.0


def connect(where: str) -> distributed.Client:
    """Return a client of a cluster, by the address or the scheduler file of its scheduler."""
    try:
        import distributed
    except ImportError as error:
        raise ToolchainError(
            "dask.distributed is required to run builds on a cluster.",
            "It is not installed in Jupyter's environment.",
            "Run `pip install 'jupyter-wasmwheel[dask]'` and restart Jupyter.",
            code="cluster.not-installed",
        ) from error
    if not where:
        raise UsageError(
            "No cluster is configured.",
            "`c.WasmwheelApp.executor` is `dask`, and `c.WasmwheelApp.dask` is empty.",
            "Set it to the scheduler's address, such as tcp://host:8786, or to its scheduler file.",
            code="cluster.not-configured",
        )
    named = {"address": where} if "://" in where else {"scheduler_file": where}
    return distributed.Client(
        **named, timeout=CONNECT_TIMEOUT_S, set_as_default=False, name="wasmwheel"
    )


class DaskExecutor:
    """Runs builds and tests on the workers of a cluster, and all other jobs on this machine.

    `connect` returns a client of the cluster, for the first job and after a lost connection.
    """

    def __init__(self, connect: Callable[[], distributed.Client], store: Store) -> None:
        self._connect = connect
        self.store = store
        self.local = LocalExecutor()
        self._lock = threading.Lock()
        self._client: distributed.Client | None = None
        self.runs: dict[str, DaskRun] = {}

    def start(self, request: JobRequest, folder: Path, env: Mapping[str, str]) -> Run:
        """Start a job."""
        if isinstance(request, BuildRequest | TestRequest):
            return DaskRun(self, request, folder, env)
        return self.local.start(request, folder, env)

    def client(self) -> distributed.Client:
        """Return a connected client; a ToolchainError if the cluster cannot be reached."""
        with self._lock:
            if self._client is None or self._client.status not in ("running", "connecting"):
                try:
                    client = self._connect()
                    client.subscribe_topic(TOPIC, self._pass_on)
                except (OSError, TimeoutError, ValueError) as error:
                    raise ToolchainError(
                        "The cluster cannot be reached.",
                        f"{type(error).__name__}: {error}",
                        "Check that its scheduler is running, and check `c.WasmwheelApp.dask`.",
                        code="cluster.unreachable",
                        remedies=[Retry()],
                    ) from error
                self._client = client
            return self._client

    def _pass_on(self, event: tuple[float, Any]) -> None:
        keys = {job: run.secret for job, run in list(self.runs.items())}
        message = from_event(event[1], keys)
        run = self.runs.get(message.job) if message else None
        if message and run:
            run.receive(message)

    def close(self) -> None:
        """Disconnect from the cluster, which stops our jobs."""
        # A job can hold the lock while it waits for a cluster that does not answer.
        if self._lock.acquire(timeout=CLOSE_TIMEOUT_S):
            with contextlib.suppress(TimeoutError):
                if self._client:
                    self._client.close(timeout=CLOSE_TIMEOUT_S)
            self._client = None
            self._lock.release()


class DaskRun:
    """A job on a worker; if the worker is lost, the job starts again on another one.

    Its thread can wait for a cluster that does not answer. A run that is stopped ends at once, and
    the thread when it notices.
    """

    def __init__(
        self,
        executor: DaskExecutor,
        request: BuildRequest | TestRequest,
        folder: Path,
        env: Mapping[str, str],
    ) -> None:
        self._executor = executor
        self._request = request
        self._folder = folder
        self._env = env
        self._job = env[document.JOB]
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._report: Report | None = None
        self._error: Error | None = None
        self._attempts: list[str] = []
        self._received = 0
        self.secret = b""
        self._worker = ""
        self._original: Path | None = None
        self._changed = threading.Condition(threading.RLock())
        self._stopping = False
        self._over = threading.Event()
        self._publishing: Run | None = None
        self._result: Future[tuple[int, str]] = Future()
        threading.Thread(target=self._follow, daemon=True).start()

    def lines(self) -> Iterator[list[bytes]]:
        """Yield the lines of the worker's job, and of the publication here."""
        line = self._lines.get()
        while line is not None:
            together = [line]
            with contextlib.suppress(queue.Empty):
                while (line := self._lines.get_nowait()) is not None:
                    together.append(line)
            yield together
            if line is not None:
                line = self._lines.get()

    def stop(self) -> None:
        """Cancel it on its worker, or its publication here."""
        with self._changed:
            self._stopping = True
            if self._publishing:
                self._publishing.stop()
            else:
                self._fail(CanceledError())
        self._over.set()

    def wait(self) -> tuple[int, str]:
        """Return its exit status, and the last lines of its stderr."""
        return self._result.result()

    def receive(self, message: JobMessage) -> None:
        """Process a message, unless it is repeated or another worker has started the job since."""
        with self._changed:
            if message.attempt not in self._attempts:
                lost, self._worker = self._worker, message.worker
                if lost:
                    self._note(f"Lost the worker {lost}; starting again on {self._worker}.")
                else:
                    self._note(f"Building on the worker {self._worker}.")
                self._attempts.append(message.attempt)
                self._report, self._error, self._received = None, None, 0
            elif message.attempt != self._attempts[-1] or message.number <= self._received:
                return
            for event, _ in decode(self._with_local_paths(message.lines, message.folder)):
                if isinstance(event, Report):
                    self._report = event
                elif isinstance(event, Error):
                    self._error = event
                else:
                    self._emit(event)
            self._received = message.number
            self._changed.notify_all()

    def _with_local_paths(self, lines: Iterable[bytes], folder: str) -> Iterator[bytes]:
        """Yield lines with the source's paths on this machine."""
        there, here = _in_json(f"{folder}/{SOURCE_FOLDER}"), _in_json(str(self._original))
        return (line.replace(there, here) if self._original else line for line in lines)

    def _emit(self, event: Event) -> None:
        self._lines.put(msgspec.json.encode(event))

    def _note(self, text: str) -> None:
        note(self._emit, text)

    def _follow(self) -> None:
        """Run the job, and report its failure."""
        try:
            self._end(*self._run())
        except Exception as error:
            self._fail(known_error(error) or _unexpected(error))
        finally:
            self._executor.runs.pop(self._job, None)

    def _fail(self, error: WasmwheelError) -> None:
        self._emit(error_event(error.info))
        self._end(error.status)

    def _end(self, status: int, last_words: str = "") -> None:
        """End the run, unless it has ended."""
        with self._changed:
            if not self._result.done():
                self._result.set_result((status, last_words))
                self._lines.put(None)

    def _run(self) -> tuple[int, str]:
        logins = document.write(self._folder, self._request)
        if logins:
            logins.unlink()  # read only by a worker on this machine
        remote = pack(self._job, self._request, self._executor.store, self._emit)
        self._original = remote.original
        result = self._submit(remote)
        if result is None:
            raise CanceledError()
        with self._changed:
            self._changed.wait_for(lambda: self._received >= result.sent, LAST_MESSAGES_TIMEOUT_S)
            report, error = self._report, self._error
        status = result.status
        if report:
            wheels = self._store_wheels(result, report.report)
            if status == 0 and remote.site:
                status = self._publish(wheels, remote.site, report.report)
            if status == 0 or error:
                self._emit(report)
        if error:
            self._emit(error)
        return status, result.last_words

    def _submit(self, remote: RemoteJob) -> JobResult | None:
        """Run a job on the cluster; return its result, or None if it was canceled."""
        client = self._executor.client()
        from .dask_worker import build  # imports dask, which is optional

        self.secret = remote.payload.secret
        self._executor.runs[self._job] = self
        needs = {BUILD: 1, **{resource(abi): 1 for abi in remote.abis}}
        key = f"wasmwheel-{self._job}"
        packed = msgspec.msgpack.encode(remote.payload)
        future = client.submit(build, packed, key=key, pure=False, resources=needs)
        future.add_done_callback(lambda _: self._over.set())
        if not self._over.wait(WAITING_NOTE_DELAY_S) and not self._attempts:
            self._note(_waiting_note(client, needs, " and ".join(remote.abis)))
        self._over.wait()
        if self._stopping:
            future.cancel()
            return None
        return _result(future)

    def _store_wheels(self, result: JobResult, report: dict[str, Any]) -> list[Path]:
        """Write the wheels into the job's folder; return their paths, dependencies first."""
        out = self._folder / "out"
        out.mkdir(exist_ok=True)
        for name, data in result.wheels.items():
            replace_file(out / Path(name).name, data)
        return _relocate(report, out)

    def _publish(self, wheels: Iterable[Path], site: Site, report: dict[str, Any]) -> int:
        """Check wheels on this machine and publish all or none; return the exit status."""
        request = PublishRequest(site=str(site.folder), wheels=tuple(map(str, wheels)))
        folder = self._folder / "publish"
        folder.mkdir(exist_ok=True)
        with self._changed:
            if self._stopping:
                raise CanceledError()
            self._publishing = self._executor.local.start(request, folder, self._env)
        for lines in self._publishing.lines():
            for event, _ in decode(lines):
                if isinstance(event, Report):
                    url = event.report["url"]
                    report["published"] = {"site": str(site.folder), "url": url}
                else:
                    self._emit(event)
        return self._publishing.wait()[0]


def _relocate(report: dict[str, Any], out: Path) -> list[Path]:
    """Set the paths of a report's wheels; return all, dependencies first."""
    paths = [path for each in report.get("built_along", ()) for path in _relocate(each, out)]
    wheel = out / Path(report["wheel"]).name
    report["wheel"] = str(wheel)
    if report.get("published"):
        report["published"] = None  # only this machine publishes
    for row in report.get("targets", ()):
        _relocate(row["report"] or {"wheel": ""}, out)
    return [*paths, wheel]


def _waiting_note(client: distributed.Client, needs: Mapping[str, int], abi: str) -> str:
    """Return the note about a job that no worker has started yet."""
    assert client.scheduler, "it is connected"
    try:
        found = client.sync(
            client.scheduler.identity, n_workers=-1, callback_timeout=CONNECT_TIMEOUT_S
        )
    except OSError:  # a TimeoutError is one
        return "Waiting: the cluster's scheduler does not answer."
    if any(needs.keys() <= worker["resources"].keys() for worker in found["workers"].values()):
        return "Waiting for a worker."
    return f"Waiting: no worker has the toolchain for {abi}."


def _result(future: distributed.Future[Any]) -> JobResult:
    """Return the result of a task; a WasmwheelError if the cluster lost it."""
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    try:
        return msgspec.msgpack.decode(future.result(RESULT_TIMEOUT_S), type=JobResult)
    except KilledWorker as error:
        raise LimitError(
            "The build crashed its workers.",
            f"{error}",
            "Give the workers more memory, and build again.",
            code="cluster.workers-killed",
            remedies=[Retry()],
        ) from error
    except FutureCancelledError as error:
        raise ToolchainError(
            "The cluster lost the build.",
            f"{error}",
            "Check that its scheduler is running, and build again.",
            code="cluster.lost",
            remedies=[Retry()],
        ) from error


def _unexpected(error: Exception) -> WasmwheelError:
    return ToolchainError(
        "The cluster could not run the build.",
        f"{type(error).__name__}: {error}",
        "Check that its workers have the server's versions of Python, dask and jupyter-wasmwheel, "
        "and look at their logs.",
        code="cluster.failed",
        remedies=[Retry()],
    )


def _in_json(text: str) -> bytes:
    """Return a text as it appears in JSON."""
    return json.dumps(text)[1:-1].encode()
