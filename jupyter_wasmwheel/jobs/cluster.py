"""Jobs on a cluster of dask.distributed: sent to a worker, followed, and their wheels taken back.

A build and its checks run on the worker. What is published is proven once more here, where the site
is, by the same command that publishes any other wheel: a worker's word is not enough for a page.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..api.errors import CanceledError, LimitError, ToolchainError, UsageError, WasmwheelError
from ..api.events import Event, error_event, note
from ..errors.os_errors import from_os_error
from ..site.lite import Site
from ..store import Store, replace_file
from . import told
from .executors import Local, Run
from .parcel import INSIDE, Packed, pack

if TYPE_CHECKING:
    import distributed

    from .worker import Delivery

#: The commands that a worker runs; others are about this machine.
SENT = ("build", "test")

#: The resource that a build takes for itself, of which a worker has one, and the topic of the
#: cluster's events under which builds tell what they do.
BUILD, TOPIC = "wasmwheel", "jupyter-wasmwheel"

#: Seconds to wait for the last messages of a job that has ended, for a worker that can build before
#: it is said that there is none, and for the cluster to answer.
PATIENCE, QUIET, ANSWER = 5.0, 2.0, 10.0


def resource(abi: str) -> str:
    """The resource of a worker that has the toolchain for a target."""
    return f"{BUILD}-{abi}"


def connect(where: str) -> distributed.Client:
    """A client of the cluster at an address, or of the one whose scheduler wrote a file."""
    try:
        import distributed
    except ImportError as error:
        raise ToolchainError(
            "Builds cannot be sent to a cluster.",
            "dask.distributed is not installed beside Jupyter.",
            "`pip install 'jupyter-wasmwheel[dask]'`, and restart Jupyter.",
        ) from error
    if not where:
        raise UsageError(
            "It is not said which cluster builds are sent to.",
            "`c.WasmwheelApp.executor` is `dask`, and `c.WasmwheelApp.dask` is empty.",
            "Set it to the scheduler's address, as tcp://host:8786, or to its scheduler file.",
        )
    named = {"address": where} if "://" in where else {"scheduler_file": where}
    return distributed.Client(**named, timeout=ANSWER, set_as_default=False, name="wasmwheel")


class Dask:
    """Runs the command line on the workers of a cluster that is there already.

    `connect` gives a client of it, when the first job comes and after the cluster was away.
    """

    def __init__(self, connect: Callable[[], distributed.Client], store: Store) -> None:
        self._connect = connect
        self.store = store
        self.local = Local()
        self._lock = threading.Lock()
        self._client: distributed.Client | None = None
        self._runs: dict[str, DaskRun] = {}

    def start(self, arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> Run:
        """Send a build to the cluster; what is about this machine runs on it."""
        if arguments[0] not in SENT:
            return self.local.start(arguments, folder, env)
        return DaskRun(self, arguments, folder, env)

    def client(self) -> distributed.Client:
        """A client that is connected; a ToolchainError where the cluster cannot be reached."""
        with self._lock:
            if self._client is None or self._client.status not in ("running", "connecting"):
                try:
                    client = self._connect()
                    client.subscribe_topic(TOPIC, self._hand_on)
                except (OSError, TimeoutError, ValueError) as error:
                    raise ToolchainError(
                        "The cluster cannot be reached.",
                        f"{type(error).__name__}: {error}",
                        "Check that its scheduler runs, and `c.WasmwheelApp.dask`.",
                    ) from error
                self._client = client
            return self._client

    def follow(self, job: str, run: DaskRun | None) -> None:
        """Hand a run what its job tells; None ends that."""
        if run:
            self._runs[job] = run
        else:
            self._runs.pop(job, None)

    def _hand_on(self, event: tuple[float, Any]) -> None:
        message = event[1]
        run = self._runs.get(message["job"])
        if run:
            run.receive(message)

    def close(self) -> None:
        """Leave the cluster; what still runs there for us is stopped."""
        with self._lock:
            if self._client:
                self._client.close()
                self._client = None


class DaskRun:
    """A command line that runs on a worker, and the lines that come of it.

    A worker that is lost has its job run again on another one; the events go on, in one count.
    """

    def __init__(
        self, executor: Dask, arguments: Sequence[str], folder: Path, env: Mapping[str, str]
    ) -> None:
        self._executor = executor
        self._arguments = arguments
        self._folder = folder
        self._env = env
        self._job = env["WASMWHEEL_JOB"]
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._seq = 0
        self._held: dict[str, dict[str, Any]] = {}
        self._attempts: list[str] = []
        self._received = 0
        self._worker = ""
        self._original: Path | None = None
        self._changed = threading.Condition(threading.RLock())
        self._stopping = False
        self._over = threading.Event()
        self._here: Run | None = None
        self._result = (1, "")
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def lines(self) -> Iterator[list[bytes]]:
        """The lines of the worker's command line, and of what is done with them here."""
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
        """Cancel it, wherever it is; its worker leaves nothing of it running."""
        with self._changed:
            self._stopping = True
            if self._here:
                self._here.stop()
        self._over.set()

    def wait(self) -> tuple[int, str]:
        """Its exit status, and the last lines that it wrote to stderr."""
        self._thread.join()
        return self._result

    def receive(self, message: Mapping[str, Any]) -> None:
        """Take what a worker tells; of several, the one that began last."""
        with self._changed:
            attempt = message["attempt"]
            if attempt not in self._attempts:
                lost, self._worker = self._worker, message["name"]
                if lost:
                    self._note(f"The worker {lost} was lost; {self._worker} begins again.")
                else:
                    self._note(f"Building on the worker {self._worker}.")
                self._attempts.append(attempt)
                self._held.clear()
            elif attempt != self._attempts[-1]:
                return
            for event in told.events(self._as_here(message["lines"], message["place"])):
                if event["kind"] in ("report", "error"):
                    self._held[event["kind"]] = event
                else:
                    self._say(event)
            self._received = message["number"]
            self._changed.notify_all()

    def _as_here(self, lines: Iterable[bytes], place: str) -> Iterator[bytes]:
        """Lines with the places of the source as they are on this machine."""
        there, here = _in_json(f"{place}/{INSIDE}"), _in_json(str(self._original))
        return (line.replace(there, here) if self._original else line for line in lines)

    def _say(self, event: Mapping[str, Any]) -> None:
        with self._changed:
            self._seq += 1
            about = {"job": self._job, "seq": self._seq, "time": event.get("time", time.time())}
            self._lines.put(json.dumps({**event, **about}).encode())

    def _emit(self, event: Event) -> None:
        self._say(msgspec.to_builtins(event))

    def _note(self, text: str) -> None:
        note(self._emit, text)

    def _follow(self) -> None:
        """Send it, wait for it, and take in what comes back."""
        try:
            self._result = self._run()
        except WasmwheelError as error:
            self._fail(error)
        except OSError as error:
            self._fail(from_os_error(error) or _unexpected(error))
        except Exception as error:
            self._fail(_unexpected(error))
        finally:
            self._executor.follow(self._job, None)
            self._lines.put(None)

    def _fail(self, error: WasmwheelError) -> None:
        self._emit(error_event(error.info))
        self._result = (error.status, "")

    def _run(self) -> tuple[int, str]:
        packed = pack(self._job, self._arguments, self._executor.store, self._emit)
        self._original = packed.original
        delivery = self._deliver(packed)
        if delivery is None:
            raise CanceledError()
        with self._changed:
            self._changed.wait_for(lambda: self._received >= delivery.sent, PATIENCE)
            report, error = self._held.get("report"), self._held.get("error")
        status = delivery.status
        if report:
            wheels = self._take_in(delivery, report["report"])
            if status == 0 and packed.site:
                status = self._publish(wheels, packed.site, report["report"])
            if status == 0 or error:
                self._say(report)
        if error:
            self._say(error)
        return status, delivery.said

    def _deliver(self, packed: Packed) -> Delivery | None:
        """What the cluster makes of a parcel; None where it was cancelled."""
        client = self._executor.client()
        from .worker import build  # only now, because it imports dask

        self._executor.follow(self._job, self)
        needs = {BUILD: 1, resource(packed.abi): 1}
        key = f"wasmwheel-{self._job}"
        future = client.submit(build, packed.parcel, key=key, pure=False, resources=needs)
        future.add_done_callback(lambda _: self._over.set())
        if not self._over.wait(QUIET) and not self._attempts:
            if any(needs.keys() <= each.keys() for each in _resources(client)):
                self._note("Waiting for a worker.")
            else:
                self._note(f"Waiting: no worker of the cluster has a toolchain for {packed.abi}.")
        self._over.wait()
        if self._stopping:
            future.cancel()
            return None
        return _result(future)

    def _take_in(self, delivery: Delivery, report: dict[str, Any]) -> list[Path]:
        """Put the wheels where they were asked for; their paths, the needed before the needing."""
        out = self._folder / "out"
        out.mkdir(exist_ok=True)
        for name, data in delivery.wheels.items():
            replace_file(out / Path(name).name, data)
        return _place(report, out)

    def _publish(self, wheels: Iterable[Path], site: Site, report: dict[str, Any]) -> int:
        """Prove wheels here and publish them; the exit status, and the error said if there is one.

        The site is here, and its pages have the user's trust.
        """
        for wheel in wheels:
            with self._changed:
                if self._stopping:
                    raise CanceledError()
                words = ["site", "publish", "--events", "--", str(site.folder), str(wheel)]
                self._here = self._executor.local.start(words, self._folder, self._env)
            for lines in self._here.lines():
                for event in told.events(lines):
                    if event["kind"] == "report":
                        url = event["report"]["url"]
                        report["published"] = {"site": str(site.folder), "url": url}
                    else:
                        self._say(event)
            status, _ = self._here.wait()
            if status:
                return status
        return 0


def _place(report: dict[str, Any], out: Path) -> list[Path]:
    """Name the wheels of a report where they are now; all of them, what was built along first."""
    along = [path for each in report.get("built_along", ()) for path in _place(each, out)]
    wheel = out / Path(report["wheel"]).name
    report["wheel"] = str(wheel)
    return [*along, wheel]


def _resources(client: distributed.Client) -> list[dict[str, float]]:
    """What each worker of a cluster says that it has."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return [worker["resources"] for worker in workers.values()]


def _result(future: distributed.Future[Any]) -> Delivery:
    """What a task gave; one of our errors where it could not."""
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    try:
        delivery: Delivery = future.result()
    except KilledWorker as error:
        raise LimitError(
            "The build took its workers down with it.",
            f"{error}",
            "A build may need more memory than a worker has: give workers more, and build again.",
        ) from error
    except FutureCancelledError as error:
        raise ToolchainError(
            "The cluster lost the build.",
            f"{error}",
            "Check that its scheduler runs, and build again.",
        ) from error
    return delivery


def _unexpected(error: Exception) -> WasmwheelError:
    return ToolchainError(
        "The cluster could not run the build.",
        f"{type(error).__name__}: {error}",
        "Check that its workers have the same versions of Python, dask and jupyter-wasmwheel as "
        "the server, and look at their logs.",
    )


def _in_json(text: str) -> bytes:
    """A text as it is inside of a line of JSON."""
    return json.dumps(text)[1:-1].encode()
