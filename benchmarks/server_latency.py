"""The latency of `GET /api/status` of a Jupyter server while two builds run.

A client follows the stream of events, and another one requests the status every 20 ms while two
starter crates are built from scratch; then again with build scripts that print 10,000 lines a
second. `late` is how late the system woke a sleeping process meanwhile: where that is large, other
processes disturbed the benchmark. Run it with `python -m benchmarks.server_latency`.
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

from .figures import Figure, require_quiet_machine, save_and_exit

#: The time between two requests, and the limit for the 99th percentile.
INTERVAL_S, P99_LIMIT_S = 0.02, 0.020

#: A build script that prints LINES lines a second for some seconds.
CHATTY_BUILD_SCRIPT = """
fn main() {
    let begin = std::time::Instant::now();
    let (mut printed, each) = (0u64, LINES as u64);
    while begin.elapsed().as_secs() < SECONDS {
        let due = begin.elapsed().as_millis() as u64 * each / 1000;
        while printed < due && begin.elapsed().as_secs() < SECONDS {
            eprintln!("line {printed} of a build script that prints a lot of text about itself");
            printed += 1;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
"""


class Server:
    """A Jupyter server with the extension, and a client for it."""

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
                self.request("GET", "/api/status")
                return
            except OSError:
                self.connection.close()
                time.sleep(0.1)

    def request(self, method: str, path: str, **fields: Any) -> Any:
        """Send a request over the open connection, and return the JSON of its response."""
        body = json.dumps(fields) if method == "POST" else None
        self.connection.request(method, path, body, {"Authorization": "token secret"})
        return json.loads(self.connection.getresponse().read())

    def follow(self) -> None:
        """Follow the events as a page does, until the server stops."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(
            "GET", "/wasmwheel/api/events?after=0", None, {"Authorization": "token secret"}
        )
        response = connection.getresponse()
        while response.read1(65536):
            pass

    def running(self) -> int:
        """Return how many builds run."""
        jobs = self.request("GET", "/wasmwheel/api/jobs")["jobs"]
        for job in jobs:
            assert job["state"] in ("running", "done"), job["error"]
        return sum(job["state"] == "running" for job in jobs)

    def status_seconds(self) -> float:
        """Return the latency of one request in seconds."""
        begin = time.perf_counter()
        self.request("GET", "/api/status")
        return time.perf_counter() - begin


def measure_two_builds(
    server: Server, root: Path, names: tuple[str, str], build_script: str
) -> dict[str, Any]:
    """Return the latencies while both builds run, and how late the system woke this process."""
    for name in names:
        crate = starter.create(name, root)
        if build_script:
            (crate / "build.rs").write_text(build_script)
        words = ["-vv"] if build_script else []
        request: dict[str, Any] = {
            "kind": "build",
            "source": name,
            "cargo_args": words,
            "no_cache": True,
        }
        server.request("POST", "/wasmwheel/api/jobs", **request)
    taken: list[float] = []
    late: list[float] = []
    polled = time.monotonic()
    while True:
        taken.append(server.status_seconds())
        begin = time.perf_counter()
        time.sleep(INTERVAL_S)
        late.append(time.perf_counter() - begin - INTERVAL_S)
        if time.monotonic() - polled > 1:
            polled = time.monotonic()
            if server.running() < 2:
                return percentiles(taken) | {"late": percentiles(late)}


def percentiles(taken: list[float]) -> dict[str, Any]:
    """Return the percentiles of latencies."""
    taken = sorted(taken)
    at = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    found = {
        name: round(1000 * taken[min(int(part * len(taken)), len(taken) - 1)], 1)
        for name, part in at.items()
    }
    return {"answers": len(taken), **found}


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        server = Server(root)
        try:
            threading.Thread(target=server.follow, daemon=True).start()
            idle = []
            for _ in range(200):
                time.sleep(INTERVAL_S)
                idle.append(server.status_seconds())
            building = measure_two_builds(server, root, ("one", "other"), "")
            while server.running():
                time.sleep(0.5)
            script = CHATTY_BUILD_SCRIPT.replace("LINES", "10_000").replace("SECONDS", "4")
            talking = measure_two_builds(server, root, ("first", "second"), script)
        finally:
            server.process.terminate()
            server.process.wait()
    save_and_exit(
        "server_latency",
        [
            Figure(
                promise="99th percentile of `GET /api/status` while two builds run",
                figure=building["p99_ms"],
                unit="ms",
                limit=P99_LIMIT_S * 1000,
                detail={
                    "idle": percentiles(idle),
                    "two_builds": building,
                    "two_builds_of_10000_lines_a_second": talking,
                },
            )
        ],
    )


if __name__ == "__main__":
    main()
