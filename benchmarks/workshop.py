"""A workshop: thirty students ask one server at once, each for a starter crate of his own.

The crates are of all templates, each with a function more that no other has, and are built as
drafts, which is what a button in the panel builds first. Seeds are there, as `doctor --fix seeds`
leaves them. What counts is when a student has a wheel that was imported. Then all thirty ask for
the very same crate. Run it with `python -m benchmarks.workshop [RUNNING]`: how many builds the
server runs at once.
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
from jupyter_wasmwheel.jobs.executors import Local, environment
from jupyter_wasmwheel.jobs.queue import Limits, Queue
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, resolve
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.site import lite

from .figures import Figure, tell

#: How many students there are, and within how many seconds the median and the last are served.
STUDENTS, MEDIAN, LAST = 30, 60.0, 90.0


def ask(root: Path, names: list[str], running: int) -> tuple[list[float], list[dict[str, Any]]]:
    """Ask for builds of some crates, all at once; how long each student waits, and the reports."""
    store = config.load().store()
    paths = AllowedPaths(
        root=root, allowed=(), store=store, find_site=lambda name: lite.find(name, store)
    )
    env = environment(os.environ, store)
    limits = Limits(running=running)
    queue = Queue(root.parent / "jobs", Local(), paths, env, limits, lambda seq, text: None)
    try:
        begin = time.time()
        asked = [{"kind": "build", "source": name, "profile": "draft"} for name in names]
        mine = [queue.submit(resolve(each, paths)).id for each in asked]
        while any(job.active for job in queue.jobs()):
            time.sleep(0.05)
        waited, reports = [], []
        for job in map(queue.get, mine):
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
    """A crate for each student: no two are equal, in no two runs."""
    names, templates = [], starter.templates()
    for number in range(STUDENTS):
        folder = starter.make(f"student{number}", root, templates[number % len(templates)].name)
        make_unique(folder)
        names.append(folder.name)
    return names


def make_unique(crate: Path) -> None:
    """Give a crate a function that nobody ever built."""
    with (crate / "src/lib.rs").open("a") as source:
        source.write(f"\npub fn of_its_own() -> u64 {{\n    {time.time_ns()}\n}}\n")


def main() -> None:
    """Measure, and tell."""
    running = int(sys.argv[1]) if len(sys.argv) > 1 else Limits.running
    store = config.load().store()
    seeds.prepare(targets.find(targets.default_abi()), store, ignore)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        waited, reports = ask(root, make_crates(root), running)
        assert not any(report["cached"] for report in reports)
        equal = starter.make("equal", root)
        make_unique(equal)
        same, same_reports = ask(root, [equal.name] * STUDENTS, running)
    about = {"students": STUDENTS, "running_at_once": running}
    seeded = sum(report["seeded"] for report in reports)
    built = sum(not report["cached"] for report in same_reports)
    tell(
        "workshop",
        [
            Figure(
                promise="thirty students, a crate each, one server: until the median has his wheel",
                figure=round(statistics.median(waited), 1),
                unit="s",
                limit=MEDIAN,
                detail=about | {"first_s": round(waited[0], 1), "seeded": seeded},
            ),
            Figure(
                promise="thirty students, a crate each, one server: until the last has his",
                figure=round(waited[-1], 1),
                unit="s",
                limit=LAST,
            ),
            Figure(
                promise="thirty students, the same crate: builds of it",
                figure=built,
                unit="",
                limit=1,
                detail=about | {"median_s": round(statistics.median(same), 1)},
            ),
        ],
    )


if __name__ == "__main__":
    main()
