"""Parts of others that answer late or never: waits have a deadline, or can be stopped."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.jobs import Job
from jupyter_wasmwheel.jobs import cluster
from jupyter_wasmwheel.jobs.cluster import DaskExecutor
from jupyter_wasmwheel.jobs.executors import environment
from jupyter_wasmwheel.jobs.queue import Queue, QueueLimits
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, resolve
from jupyter_wasmwheel.server.sites import Sites, SiteServers
from jupyter_wasmwheel.site import lite, server
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.site.proxy import OFF
from jupyter_wasmwheel.store import Store
from tests.fixtures.dask_cluster import dask_cluster
from tests.fixtures.job_queue import linux_only, wait_until

#: Seconds in which everything here has to be over; the machine can be slow.
SOON_S = 8.0

# The cluster of a queue


@contextmanager
def queue_on(
    connect: Callable[[], Any], paths: AllowedPaths, folder: Path, **limits: int
) -> Iterator[Queue]:
    """Open a queue whose builds go to a cluster, and close it soon."""
    executor = DaskExecutor(connect, paths.store)
    env = environment(os.environ, paths.store)
    queue = Queue(
        folder / "jobs", executor, paths, env, QueueLimits(**limits), lambda seq, text: None
    )
    try:
        yield queue
    finally:
        begin = time.monotonic()
        queue.close()
        assert time.monotonic() - begin < SOON_S


def assert_next_starts_after_cancel(queue: Queue, paths: AllowedPaths, source: str) -> None:
    """Cancel a build; the only place of the queue is then free for the next one."""

    def submit() -> Job:
        job = queue.submit(resolve({"kind": "build", "source": source}, paths))
        return job

    first, second = submit(), submit()
    time.sleep(cluster.WAITING_NOTE_DELAY_S + 0.5)  # it waits for the cluster now
    assert queue.get(second.id).state == "queued"
    queue.cancel(first.id)
    wait_until(lambda: queue.get(first.id).state == "cancelled", SOON_S)
    wait_until(lambda: queue.get(second.id).state == "running", SOON_S)


@linux_only
def test_build_is_canceled_while_scheduler_does_not_answer(
    paths: AllowedPaths, tmp_path: Path
) -> None:
    (tmp_path / "cluster").mkdir()
    with dask_cluster(tmp_path / "cluster") as running:
        client = cluster.connect(str(running.scheduler_file))
        scheduler = running.processes["scheduler"]
        scheduler.send_signal(signal.SIGSTOP)
        try:
            with queue_on(lambda: client, paths, tmp_path, running=1) as queue:
                assert_next_starts_after_cancel(queue, paths, "examples/hello")
        finally:
            scheduler.send_signal(signal.SIGCONT)


def test_build_is_canceled_while_cluster_does_not_connect(
    paths: AllowedPaths, tmp_path: Path
) -> None:
    connected = threading.Event()
    with queue_on(connected.wait, paths, tmp_path, running=1) as queue:
        assert_next_starts_after_cancel(queue, paths, "examples/hello")
    connected.set()


def test_build_is_canceled_while_its_source_does_not_arrive(
    paths: AllowedPaths, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        # A repository that needs a login is fetched here.
        source = f"git+http://user:password@127.0.0.1:{silent.getsockname()[1]}/x"
        with queue_on(lambda: None, paths, tmp_path, running=1) as queue:
            assert_next_starts_after_cancel(queue, paths, source)


# Programs that have taken the port of a site


def silent(client: socket.socket) -> None:
    client.recv(1)


def header_without_end(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    drip(client)


def status_line_without_end(client: socket.socket) -> None:
    drip(client)


def body_without_end(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    drip(client)


def flood(client: socket.socket) -> None:
    while True:
        client.sendall(b"x" * 65536)


def drip(client: socket.socket) -> None:
    while True:
        client.sendall(b"x")
        time.sleep(0.2)


@contextmanager
def squatting(site: Site, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """Listen on the port of a site, and answer each connection in a thread."""

    def handle(client: socket.socket) -> None:
        with closing(client):
            try:
                client.recv(4096)
                answer(client)
            except OSError:
                pass

    def accept(listening: socket.socket) -> None:
        try:
            while True:
                client, _ = listening.accept()
                threading.Thread(target=handle, args=(client,), daemon=True).start()
        except OSError:
            pass

    with socket.create_server((lite.HOST, site.port), backlog=50) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer", [silent, status_line_without_end, header_without_end, body_without_end, flood]
)
def test_program_at_port_of_site_has_a_deadline(
    answer: Callable[[socket.socket], None], site: Site
) -> None:
    with squatting(site, answer):
        begin = time.monotonic()
        assert not server.is_served(site)
        with pytest.raises(lite.SiteError) as caught:
            server.serve(site)
        assert time.monotonic() - begin < SOON_S
    assert caught.value.info.code == "site.port-taken"


def test_sites_with_taken_ports_are_asked_at_once(site: Site, tmp_path: Path) -> None:
    folders = tuple(tmp_path / f"copy-{number}" for number in range(12))
    for folder in folders:
        folder.symlink_to(site.folder)
    store = Store(home=tmp_path / "none")
    sites = Sites(store=store, configured=folders, through=None, servers=SiteServers(), proxy={})
    with squatting(site, drip):
        begin = time.monotonic()
        rows = sites.rows()
        assert time.monotonic() - begin < SOON_S
    assert [row.up for row in rows] == [False] * len(folders)


def test_sites_whose_disk_does_not_answer_are_closed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_wasmwheel.server.sites.TIMEOUT_S", 0.2)
    answers = threading.Event()
    servers = SiteServers()
    servers.open(site, OFF)
    assert servers._loop
    servers._loop.call_soon_threadsafe(answers.wait)
    begin = time.monotonic()
    servers.close()
    assert time.monotonic() - begin < SOON_S
    answers.set()
