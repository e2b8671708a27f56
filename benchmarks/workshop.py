"""A workshop: 30 students request builds from one server at once, each of their own starter crate.

The crates come from all templates, each with a unique function added, and are built as drafts.
Seeds are prepared, as by `doctor --fix seeds`. The time until a student has an imported wheel
counts. Then all 30 request the same crate. Run it with `python -m benchmarks.workshop [RUNNING]`,
where RUNNING is the number of builds that the server runs at once.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from jupyter_wasmwheel import config
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.build import seeds
from jupyter_wasmwheel.jobs.executors import LocalExecutor, environment
from jupyter_wasmwheel.jobs.queue import Queue, QueueLimits
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, resolve
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.site import lite

from .figures import Figure, require_quiet_machine, save_and_exit

#: The number of students, and the limits for the median and for the last of them.
STUDENTS, MEDIAN_LIMIT_S, LAST_LIMIT_S = 30, 60.0, 90.0


def build_all(
    root: Path, names: list[str], running: int
) -> tuple[list[float], list[dict[str, Any]]]:
    """Request builds of crates, all at once, and return how long each takes, and the reports."""
    store = config.load().store()
    paths = AllowedPaths(
        root=root, allowed=(), store=store, find_site=lambda name: lite.find(name, store)
    )
    env = environment(os.environ, store)
    limits = QueueLimits(running=running)
    queue = Queue(root.parent / "jobs", LocalExecutor(), paths, env, limits, lambda seq, text: None)
    try:
        begin = time.time()
        requests = [{"kind": "build", "source": name, "profile": "draft"} for name in names]
        ids = [queue.submit(resolve(each, paths)).id for each in requests]
        while any(job.active for job in queue.jobs()):
            time.sleep(0.05)
        waited, reports = [], []
        for job in map(queue.get, ids):
            assert job.state == "done", job.error
            assert job.report
            assert job.report["smoke"]["ok"]
            assert job.ended
            waited.append(job.ended - begin)
            reports.append(job.report)
        return sorted(waited), reports
    finally:
        queue.close()


def make_crates(root: Path) -> list[str]:
    """Create a unique crate for each student."""
    names, templates = [], starter.templates()
    for number in range(STUDENTS):
        folder = starter.create(f"student{number}", root, templates[number % len(templates)].name)
        make_unique(folder)
        names.append(folder.name)
    return names


def make_unique(crate: Path) -> None:
    """Add a function to a crate that was never built before."""
    with (crate / "src/lib.rs").open("a") as source:
        source.write(f"\npub fn unique() -> u64 {{\n    {time.time_ns()}\n}}\n")


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    running = int(sys.argv[1]) if len(sys.argv) > 1 else QueueLimits().running
    store = config.load().store()
    seeds.build_all(targets.find(targets.default_abi()), store, ignore)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        waited, reports = build_all(root, make_crates(root), running)
        assert not any(report["cached"] for report in reports)
        equal = starter.create("equal", root)
        make_unique(equal)
        same, same_reports = build_all(root, [equal.name] * STUDENTS, running)
    about = {"students": STUDENTS, "running_at_once": running}
    seeded = sum(report["seeded"] for report in reports)
    built = sum(not report["cached"] for report in same_reports)
    save_and_exit(
        "workshop",
        [
            Figure(
                promise="30 students, one crate each, one server: median time to wheel",
                figure=round(statistics.median(waited), 1),
                unit="s",
                limit=MEDIAN_LIMIT_S,
                detail=about | {"first_s": round(waited[0], 1), "seeded": seeded},
            ),
            Figure(
                promise="30 students, one crate each, one server: time to the last wheel",
                figure=round(waited[-1], 1),
                unit="s",
                limit=LAST_LIMIT_S,
            ),
            Figure(
                promise="30 students, the same crate: builds that run",
                figure=built,
                unit="",
                limit=1,
                detail=about | {"median_s": round(statistics.median(same), 1)},
            ),
        ],
    )


if __name__ == "__main__":
    main()
