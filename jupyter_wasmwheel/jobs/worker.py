"""What runs on a worker of a dask cluster, started with `--preload jupyter_wasmwheel.jobs.worker`.

The worker says which targets it has a toolchain for, as resources; the scheduler sends a build only
where its target is among them, and one at a time. A build runs as it does for a server: the command
line, in a supervised process group, so that it ends with the worker, however that ends.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import distributed

from .. import config
from ..api.events import ignore
from ..runtime import targets
from ..store import Store
from ..toolchain import doctor
from .cluster import BUILD, TOPIC, resource
from .executors import Local, Run, environment
from .parcel import Parcel, unpack

#: Seconds for which lines are gathered before they are sent, and between two looks at whether the
#: build is still wanted.
PAUSE, LOOK = 0.05, 0.2

#: The folder of unpacked sources in a store.
FOLDER = "shipped"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What comes back: how the command line ended, what it said last, and its wheels by name.

    `sent` is how many messages were sent meanwhile.
    """

    status: int
    said: str
    wheels: dict[str, bytes]
    sent: int


async def dask_setup(worker: distributed.Worker) -> None:
    """Say what can be built here; dask calls it before the worker meets its scheduler.

    What the worker was started with (`--resources`) is left as it is.
    """
    abis = await asyncio.to_thread(buildable, config.load().store())
    offered = {BUILD: 1, **{resource(abi): 1 for abi in abis}} if abis else {}
    for resources in (worker.state.total_resources, worker.state.available_resources):
        for name, count in offered.items():
            resources.setdefault(name, count)


def buildable(store: Store) -> list[str]:
    """The targets for which nothing is missing on this machine."""
    return [
        target.abi
        for target in targets.all_targets()
        if not any(each.state == "missing" for each in doctor.examine(target, store))
    ]


def build(parcel: Parcel) -> Delivery:
    """Run a job on this worker, as a task of dask's."""
    settings = config.load()
    store = settings.store()
    key = f"{FOLDER}/{parcel.key}"
    telling = _Telling(parcel.job, str(store.home / key))
    with (
        store.lock(key, ignore),
        tempfile.TemporaryDirectory(prefix="wasmwheel-") as scratch,
    ):
        command, *words = unpack(parcel, store.home / key)
        out = Path(scratch) / "out"
        env = environment(os.environ, store, settings.build_variables())
        env["WASMWHEEL_JOB"] = parcel.job
        run = Local().start([command, f"--out={out}", *words], Path(scratch), env)
        with _while_wanted(run):
            for lines in run.lines():
                telling.tell(lines)
                time.sleep(PAUSE)
            status, said = run.wait()
        wheels = {path.name: path.read_bytes() for path in out.glob("*.whl")}
    return Delivery(status=status, said=said, wheels=wheels, sent=telling.sent)


class _Telling:
    """Sends lines to whoever follows the cluster's events; each run has an `attempt` of its own."""

    def __init__(self, job: str, place: str) -> None:
        self.sent = 0
        self._worker = distributed.get_worker()
        self._about = {
            "job": job,
            "attempt": secrets.token_hex(8),
            "name": str(self._worker.name),  # `worker` is what dask puts there: its address
            "place": place,
        }
        self.tell([])

    def tell(self, lines: list[bytes]) -> None:
        """Send some lines; without any, it is told that the job is here."""
        self.sent += 1
        message: dict[str, Any] = {**self._about, "number": self.sent, "lines": lines}
        self._worker.log_event(TOPIC, message)


@contextmanager
def _while_wanted(run: Run) -> Iterator[None]:
    """Stop a run when its task was cancelled, or whoever asked for it has gone."""
    worker = distributed.get_worker()
    key = worker.get_current_task()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK):
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
