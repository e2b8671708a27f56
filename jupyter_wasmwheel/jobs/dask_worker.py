"""The part that runs on a worker of a dask cluster.

The worker offers the targets that it has a toolchain for as resources; the scheduler sends a build
only to a worker that has its target, one at a time. As on a server, a build runs in a supervised
process group, so that it ends with the worker.
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
from ..project.source import SENT_FOLDER
from ..runtime import targets
from ..store import Store
from ..toolchain import doctor
from .document import JOB
from .executors import LocalExecutor, Run, environment
from .payload import BUILD, TOPIC, JobMessage, JobPayload, JobResult, resource, to_event, unpack

#: Seconds for which lines are collected before they are sent, and between two checks whether the
#: task still exists.
SEND_INTERVAL_S, POLL_INTERVAL_S = 0.05, 0.2


async def offer_resources(worker: distributed.Worker) -> None:
    """Add the targets that can be built here to a worker's resources, before it connects.

    Resources that the worker was started with (`--resources`) stay unchanged.
    """
    abis = await asyncio.to_thread(buildable, config.load().store())
    offered = {BUILD: 1, **{resource(abi): 1 for abi in abis}} if abis else {}
    for resources in (worker.state.total_resources, worker.state.available_resources):
        for name, count in offered.items():
            resources.setdefault(name, count)


def buildable(store: Store) -> list[str]:
    """Return the targets whose toolchain is complete on this machine."""
    return [
        target.abi
        for target in targets.all_targets()
        if not any(each.state == "missing" for each in doctor.examine(target, store))
    ]


def build(packed: bytes) -> bytes:
    """Run a job as a dask task: from an encoded JobPayload to an encoded JobResult."""
    payload = msgspec.msgpack.decode(packed, type=JobPayload)
    settings = config.load()
    store = settings.store()
    key = f"{SENT_FOLDER}/{payload.key}"
    sender = _Sender(payload, str(store.home / key))
    with store.lock(key, ignore), tempfile.TemporaryDirectory(prefix="wasmwheel-") as scratch:
        request = unpack(payload, store.home / key)
        env = environment(os.environ, store, settings.build_variables()) | {JOB: payload.job}
        run = LocalExecutor().start(request, Path(scratch), env)
        with _stopped_with_task(run):
            for lines in run.lines():
                sender.send(lines)
                time.sleep(SEND_INTERVAL_S)
            status, last_words = run.wait()
        wheels = {path.name: path.read_bytes() for path in Path(scratch).glob("out/*.whl")}
    result = JobResult(status=status, last_words=last_words, wheels=wheels, sent=sender.sent)
    return msgspec.msgpack.encode(result)


class _Sender:
    """Sends lines as events of the cluster; each run has its own `attempt`."""

    def __init__(self, payload: JobPayload, folder: str) -> None:
        self.sent = 0
        self._worker = distributed.get_worker()
        self._job, self._secret, self._folder = payload.job, payload.secret, folder
        self._attempt = secrets.token_hex(8)
        self.send([])

    def send(self, lines: list[bytes]) -> None:
        """Send lines; an empty message announces that the job has started here."""
        self.sent += 1
        message = JobMessage(
            job=self._job,
            attempt=self._attempt,
            worker=str(self._worker.name),
            folder=self._folder,
            number=self.sent,
            lines=lines,
        )
        self._worker.log_event(TOPIC, to_event(message, self._secret))


@contextmanager
def _stopped_with_task(run: Run) -> Iterator[None]:
    """Stop a run when its task is canceled, or its server has gone."""
    worker = distributed.get_worker()
    key = worker.get_current_task()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_INTERVAL_S):
            task = worker.state.tasks.get(key)
            if task is None or task.state not in ("executing", "long-running"):
                run.stop()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except BaseException:
        run.stop()
        raise
    finally:
        over.set()
        watcher.join()
