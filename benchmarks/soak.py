"""A soak: many builds with cancels, kills, restarts and full disks, after which nothing is left.

A Jupyter server builds and publishes edits of starter crates, on a small disk in a mount namespace
of its own. Meanwhile jobs are cancelled, processes of builds are killed or suspended, the disk is
full for a second, and the server is terminated or killed and started again. At the end each crate
is built once more. Run it with `python -m benchmarks.soak [BUILDS [SEED]]`; it requires Linux.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from jupyter_wasmwheel import config
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.site import lite, publish

from .figures import Figure, save_and_exit
from .server_latency import Server

assert sys.platform == "linux", "the soak mounts a disk in a namespace"

#: The builds, and how many crates they are of.
BUILDS, CRATES = 1000, 6

#: The disk's size; seconds between two looks at the jobs, and between two faults of each kind.
DISK_SIZE, STEP_S = "4g", 0.1
CANCEL_S, KILL_S, FULL_S, RESTART_S = 3.0, 4.0, 20.0, 60.0

#: Seconds that the disk is full, that a job can take, and that processes have to end.
FULL_FOR_S, JOB_LIMIT_S, END_LIMIT_S = 1.0, 300.0, 20.0

#: The states of jobs that have ended.
ENDED = ("done", "failed", "cancelled", "interrupted")

#: The command that runs a program with mounts of its own.
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


@dataclass
class Soak:
    """The server, its crates with their jobs, and what has happened."""

    place: Path
    random: random.Random
    server: Server
    sources: dict[str, str]
    jobs: dict[str, str] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    lost: int = 0

    def request(self, method: str, path: str, **fields: Any) -> Any:
        """Send a request to the extension; return None where the server cannot answer."""
        try:
            return self.server.request(method, f"/wasmwheel/api/{path}", **fields)
        except (OSError, http.client.HTTPException, ValueError):
            self.server.connection.close()
            return None

    def look(self) -> None:
        """Note the jobs that have ended, or are missing."""
        answer = self.request("GET", "jobs")
        if not answer or "jobs" not in answer:
            return
        known = {job["id"]: job for job in answer["jobs"]}
        for crate, number in list(self.jobs.items()):
            job = known.get(number)
            if job is None:
                self.lost += 1
            elif job["state"] in ENDED:
                self.states[job["state"]] += 1
                if job["error"]:
                    self.errors[job["error"]["code"]] += 1
            elif time.monotonic() - self.begun[crate] < JOB_LIMIT_S:
                continue
            else:
                self.states["stuck"] += 1
            del self.jobs[crate]

    def submit(self, crate: str) -> bool:
        """Edit a crate and request its build; return whether the server accepted it."""
        source = self.place / "root" / crate / "src/lib.rs"
        beside = source.with_suffix(".new")
        with contextlib.suppress(OSError):  # while the disk is full
            edited = f"\npub fn edited() -> u64 {{\n    {time.time_ns()}\n}}\n"
            beside.write_text(self.sources[crate] + edited, encoding="utf-8")
            beside.replace(source)
        fields = {"source": crate, "profile": "draft", "site": "workshop"}
        job = self.request("POST", "jobs", kind="build", **fields)
        if not job or "id" not in job:
            self.refused += 1
            return False
        self.jobs[crate], self.begun[crate] = job["id"], time.monotonic()
        return True

    def build(self, count: int) -> None:
        """Request as many builds, and disturb them."""
        due = dict.fromkeys((self.cancel, self.kill, self.fill, self.restart), time.monotonic())
        every = {self.cancel: CANCEL_S, self.kill: KILL_S, self.fill: FULL_S}
        requested = 0
        while requested < count or self.jobs:
            self.look()
            for crate in crates():
                if crate not in self.jobs and requested < count:
                    requested += self.submit(crate)
            for fault, last in due.items():
                wait = every.get(fault, RESTART_S)
                if time.monotonic() - last > wait * self.random.uniform(0.5, 1.5):
                    due[fault] = time.monotonic()
                    fault()
            time.sleep(STEP_S)
            print(f"\r{sum(self.states.values())}/{count}", end="", file=sys.stderr)

    def settle(self) -> bool:
        """Build each crate once more, undisturbed, and return whether all are in the site."""
        for crate in crates():
            while not self.submit(crate):
                time.sleep(STEP_S)
        before = self.states["done"]
        while self.jobs:
            self.look()
            time.sleep(STEP_S)
        store = config.load().store()
        listed = {each.name for each in publish.list_packages(lite.find("workshop", store))}
        return self.states["done"] - before == CRATES and listed >= {*crates()}

    def cancel(self) -> None:
        """Cancel a job."""
        if self.jobs:
            number = self.random.choice([*self.jobs.values()])
            self.request("POST", f"jobs/{number}/cancel")
            self.faults["cancels"] += 1

    def kill(self) -> None:
        """Kill or suspend a process of a build; one that is suspended is killed by a cancel."""
        with contextlib.suppress(psutil.Error):
            below = self.processes()
            if below:
                victim = self.random.choice(below)
                if self.random.random() < 0.2:
                    victim.suspend()
                    self.faults["suspended processes"] += 1
                    for number in self.jobs.values():
                        self.request("POST", f"jobs/{number}/cancel")
                else:
                    victim.kill()
                    self.faults["killed processes"] += 1

    def processes(self) -> list[psutil.Process]:
        """Return the processes of builds; the server has some of other extensions, too."""
        found = []
        for child in psutil.Process(self.server.process.pid).children():
            if "jupyter_wasmwheel" in " ".join(child.cmdline()):
                found += [child, *child.children(recursive=True)]
        return found

    def fill(self) -> None:
        """Fill the disk for a second."""
        filler = self.place / "filler"
        end = time.monotonic() + FULL_FOR_S
        with filler.open("ab") as file:
            while time.monotonic() < end:
                space = os.statvfs(self.place)
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), file.tell(), space.f_bavail * space.f_bsize)
                    file.seek(0, os.SEEK_END)
                time.sleep(0.005)
        filler.unlink()
        self.faults["full disks"] += 1

    def stop_server(self, number: signal.Signals) -> None:
        """End the server by a signal; one that does not end counts as stuck."""
        self.server.process.send_signal(number)
        try:
            self.server.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.states["stuck"] += 1
            self.server.process.kill()
            self.server.process.wait()
        self.server.connection.close()

    def restart(self) -> None:
        """End the server, by SIGTERM or SIGKILL, and start another one."""
        self.stop_server(self.random.choice([signal.SIGTERM, signal.SIGKILL]))
        self.server = Server(self.place / "root")
        self.faults["restarts"] += 1


def crates() -> Iterator[str]:
    """Yield the names of the crates."""
    yield from (f"crate{number}" for number in range(CRATES))


def left_in(place: Path) -> dict[str, list[str]]:
    """Return the processes and temporary files that are left, after a time to end."""
    deadline = time.monotonic() + END_LIMIT_S
    while True:
        found: dict[str, list[str]] = {"processes": [], "files": []}
        for process in psutil.process_iter(["cmdline", "cwd"]):
            line, cwd = " ".join(process.info["cmdline"] or ()), process.info["cwd"] or ""
            if process.pid != os.getpid() and (str(place) in line or cwd.startswith(str(place))):
                found["processes"].append(line[:200])
        temporary = [*place.glob("tmp/*"), *place.glob("home/staging/*")]
        temporary += place.glob("home/work/*/tmp-*")
        found["files"] = [str(path.relative_to(place)) for path in temporary]
        if not found["processes"] or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def soak(place: Path, builds: int, seed: int) -> dict[str, Any]:
    """Run the soak on a disk of its own; return what was done, and what is left."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", place], check=True)
    for name in ("root", "tmp"):
        (place / name).mkdir()
    shared = config.load().store().home
    home = {"WASMWHEEL_HOME": str(place / "home"), "WASMWHEEL_PATH": str(shared)}
    os.environ.update(home | {"TMPDIR": str(place / "tmp")})
    tempfile.tempdir = None
    created = {crate: starter.create(crate, place / "root") for crate in crates()}
    sources = {crate: (folder / "src/lib.rs").read_text() for crate, folder in created.items()}
    words = [sys.executable, "-m", "jupyter_wasmwheel", "site", "create", "workshop"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    server = Server(place / "root")
    running = Soak(place=place, random=random.Random(seed), server=server, sources=sources)
    begin = time.monotonic()
    assert running.settle(), running.errors
    open_before = psutil.Process(running.server.process.pid).num_fds()
    running.states.clear()
    running.build(builds)
    complete = running.settle()
    # A server that was started again has not settled as often as the first one.
    for _ in range(2):
        complete = running.settle() and complete
    open_after = psutil.Process(running.server.process.pid).num_fds()
    running.stop_server(signal.SIGTERM)
    left = left_in(place)
    return {
        "builds": builds,
        "minutes": round((time.monotonic() - begin) / 60, 1),
        "states": dict(running.states),
        "errors": dict(running.errors.most_common()),
        "faults": dict(running.faults),
        "refused requests": running.refused,
        "lost": running.lost + running.states["stuck"],
        "complete": complete,
        "descriptors": max(0, open_after - open_before),
        "left": left,
    }


def main() -> None:
    """Run the soak."""
    if sys.argv[1:2] == ["--on"]:
        place, *numbers = sys.argv[2:]
        print(json.dumps(soak(Path(place), *map(int, numbers))))
        return
    builds = int(sys.argv[1]) if len(sys.argv) > 1 else BUILDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        disk = Path(folder).resolve()
        command = [*NAMESPACE, sys.executable, "-m", "benchmarks.soak", "--on"]
        words = [*command, str(disk), str(builds), str(seed)]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    result = json.loads(done.stdout)
    left, detail = result.pop("left"), result | {"seed": seed}
    remains = len(left["processes"]) + len(left["files"]) + result["descriptors"]
    save_and_exit(
        "soak",
        [
            Figure(
                promise="Jobs lost or stuck in a soak with cancels, kills, restarts and full disks",
                figure=result["lost"] + (not result["complete"]),
                unit="",
                limit=0,
                detail=detail,
            ),
            Figure(
                promise="Processes, temporary files and descriptors left after the soak",
                figure=remains,
                unit="",
                limit=0,
                detail=left,
            ),
        ],
    )


if __name__ == "__main__":
    main()
