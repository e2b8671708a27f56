"""Builds on a real cluster of dask.distributed, whose scheduler and workers are processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.jobs import Job
from jupyter_wasmwheel.jobs import cluster
from jupyter_wasmwheel.jobs.cluster import DaskExecutor
from jupyter_wasmwheel.jobs.executors import environment
from jupyter_wasmwheel.jobs.queue import Queue, QueueLimits
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, ResolvedRequest, resolve
from jupyter_wasmwheel.site import lite, publish
from jupyter_wasmwheel.store import Store
from tests.fixtures import wheel_factory
from tests.fixtures.commands import Command
from tests.fixtures.dask_cluster import PRELOAD, Cluster, dask_cluster

pytestmark = pytest.mark.timeout(2400)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

Submit = Callable[..., Job]

#: A build script that writes its process ID to a file and sleeps, the first time it runs.
SLEEPS = """
fn main() {
    if std::fs::OpenOptions::new().write(true).create_new(true).open("FILE").is_ok() {
        std::fs::write("FILE.pid", std::process::id().to_string()).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(600));
    }
}
"""


@pytest.fixture
def its_cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    with dask_cluster(folder) as running:
        yield running


@pytest.fixture
def add_worker(its_cluster: Cluster, store: Store, tmp_path: Path) -> Callable[[str], int]:
    """Start a worker with its own store next to the installed one; return its process ID."""

    def add(name: str) -> int:
        own, shared = str(tmp_path / f"home-{name}"), str(store.home)
        process = its_cluster.worker(name, *PRELOAD, WASMWHEEL_HOME=own, WASMWHEEL_PATH=shared)
        return process.pid

    return add


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def paths(root: Path, store: Store, tmp_path: Path) -> AllowedPaths:
    """Return the allowed paths of the server; its sites are next to its root."""
    return AllowedPaths(
        root=root, allowed=(), store=store, find_site=lambda name: lite.read_site(tmp_path / name)
    )


@pytest.fixture
def queue(its_cluster: Cluster, paths: AllowedPaths, tmp_path: Path) -> Iterator[Queue]:
    """Open a queue whose jobs go to the cluster."""
    queue = queue_of(str(its_cluster.scheduler_file), paths, tmp_path)
    yield queue
    queue.close()


def queue_of(where: str, paths: AllowedPaths, folder: Path) -> Queue:
    executor = DaskExecutor(lambda: cluster.connect(where), paths.store)
    env = environment(os.environ, paths.store)
    return Queue(folder / "jobs", executor, paths, env, QueueLimits(), lambda seq, text: None)


@pytest.fixture
def submit(queue: Queue, paths: AllowedPaths) -> Submit:
    """Submit a draft build."""
    return lambda **fields: queue.submit(draft(paths, **fields))


def draft(paths: AllowedPaths, **fields: Any) -> ResolvedRequest:
    return resolve({"kind": "build", "profile": "draft", **fields}, paths)


def until(condition: Callable[[], object], seconds: float = 1200) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def ended(queue: Queue, job: Job) -> Job:
    until(lambda: not queue.get(job.id).active)
    return queue.get(job.id)


def events(queue: Queue, job: Job, kind: str) -> list[dict[str, Any]]:
    return [each for each in map(json.loads, queue.lines(job.id)) if each["kind"] == kind]


def notes(queue: Queue, job: Job) -> list[str]:
    return [each["text"] for each in events(queue, job, "log") if each["stream"] == "note"]


def sleeping(crate: Path, tmp_path: Path) -> Path:
    """Let a crate's first build sleep; return the file with its process ID."""
    (crate / "build.rs").write_text(SLEEPS.replace("FILE", str(tmp_path / "once")))
    return tmp_path / "once.pid"


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.slow
def test_missing_cluster_error_shows_fix(root: Path, paths: AllowedPaths, tmp_path: Path) -> None:
    wheel_factory.crate("hello", root)
    queue = queue_of("tcp://127.0.0.1:9", paths, tmp_path)
    job = ended(queue, queue.submit(draft(paths, source="hello")))
    queue.close()
    assert job.state == "failed"
    assert job.error
    assert job.error.code == "cluster.unreachable"
    assert "c.WasmwheelApp.dask" in job.error.fix


def test_worker_without_toolchain_gets_no_job(
    queue: Queue, submit: Submit, its_cluster: Cluster, root: Path, tmp_path: Path
) -> None:
    wheel_factory.crate("hello", root)
    empty = {"PATH": str(tmp_path), "HOME": str(tmp_path), "CARGO_HOME": str(tmp_path)}
    its_cluster.worker("bare", *PRELOAD, WASMWHEEL_HOME=str(tmp_path / "home"), **empty)
    its_cluster.worker("foreign")
    its_cluster.until(2)
    job = submit(source="hello")
    until(lambda: notes(queue, job))
    assert notes(queue, job) == ["Waiting: no worker has the toolchain for 2026_0."]
    queue.cancel(job.id)
    assert ended(queue, job).state == "cancelled"


@pytest.mark.slow
@pytest.mark.usefixtures("draft_seed")
def test_builds_run_on_workers_and_are_published_locally(
    queue: Queue,
    submit: Submit,
    add_worker: Callable[[str], int],
    its_cluster: Cluster,
    root: Path,
    tmp_path: Path,
    wasmwheel: Command,
) -> None:
    site = tmp_path / "site"
    assert wasmwheel("site", "create", site).status == 0
    for name in ("one", "other"):
        wheel_factory.crate(name, root)
        add_worker(f"worker-{name}")
    its_cluster.until(2)
    jobs = [submit(source=name, site="site") for name in ("one", "other")]
    done = [ended(queue, job) for job in jobs]
    assert [job.state for job in done] == ["done", "done"], [job.error for job in done]
    workers = {notes(queue, job)[0] for job in jobs}
    assert workers == {f"Building on the worker worker-{name}." for name in ("one", "other")}
    for job in done:
        assert job.report
        assert job.report["published"]["site"] == str(site)
        wheel = queue.wheel(job.id)
        assert wheel
        assert str(wheel) == job.report["wheel"]
        phases = [each["name"] for each in events(queue, job, "phase")]
        assert phases.index("smoke") < phases.index("publish")
        # The worker checked it, and the site's machine checked it again.
        assert [each["state"] for each in events(queue, job, "phase")].count("started") > 8
        assert phases.count("smoke") == 4
    published = {each.name for each in publish.list_packages(lite.read_site(site))}
    assert published == {"one", "other"}


@pytest.mark.slow
@pytest.mark.usefixtures("draft_seed")
def test_remote_compile_error_names_file_of_user(
    queue: Queue, submit: Submit, add_worker: Callable[[str], int], its_cluster: Cluster, root: Path
) -> None:
    crate = wheel_factory.crate("hello", root)
    (crate / "src/lib.rs").write_text('fn wrong() -> i32 { "text" }\n')
    add_worker("only")
    its_cluster.until(1)
    job = ended(queue, submit(source="hello"))
    assert job.state == "failed"
    assert job.error
    assert job.error.status == 5
    problem = events(queue, job, "diagnostic")[0]
    assert problem["file"] == str(crate / "src/lib.rs")
    assert problem["path"] == "hello/src/lib.rs"


@linux_only
@pytest.mark.slow
@pytest.mark.usefixtures("draft_seed")
@pytest.mark.usefixtures("unconfined")
def test_canceled_build_leaves_no_process_on_worker(
    queue: Queue,
    submit: Submit,
    add_worker: Callable[[str], int],
    its_cluster: Cluster,
    root: Path,
    tmp_path: Path,
) -> None:
    pid_file = sleeping(wheel_factory.crate("hello", root), tmp_path)
    add_worker("only")
    its_cluster.until(1)
    job = submit(source="hello")
    until(pid_file.is_file)
    pid = int(pid_file.read_text())
    assert is_there(pid)
    queue.cancel(job.id)
    assert ended(queue, job).state == "cancelled"
    until(lambda: not is_there(pid), 30)
    # The worker continues: the second build does not sleep.
    again = ended(queue, submit(source="hello"))
    assert again.state == "done", again.error


@linux_only
@pytest.mark.slow
@pytest.mark.usefixtures("draft_seed")
@pytest.mark.usefixtures("unconfined")
def test_lost_server_leaves_no_process_on_worker(
    queue: Queue,
    submit: Submit,
    add_worker: Callable[[str], int],
    its_cluster: Cluster,
    root: Path,
    tmp_path: Path,
) -> None:
    pid_file = sleeping(wheel_factory.crate("hello", root), tmp_path)
    add_worker("only")
    its_cluster.until(1)
    submit(source="hello")
    until(pid_file.is_file)
    pid = int(pid_file.read_text())
    queue.close()
    until(lambda: not is_there(pid), 30)


@linux_only
@pytest.mark.slow
@pytest.mark.usefixtures("draft_seed")
@pytest.mark.usefixtures("unconfined")
def test_build_of_killed_worker_runs_on_other_worker(
    queue: Queue,
    submit: Submit,
    add_worker: Callable[[str], int],
    its_cluster: Cluster,
    root: Path,
    tmp_path: Path,
) -> None:
    pid_file = sleeping(wheel_factory.crate("hello", root), tmp_path)
    first = add_worker("first")
    its_cluster.until(1)
    job = submit(source="hello")
    until(pid_file.is_file)
    pid = int(pid_file.read_text())
    add_worker("second")
    its_cluster.until(2)
    os.kill(first, signal.SIGKILL)
    done = ended(queue, job)
    assert done.state == "done", done.error
    assert "Lost the worker first; starting again on second." in notes(queue, job)
    until(lambda: not is_there(pid), 30)
