"""Real builds as jobs, and their processes when they are stopped."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.jobs.executors import LocalExecutor, LocalRun
from jupyter_wasmwheel.jobs.queue import (
    Queue,
    QueueLimits,
)
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, resolve
from jupyter_wasmwheel.store import Store
from tests.fixtures import wheel_factory
from tests.fixtures.job_queue import (
    Messages,
    linux_only,
    processes_of_job,
    wait_until,
)


@pytest.fixture
def building(
    store: Store, workbench: Path, tmp_path: Path
) -> Iterator[Callable[[], tuple[LocalRun, str]]]:
    """Start a real build of a new crate, and wait until it compiles."""
    runs: list[LocalRun] = []

    def start() -> tuple[LocalRun, str]:
        job = f"test{time.monotonic_ns():x}"
        crate = wheel_factory.crate("fresh", tmp_path / job)
        folder = tmp_path / f"{job}-folder"
        folder.mkdir()
        env = {**os.environ, "WASMWHEEL_JOB": job}
        # With an argument for cargo, no seed fits, and pyo3 is compiled.
        request = BuildRequest(source=str(crate), no_smoke=True, cargo_args=("--verbose",))
        run = LocalExecutor().start(request, folder, env)
        runs.append(run)
        threading.Thread(target=lambda: [*run.lines()], daemon=True).start()
        wait_until(
            lambda: any("rustc --crate-name" in said for said in processes_of_job(job).values()), 60
        )
        return run, job

    yield start
    for run in runs:
        run.stop()
        run.wait()


def named(job: str, words: str) -> int:
    return next(pid for pid, said in processes_of_job(job).items() if said.startswith(words))


@linux_only
def test_canceled_build_leaves_no_process(building: Callable[[], tuple[LocalRun, str]]) -> None:
    run, job = building()
    run.stop()
    run.stop()
    wait_until(lambda: not processes_of_job(job), 5)
    assert run.wait()[0] == 130


@linux_only
@pytest.mark.parametrize(
    "victim", ["-P -m jupyter_wasmwheel.process.supervisor", "-P -m jupyter_wasmwheel.jobs.worker"]
)
def test_killed_supervisor_or_worker_leaves_no_compiler(
    victim: str, building: Callable[[], tuple[LocalRun, str]]
) -> None:
    _, job = building()
    os.kill(named(job, f"{sys.executable} {victim}"), signal.SIGKILL)
    wait_until(lambda: not processes_of_job(job), 5)


HIDES = """
import subprocess, time
def build_wheel(*arguments, **more):
    script = "trap '' INT TERM HUP; exec sleep 600"
    nowhere = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
    subprocess.run(["setsid", "--fork", "sh", "-c", script], **nowhere)
    time.sleep(600)
"""


@linux_only
def test_process_outside_group_is_killed(tmp_path: Path, store: Store) -> None:
    """A build's process can leave its group, session and parent, and ignore signals."""
    folder = tmp_path / "hiding"
    folder.mkdir()
    (folder / "hides.py").write_text(HIDES)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "hiding"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "hides"\nbackend-path = ["."]\n'
    )
    job = f"hiding{time.monotonic_ns():x}"
    env = {**os.environ, "WASMWHEEL_JOB": job}
    run = LocalExecutor().start(BuildRequest(source=str(folder)), tmp_path, env)
    threading.Thread(target=lambda: [*run.lines()], daemon=True).start()
    wait_until(
        lambda: any(said.startswith("sleep 600") for said in processes_of_job(job).values()), 60
    )
    run.stop()
    wait_until(lambda: not processes_of_job(job), 6)
    assert run.wait()[0] == 130


def test_real_build_reports_events_and_wheel(
    tmp_path: Path, crate: Path, workbench: Path, paths: AllowedPaths, messages: Messages
) -> None:
    there = replace(paths, root=workbench)
    with closing(
        Queue(
            tmp_path / "real",
            LocalExecutor(),
            there,
            os.environ,
            QueueLimits(),
            lambda seq, text: messages.append((seq, json.loads(text))),
        )
    ) as queue:
        job = queue.submit(resolve({"kind": "build", "source": crate.name}, there))
        wait_until(lambda: not queue.get(job.id).active, 300)
        job = queue.get(job.id)
        assert job.state == "done", job.error
        wheel = queue.wheel(job.id)
        assert wheel
        assert wheel.stat().st_size == (job.report or {})["size"]
        assert job.phase == "smoke"
        assert {event["kind"] for _, event in messages} >= {"phase", "log", "report", "job"}
