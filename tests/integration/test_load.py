"""Load: nothing is lost, and memory stays bounded."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.events import Log, ignore
from jupyter_wasmwheel.api.jobs import Job
from jupyter_wasmwheel.jobs.event_store import EventStore
from jupyter_wasmwheel.runtime import lock
from jupyter_wasmwheel.server.app import WasmwheelApp
from jupyter_wasmwheel.site import lite, publish
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures import wheel_factory
from tests.fixtures.commands import Command
from tests.fixtures.job_queue import DONE_SCRIPT, OpenQueue, build_request, wait_until
from tests.fixtures.jupyter_server import Api, is_last, set_job_script
from tests.fixtures.site_factory import publish_one, tiny_wheel

MB = 1_000_000

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def memory_in_bytes() -> int:
    """Return the memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def put(folder: Path, wheel: Path) -> None:
    publish_one(lite.read_site(folder), read(wheel), [], ignore)


@pytest.mark.slow
def test_concurrent_builds_and_publishes_lose_nothing(
    wasmwheel: Command, store: Store, tmp_path: Path
) -> None:
    place = tmp_path / "workshop"
    assert wasmwheel("site", "create", place).status == 0
    wheels = [tiny_wheel(tmp_path, f"published{n}", tag="py3-none-any").path for n in range(200)]
    projects = [wheel_factory.backend_project(tmp_path / f"built{n}") for n in range(20)]
    before = {entry.name for entry in publish.list_packages(lite.read_site(place))}

    def build(project: Path) -> int:
        words = ("build", project, "--site", place, "--out", project / "dist", "--json")
        return wasmwheel(*words).status

    with (
        ThreadPoolExecutor(20) as builders,
        ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as publishers,
    ):
        published = [publishers.submit(put, place, wheel) for wheel in wheels]
        assert list(builders.map(build, projects)) == [0] * 20
        for each in published:
            each.result()
    site = lite.read_site(place)
    names = {entry.name for entry in publish.list_packages(site)} - before
    assert names == {f"published{n}" for n in range(200)} | {f"built{n}" for n in range(20)}
    entries = lock.read(site.lock).packages
    for name in names:
        assert read(site.lock.parent / entries[name].file_name).sha256 == entries[name].sha256


async def follow_log(port: int, path: str, token: str) -> list[str]:
    """Follow the stream until a job is done; return the log's texts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {token}\r\n\r\n"
    writer.write(head.encode())
    texts: list[str] = []
    async for line in reader:
        if line.startswith(b"data: "):
            event = json.loads(line[6:])
            if event["kind"] == "log":
                texts.append(event["text"])
            elif is_last(event):
                break
    writer.transport.abort()
    return texts


@pytest.mark.slow
async def test_event_stream_serves_fifty_pages(
    api: Api,
    app: WasmwheelApp,
    hello: Path,
    http_server_client: Any,
    jp_auth_header: dict[str, str],
    jp_base_url: str,
) -> None:
    set_job_script(app, "for n in range(1000): log(str(n))\n" + DONE_SCRIPT)
    start = (await api("GET", "jobs"))["seq"]
    port, token = http_server_client.get_http_port(), jp_auth_header["Authorization"]
    path = f"{jp_base_url}wasmwheel/api/events?after={start}"
    pages = [asyncio.ensure_future(follow_log(port, path, token)) for _ in range(50)]
    deadline = time.monotonic() + 60
    while len(app.stream._subscribers) < 50:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    for texts in await asyncio.wait_for(asyncio.gather(*pages), 60):
        assert texts == [str(n) for n in range(1000)]


LOUD = "for n in range(20_000): log('x' * 10_000)\n"


@linux_only
@pytest.mark.slow
def test_log_of_200_mb_uses_bounded_disk_and_memory(queue_of: OpenQueue) -> None:
    queue = queue_of(LOUD + DONE_SCRIPT)
    before = memory_in_bytes()
    job = queue.submit(build_request())
    most = 0
    deadline = time.monotonic() + 300
    while queue.get(job.id).active:
        assert time.monotonic() < deadline
        most = max(most, memory_in_bytes())
        time.sleep(0.1)
    assert queue.get(job.id).state == "done"
    assert most - before < 100 * MB
    assert sum(file.stat().st_size for file in queue.folder.glob("jobs.sqlite*")) < 30 * MB
    assert sum(map(len, queue.lines(job.id))) < 15 * MB


#: Print the peak memory of a command in KiB. Start it from a small process,
#: because Linux counts the memory of the parent at the start.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@linux_only
@pytest.mark.slow
def test_command_reading_200_mb_uses_bounded_memory(tmp_path: Path) -> None:
    loud = "for n in range(20_000): print('x' * 10_000)"
    project = wheel_factory.backend_project(tmp_path / "loud", loud)
    words = ["build", project, "--no-smoke", "--out", tmp_path / "dist"]
    command = [sys.executable, "-m", "jupyter_wasmwheel", *words]
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    assert int(ran.stdout) * 1024 < 300 * MB


@pytest.mark.slow
async def test_site_with_1000_packages_is_listed_and_published_to(
    api: Api, site: Site, tmp_path: Path
) -> None:
    for n in range(1001):
        publish_one(site, tiny_wheel(tmp_path, f"many{n}"), [], ignore)
    packages = (await api("GET", "sites", site.name, "packages"))["packages"]
    assert len(packages) == 1001


@linux_only
@pytest.mark.slow
async def test_history_of_10000_jobs_is_listed_and_replayed(
    app: WasmwheelApp, api: Api, hello: Path, jp_root_dir: Path
) -> None:
    app.max_kept = 20_000
    first = app.queue()
    place = first.folder
    first.close()
    app._queue = None
    history(place, 10_000)
    before = memory_in_bytes()
    listed = await api("GET", "jobs")
    assert len(listed["jobs"]) == 10_000
    assert memory_in_bytes() - before < 300 * MB
    queue = app.queue()
    events = [seq for seq, _ in queue.replay(0, queue.head)]
    assert events == sorted(set(events))
    assert len(events) == 20_000
    set_job_script(app, DONE_SCRIPT)
    job = await api("POST", "jobs", kind="build", source="examples/hello", status=202)
    wait_until(lambda: not queue.get(job["id"]).active)
    assert len(queue.jobs()) == 10_001


def history(place: Path, count: int) -> None:
    """Write the record of many jobs, as after a year."""
    store = EventStore(place / "jobs.sqlite", lambda seq, text: None, 1_000)
    # In one transaction: only reading them is measured.
    store._connection.execute("PRAGMA synchronous = OFF")
    for n in range(count):
        job = Job(
            id=f"{n:016x}",
            kind="build",
            state="done",
            request={"kind": "build", "source": "examples/hello"},
            name="hello",
            version="1",
            created=float(n),
            report={"schema": 1, "name": "hello", "version": "1"},
        )
        (place / job.id).mkdir()
        store.append(job.id, [(Log(stream="stdout", text="x"), 0.0)])
        store.save(job)
    store.close()
