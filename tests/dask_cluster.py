"""A cluster of dask.distributed on this machine: a scheduler and workers, a process each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_wasmwheel.jobs import cluster

#: What a worker of ours is started with.
PRELOAD = ("--preload", "jupyter_wasmwheel.jobs.worker")


@dataclass
class Cluster:
    """The folder of the cluster's logs and files, and its processes by name."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def scheduler_file(self) -> Path:
        """Where the scheduler says how it is reached."""
        return self.folder / "scheduler.json"

    def start(
        self, name: str, module: str, *words: str, env: Mapping[str, str], before: Sequence[str]
    ) -> None:
        """Start a process of the cluster's; its log is kept."""
        common = ["--scheduler-file", str(self.scheduler_file), "--no-dashboard"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*before, sys.executable, "-m", f"distributed.cli.{module}", *common, *words],
                cwd=self.folder,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def worker(
        self, name: str, *words: str, before: Sequence[str] = (), **env: str
    ) -> subprocess.Popen[bytes]:
        """Start a worker of one thread, with variables of its own."""
        common = ["--name", name, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1"]
        self.start(name, "dask_worker", *common, *words, env=env, before=before)
        return self.processes[name]

    def until(self, workers: int) -> None:
        """Wait until there are so many workers."""
        client = cluster.connect(str(self.scheduler_file))
        try:
            client.wait_for_workers(workers, timeout=60)
        finally:
            client.close()


@contextmanager
def dask_cluster(folder: Path) -> Iterator[Cluster]:
    """A scheduler, without workers yet; all processes are stopped at the end."""
    its = Cluster(folder)
    words = ["--host", "127.0.0.1", "--port", "0"]
    its.start("scheduler", "dask_scheduler", *words, env={}, before=())
    try:
        while not its.scheduler_file.is_file():
            assert its.processes["scheduler"].poll() is None
            time.sleep(0.05)
        yield its
    finally:
        # The scheduler last: a worker says goodbye to it.
        for process in reversed(its.processes.values()):
            process.terminate()
            process.wait(30)
