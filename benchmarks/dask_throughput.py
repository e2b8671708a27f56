"""How many builds a cluster of two workers gets done, against one of a single worker.

A worker has one core of its own (taskset), and a store of its own beside the toolchains; the
scheduler, the server's queue and this script share what is left. Each build is of another starter
crate, release, with nothing kept: pyo3 and its macros are compiled, so that what is measured is the
cluster's work and not the server's. Run it with `python -m benchmarks.dask_throughput`.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from jupyter_wasmwheel import config
from jupyter_wasmwheel.build import cache, seeds
from jupyter_wasmwheel.jobs import cluster
from jupyter_wasmwheel.jobs.cluster import Dask
from jupyter_wasmwheel.jobs.executors import environment
from jupyter_wasmwheel.jobs.queue import Limits, Queue
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, resolve
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.site import lite
from tests.fixtures.dask_cluster import PRELOAD, dask_cluster

from .figures import Figure, tell

#: What the workers are not given of the store, so that each build compiles all there is.
NOT_SHARED = (seeds.FOLDER, cache.FOLDER)

#: How many builds are done, and how many times as many two workers are to get done.
BUILDS, AT_LEAST = 4, 1.7


def seconds_with(workers: int) -> float:
    """How long some builds take on so many workers, all asked for at once."""
    store = config.load().store()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        root = folder / "root"
        root.mkdir()
        names = [f"student{number}" for number in range(BUILDS)]
        for each in names:
            starter.make(each, root)
        paths = AllowedPaths(
            root=root, allowed=(), store=store, find_site=lambda name: lite.find(name, store)
        )
        (folder / "cluster").mkdir()
        shared = folder / "shared"
        shared.mkdir()
        for installed in store.home.iterdir():
            if installed.name not in NOT_SHARED:
                (shared / installed.name).symlink_to(installed)
        with dask_cluster(folder / "cluster") as its:
            for core in range(workers):
                its.worker(
                    f"core-{core}",
                    *PRELOAD,
                    before=["taskset", "--cpu-list", str(core)],
                    WASMWHEEL_HOME=str(folder / f"home-{core}"),
                    WASMWHEEL_PATH=str(shared),
                )
            its.until(workers)
            executor = Dask(lambda: cluster.connect(str(its.scheduler_file)), store)
            env = environment(os.environ, store)
            limits = Limits(running=BUILDS)
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
    """Measure, and tell."""
    one, two = seconds_with(1), seconds_with(2)
    tell(
        "dask_throughput",
        [
            Figure(
                promise="throughput of a dask cluster with two workers of a core each, against one",
                figure=round(one / two, 2),
                unit="times",
                limit=AT_LEAST,
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
