"""What runs on a worker of a dask cluster.

The worker offers the targets that it has a toolchain for, as resources; the scheduler sends a build
only to a worker that has its target, and one at a time. A build runs as it does for a server: in a
supervised process group, so that it ends with the worker, however that ends.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import distributed
import msgspec

from .. import config
from ..api.events import ignore
from ..runtime import targets
from ..store import Store
from ..toolchain import doctor
from .document import JOB
from .executors import LocalExecutor, Run, environment
from .payload import BUILD, TOPIC, JobMessage, JobPayload, JobResult, resource, unpack

#: Seconds for which lines are gathered before they are sent, and between two checks whether the
#: build is still wanted.
SEND_INTERVAL_S, POLL_INTERVAL_S = 0.05, 0.2

#: The folder of unpacked sources in a store.
FOLDER = "shipped"


async def offer_resources(worker: distributed.Worker) -> None:
    """Add what can be built here to a worker's resources, before it meets its scheduler.

    What the worker was started with (`--resources`) stays as it is.
    """
    abis = await asyncio.to_thread(buildable, config.load().store())
    offered = {BUILD: 1, **{resource(abi): 1 for abi in abis}} if abis else {}
    for resources in (worker.state.total_resources, worker.state.available_resources):
        for name, count in offered.items():
            resources.setdefault(name, count)


def buildable(store: Store) -> list[str]:
    """Return the targets for which nothing is missing on this machine."""
    return [
        target.abi
        for target in targets.all_targets()
        if not any(each.state == "missing" for each in doctor.examine(target, store))
    ]


def build(packed: bytes) -> bytes:
    """Run a job on this worker, as a task of dask's: from a JobPayload to a JobResult."""
    payload = msgspec.msgpack.decode(packed, type=JobPayload)
    settings = config.load()
    store = settings.store()
    key = f"{FOLDER}/{payload.key}"
    sender = _Sender(payload.job, str(store.home / key))
    with (
        store.lock(key, ignore),
        tempfile.TemporaryDirectory(prefix="wasmwheel-") as scratch,
    ):
        request = unpack(payload, store.home / key)
        env = environment(os.environ, store, settings.build_variables()) | {JOB: payload.job}
        run = LocalExecutor().start(request, Path(scratch), env)
        with _while_wanted(run):
            for lines in run.lines():
                sender.send(lines)
                time.sleep(SEND_INTERVAL_S)
            status, last_words = run.wait()
        wheels = {path.name: path.read_bytes() for path in Path(scratch).glob("out/*.whl")}
    result = JobResult(status=status, last_words=last_words, wheels=wheels, sent=sender.sent)
    return msgspec.msgpack.encode(result)


class _Sender:
    """Sends lines by the cluster's events; each run has an `attempt` of its own."""

    def __init__(self, job: str, folder: str) -> None:
        self.sent = 0
        self._worker = distributed.get_worker()
        self._job, self._folder = job, folder
        self._attempt = secrets.token_hex(8)
        self.send([])

    def send(self, lines: list[bytes]) -> None:
        """Send some lines; without any, the server learns that the job is here."""
        self.sent += 1
        message = JobMessage(
            job=self._job,
            attempt=self._attempt,
            worker=str(self._worker.name),
            folder=self._folder,
            number=self.sent,
            lines=lines,
        )
        self._worker.log_event(TOPIC, {"message": msgspec.msgpack.encode(message)})


@contextmanager
def _while_wanted(run: Run) -> Iterator[None]:
    """Stop a run when its task was canceled, or its server has gone."""
    worker = distributed.get_worker()
    key = worker.get_current_task()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_INTERVAL_S):
            task = worker.state.tasks.get(key)
            if task is None or task.state not in ("executing", "long-running"):
                run.stop()
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    except BaseException:
        run.stop()
        raise
    finally:
        over.set()
        watching.join()
