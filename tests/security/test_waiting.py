"""Sources that never answer: other routes respond, clients can leave, and the server ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_wasmwheel.api.errors import CanceledError, WasmwheelError
from jupyter_wasmwheel.api.requests import EditsRequest
from jupyter_wasmwheel.jobs import executors, preview
from jupyter_wasmwheel.jobs.executors import LocalRun
from jupyter_wasmwheel.jobs.preview import Preview
from jupyter_wasmwheel.server.threads import Threads
from jupyter_wasmwheel.store import Store
from tests.fixtures.job_queue import linux_only, wait_until
from tests.fixtures.jupyter_server import Jupyter
from tests.fixtures.projects import create_slow_project


@pytest.fixture
def silent() -> Iterator[int]:
    """Give the port of a socket that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jupyter]:
    monkeypatch.setenv("WASMWHEEL_HOME", str(tmp_path / "home"))
    started = Jupyter(tmp_path / "root", tmp_path / "log")
    yield started
    started.process.kill()
    started.process.wait()


def processes_at(port: int) -> list[psutil.Process]:
    """Return the processes whose arguments name a port."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if f":{port}/" in " ".join(process.cmdline()):
                found.append(process)
    return found


def ask_in_background(
    jupyter: Jupyter, source: str, method: str = "POST", path: str = "edits", **fields: str
) -> threading.Thread:
    def ask() -> None:
        with contextlib.suppress(OSError, urllib.error.URLError):
            jupyter.ask(method, path, source=source, **fields)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_silent_sources_block_no_route_and_end_with_server(
    jupyter: Jupyter, silent: int, end: signal.Signals
) -> None:
    for number in range(9):
        ask_in_background(jupyter, f"git+http://127.0.0.1:{silent}/{number}")
    wait_until(lambda: processes_at(silent), 30)
    begin = time.monotonic()
    for path in ("", "targets", "templates", "toolchain", "sites", "jobs"):
        jupyter.ask("GET", path)
    assert time.monotonic() - begin < 20
    begin = time.monotonic()
    jupyter.process.send_signal(end)
    jupyter.process.wait(20)
    assert time.monotonic() - begin < 15
    wait_until(lambda: not processes_at(silent), 15)


@pytest.mark.parametrize("path", ["jobs", "edits", "project?source=slow"])
def test_project_that_is_slow_to_read_blocks_no_route(
    jupyter: Jupyter, tmp_path: Path, path: str
) -> None:
    create_slow_project(tmp_path / "root/slow")
    method = "GET" if path.startswith("project") else "POST"

    fields = {"kind": "build"} if path == "jobs" else {}
    for _ in range(5):
        ask_in_background(jupyter, "slow", method, path, **fields)
    begin = time.monotonic()
    for other in ("", "targets", "toolchain", "sites", "jobs"):
        jupyter.ask("GET", other)
    assert time.monotonic() - begin < 20
    if path == "jobs":
        assert len(jupyter.ask("GET", "jobs")["jobs"]) == 5
    jupyter.process.send_signal(signal.SIGTERM)
    jupyter.process.wait(20)


def test_preview_ends_with_its_client(jupyter: Jupyter, silent: int) -> None:
    body = json.dumps({"source": f"git+http://127.0.0.1:{silent}/x"})
    request = (
        "POST /wasmwheel/api/edits HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token secret\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    with socket.create_connection(("127.0.0.1", jupyter.port)) as client:
        client.sendall(request.encode())
        wait_until(lambda: processes_at(silent), 30)
    wait_until(lambda: not processes_at(silent), 20)


def test_preview_has_a_deadline(
    silent: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "TIMEOUT_S", 3.0)
    env = executors.environment({}, Store(home=tmp_path))
    slow = Preview(EditsRequest(source=f"git+http://127.0.0.1:{silent}/x"), env)
    with pytest.raises(WasmwheelError) as caught:
        slow.result()
    assert caught.value.info.code == "job.preview-too-slow"
    wait_until(lambda: not processes_at(silent), 10)


def test_stopped_preview_does_not_start(tmp_path: Path) -> None:
    stopped = Preview(EditsRequest(source="x"), {})
    stopped.stop()
    with pytest.raises(CanceledError):
        stopped.result()


def test_preview_that_cannot_run_is_reported(tmp_path: Path) -> None:
    env = executors.environment({}, Store(home=tmp_path))
    with pytest.raises(WasmwheelError) as caught:
        Preview(EditsRequest(source=str(tmp_path / "none")), env).result()
    assert caught.value.info.code == "source.not-found"


@linux_only
def test_run_ends_although_an_escaped_process_holds_its_pipes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executors, "READ_TIMEOUT_S", 0.2)
    code = "import subprocess; print('x', flush=True); subprocess.Popen(['sleep', '30'])"
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    run = LocalRun(child)
    begin = time.monotonic()
    assert [line for lines in run.lines() for line in lines] == [b"x"]
    assert run.wait()[0] == 0
    assert time.monotonic() - begin < 10
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def test_threads_of_a_route_are_bounded() -> None:
    running = most = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    def fail() -> None:
        raise KeyError("x")

    async def call() -> Any:
        threads = Threads(3)
        await asyncio.gather(*(threads.call(work) for _ in range(12)))
        await threads.call(fail)

    with pytest.raises(KeyError):
        asyncio.run(call())
    assert most == 3
