"""How fast a Jupyter server answers `GET /api/status` while two builds run beside it.

A real server, two starter crates that are built anew, one client that follows the stream of events.
The status is asked every 20 ms for as long as both builds run; then once more with builds whose
build scripts say 10,000 lines a second. `late` is by how much the machine itself was late to wake a
sleeper meanwhile: where that is large, others were at work on it, and the rest says little. Run it
with `python -m benchmarks.server_latency`.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from jupyter_wasmwheel.project import starter

from .figures import Figure, tell

#: Seconds between two questions, and the most that the 99th percentile may be.
PAUSE, AT_MOST = 0.02, 0.020

#: A build script that says so many lines a second, for some seconds.
TALKS = """
fn main() {
    let begin = std::time::Instant::now();
    let (mut said, each) = (0u64, LINES as u64);
    while begin.elapsed().as_secs() < SECONDS {
        let due = begin.elapsed().as_millis() as u64 * each / 1000;
        while said < due && begin.elapsed().as_secs() < SECONDS {
            eprintln!("line {said} of a build script that has a great deal to say about itself");
            said += 1;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
"""


class Server:
    """A Jupyter server with the extension, and a client of it."""

    def __init__(self, root: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = {
            "ServerApp.root_dir": root,
            "ServerApp.port": self.port,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.log_level": "WARN",
            "IdentityProvider.token": "secret",
            "WasmwheelApp.jobs_folder": root.parent / "jobs",
            "WasmwheelApp.prepare_seeds": False,
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        with (root.parent / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", *words], stdout=log, stderr=log
            )
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
        while True:
            try:
                self.ask("GET", "/api/status")
                return
            except OSError:
                self.connection.close()
                time.sleep(0.1)

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        """Ask over the connection that is kept; the answer's document."""
        body = json.dumps(fields) if method == "POST" else None
        self.connection.request(method, path, body, {"Authorization": "token secret"})
        return json.loads(self.connection.getresponse().read())

    def follow(self) -> None:
        """Follow the events, as a page does, until the server ends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(
            "GET", "/wasmwheel/api/events?after=0", None, {"Authorization": "token secret"}
        )
        answer = connection.getresponse()
        while answer.read1(65536):
            pass

    def running(self) -> int:
        """How many builds run."""
        jobs = self.ask("GET", "/wasmwheel/api/jobs")["jobs"]
        for job in jobs:
            assert job["state"] in ("running", "done"), job["error"]
        return sum(job["state"] == "running" for job in jobs)

    def status_seconds(self) -> float:
        """How long an answer takes."""
        begin = time.perf_counter()
        self.ask("GET", "/api/status")
        return time.perf_counter() - begin


def while_two_build(
    server: Server, root: Path, names: tuple[str, str], talk: str
) -> dict[str, Any]:
    """The times of all answers while both builds run, and how late the machine was."""
    for name in names:
        crate = starter.make(name, root)
        if talk:
            (crate / "build.rs").write_text(talk)
        words = ["-vv"] if talk else []
        request: dict[str, Any] = {
            "kind": "build",
            "source": name,
            "cargo_args": words,
            "no_cache": True,
        }
        server.ask("POST", "/wasmwheel/api/jobs", **request)
    taken: list[float] = []
    late: list[float] = []
    asked = time.monotonic()
    while True:
        taken.append(server.status_seconds())
        begin = time.perf_counter()
        time.sleep(PAUSE)
        late.append(time.perf_counter() - begin - PAUSE)
        if time.monotonic() - asked > 1:
            asked = time.monotonic()
            if server.running() < 2:
                return row(taken) | {"late": row(late)}


def row(taken: list[float]) -> dict[str, Any]:
    """What is worth knowing of the times."""
    taken = sorted(taken)
    at = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    found = {
        name: round(1000 * taken[min(int(part * len(taken)), len(taken) - 1)], 1)
        for name, part in at.items()
    }
    return {"answers": len(taken), **found}


def main() -> None:
    """Measure, and tell."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        server = Server(root)
        try:
            threading.Thread(target=server.follow, daemon=True).start()
            idle = []
            for _ in range(200):
                time.sleep(PAUSE)
                idle.append(server.status_seconds())
            building = while_two_build(server, root, ("one", "other"), "")
            while server.running():
                time.sleep(0.5)
            talk = TALKS.replace("LINES", "10_000").replace("SECONDS", "4")
            talking = while_two_build(server, root, ("first", "second"), talk)
        finally:
            server.process.terminate()
            server.process.wait()
    tell(
        "server_latency",
        [
            Figure(
                promise="99 of 100 answers to GET /api/status while two builds run",
                figure=building["p99_ms"],
                unit="ms",
                limit=AT_MOST * 1000,
                detail={
                    "idle": row(idle),
                    "two_builds": building,
                    "two_builds_of_10000_lines_a_second": talking,
                },
            )
        ],
    )


if __name__ == "__main__":
    main()
