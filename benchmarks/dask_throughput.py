"""The throughput of a dask cluster of two workers, compared with a single worker.

Each worker has one core (taskset) and its own store next to the shared toolchains. Each build is
a release build of another starter crate without any cache, so that compiling pyo3 and its macros
dominates. Run it with `python -m benchmarks.dask_throughput`.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from jupyter_wasmwheel import config
from jupyter_wasmwheel.build import cache, seeds
from jupyter_wasmwheel.jobs import cluster
from jupyter_wasmwheel.jobs.cluster import DaskExecutor
from jupyter_wasmwheel.jobs.executors import environment
from jupyter_wasmwheel.jobs.queue import Queue, QueueLimits
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, resolve
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.site import lite
from tests.fixtures.dask_cluster import PRELOAD, dask_cluster

from .figures import Figure, require_quiet_machine, save_and_exit

#: The parts of the store that workers do not share, so that each build compiles everything.
NOT_SHARED = (seeds.FOLDER, cache.FOLDER)

#: The number of builds, and the lower limit for the ratio.
BUILDS, RATIO_LIMIT = 4, 1.7


def seconds_with(workers: int) -> float:
    """Return how long the builds take on a number of workers, all requested at once."""
    store = config.load().store()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        root = folder / "root"
        root.mkdir()
        names = [f"student{number}" for number in range(BUILDS)]
        for each in names:
            starter.create(each, root)
        paths = AllowedPaths(
            root=root, allowed=(), store=store, find_site=lambda name: lite.find(name, store)
        )
        (folder / "cluster").mkdir()
        shared = folder / "shared"
        shared.mkdir()
        for installed in store.home.iterdir():
            if installed.name not in NOT_SHARED:
                (shared / installed.name).symlink_to(installed)
        with dask_cluster(folder / "cluster") as dask:
            for core in range(workers):
                dask.worker(
                    f"core-{core}",
                    *PRELOAD,
                    before=["taskset", "--cpu-list", str(core)],
                    WASMWHEEL_HOME=str(folder / f"home-{core}"),
                    WASMWHEEL_PATH=str(shared),
                )
            dask.until(workers)
            executor = DaskExecutor(lambda: cluster.connect(str(dask.scheduler_file)), store)
            env = environment(os.environ, store)
            limits = QueueLimits(running=BUILDS)
            queue = Queue(folder / "jobs", executor, paths, env, limits, lambda seq, text: None)
            try:
                begin = time.monotonic()
                for each in names:
                    asked = {"kind": "build", "source": each, "no_cache": True}
                    queue.submit(resolve(asked, paths))
                while any(job.active for job in queue.jobs()):
                    time.sleep(0.05)
                took = time.monotonic() - begin
                for job in queue.jobs():
                    assert job.state == "done", job.error
                    assert job.report
                    assert not job.report["seeded"]
                return took
            finally:
                queue.close()


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    one, two = seconds_with(1), seconds_with(2)
    save_and_exit(
        "dask_throughput",
        [
            Figure(
                promise="Throughput of a dask cluster of two one-core workers, compared with one",
                figure=round(one / two, 2),
                unit="times",
                limit=RATIO_LIMIT,
                at="least",
                detail={
                    "builds": BUILDS,
                    "one_worker_s": round(one, 1),
                    "two_workers_s": round(two, 1),
                },
            )
        ],
    )


if __name__ == "__main__":
    main()
