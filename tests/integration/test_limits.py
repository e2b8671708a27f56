"""Limits of builds, imports and test runs; each is exceeded for real."""

from __future__ import annotations

import itertools
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from jupyter_wasmwheel.api.errors import LimitError, UsageError
from jupyter_wasmwheel.process import limits, process_tree
from jupyter_wasmwheel.process.run import Command as ProcessCommand
from jupyter_wasmwheel.process.run import run
from tests.fixtures.commands import Command, CommandOutput, error_of
from tests.fixtures.projects import create_slow_project
from tests.fixtures.wheel_factory import backend_project, wheel

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="has network namespaces")

#: How a build exceeds each limit, with two processes.
GREEDY = {
    "time": ("time.sleep(600)", "build.time=2s", "longer than 2 s"),
    "memory": ("both('x = bytearray(200_000_000)')", "build.memory=300MB", "more than 300 MB"),
    "processes": (
        "while True: subprocess.Popen(['sleep', '600'], start_new_session=True); time.sleep(0.01)",
        "build.processes=40",
        "more than 40 processes",
    ),
    "log": ("while True: print('x' * 1000)", "build.log=1MB", "printed more than 1 MB"),
    "disk": (
        "both('open(str(os.getpid()), \"wb\").write(bytes(30_000_000))')",
        "build.disk=50MB",
        "wrote more than 50 MB",
    ),
}

BOTH = """
def both(code):
    words = [sys.executable, "-c", f"import os, time\\n{code}\\ntime.sleep(600)"]
    children = [subprocess.Popen(words, start_new_session=True) for _ in range(2)]
    children[0].wait()
"""


@pytest.mark.parametrize("what", GREEDY)
def test_build_over_limit_is_stopped_with_its_processes(
    wasmwheel: Command, tmp_path: Path, what: str
) -> None:
    code, limit, said = GREEDY[what]
    project = backend_project(tmp_path / "greedy", code, BOTH)
    before = {*psutil.process_iter()}
    ran = wasmwheel("build", project, "--json", "--limit", limit, "--out", tmp_path / "dist")
    error = error_of(ran, 9)
    assert re.match(r"The build of (greedy 1|\S+/greedy) was stopped: ", error["what"])
    assert said in error["what"]
    assert f"`--limit build.{what}=" in error["fix"]
    assert not [each for each in {*psutil.process_iter()} - before if is_greedy(each)]
    assert not (tmp_path / "dist").exists()


def is_greedy(process: psutil.Process) -> bool:
    """Return whether a process runs for the project: by its command, or the folder it is in."""
    try:
        return process_tree.is_running(process) and "greedy" in " ".join(
            [process.cwd(), *process.cmdline()]
        )
    except psutil.Error:
        return False


@pytest.mark.parametrize(
    ("code", "limit", "said"),
    [
        ("while True: pass", "smoke.time=3s", "longer than 3 s"),
        pytest.param(
            *("x = [bytearray(2**20) for _ in range(1500)]", "smoke.memory=900MB", "900 MB"),
            marks=pytest.mark.slow,
        ),
        ("while True: print('x' * 1000)", "smoke.log=1MB", "more than 1 MB"),
    ],
)
def test_import_over_limit_is_stopped(
    wasmwheel: Command, tmp_path: Path, code: str, limit: str, said: str
) -> None:
    path = wheel(tmp_path, "py3-none-any", {"handmade.py": code.encode()})
    error = error_of(wasmwheel("smoke", path, "--json", "--limit", limit), 9)
    assert error["what"].startswith("The import of handmade with Pyodide")
    assert said in error["what"]
    assert limit.partition("=")[0] in error["fix"]


@pytest.mark.slow
def test_test_run_over_limit_is_stopped(wasmwheel: Command, tmp_path: Path) -> None:
    project = backend_project(tmp_path / "greedy")
    (project / "test_greedy.py").write_text("def test_greedy():\n    while True: pass\n")
    ran = wasmwheel(
        *("test", project, "--json", "--limit", "test.time=15s", "--out", tmp_path / "dist")
    )
    assert "longer than 15 s" in error_of(ran, 9)["what"]


def test_reading_a_project_counts_for_the_limit(wasmwheel: Command, tmp_path: Path) -> None:
    project = create_slow_project(tmp_path / "slow")
    error = error_of(wasmwheel("build", project, "--json", "--limit", "build.time=3s"), 9)
    assert error["what"] == f"The build of {project} was stopped: it took longer than 3 s."


SLEEP = ProcessCommand(
    words=[sys.executable, "-c", "import time; time.sleep(600)"], cwd=Path(), env={}
)

#: Work of this process: in Python, in C, and waiting for a command or for another thread.
OWN_WORK: dict[str, Callable[[], object]] = {
    "loop": lambda: all(True for _ in itertools.count()),
    "regular expression": lambda: re.match(r"(a*)*b", "a" * 40),
    "command": lambda: run(SLEEP, on_line=lambda stream, line: None),
    "thread": threading.Event().wait,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("work", OWN_WORK.values(), ids=OWN_WORK)
def test_own_code_over_limit_is_stopped(work: Callable[[], object]) -> None:
    allowed = limits.DEFAULT.with_settings(["build.time=0.5s"])
    with pytest.raises(LimitError) as caught, limits.time_limit("build", allowed, "The work"):
        work()
    assert caught.value.what == "The work was stopped: it took longer than 0.5 s."


def test_interrupted_work_is_not_over_its_limit() -> None:
    with pytest.raises(KeyboardInterrupt), limits.time_limit("build", limits.DEFAULT, "The work"):
        raise KeyboardInterrupt


def test_limits_are_read_from_file_and_variable(wasmwheel: Command, tmp_path: Path) -> None:
    project = backend_project(tmp_path / "greedy", "time.sleep(600)")
    settings = tmp_path / "config"
    settings.mkdir()
    line = "c.Wasmwheel.limits = ['build.time=1s']\n"
    (settings / "jupyter_wasmwheel_config.py").write_text(line)
    for env in ({"JUPYTER_CONFIG_DIR": str(settings)}, {"WASMWHEEL_LIMITS": "build.time=1s"}):
        assert (
            "longer than 1 s" in error_of(wasmwheel("build", project, "--json", env=env), 9)["what"]
        )


@pytest.mark.parametrize(
    "word",
    ["", "build", "build.time", "build.time=", "build.time=-1", "build.memory=2h", "x.time=1"],
)
def test_invalid_limit_is_rejected(word: str) -> None:
    with pytest.raises(UsageError) as raised:
        limits.DEFAULT.with_settings([word])
    assert "build.time=2h" in raised.value.fix


def test_limits_are_parsed_with_units() -> None:
    words = ["build.time=2h", "test.memory=1.5GB", "smoke.processes=0"]
    changed = limits.DEFAULT.with_settings(words)
    assert (changed.build.time, changed.test.memory, changed.smoke.processes) == (7200, 1.5e9, 0)
    assert limits.DEFAULT.with_settings(changed.settings) == changed


def test_import_is_another_name_of_smoke() -> None:
    assert limits.DEFAULT.with_settings(["import.time=5m"]).smoke.time == 300


# Offline

REACH = """
s = socket.socket()
s.settimeout(5)
print("reached:", s.connect_ex(("127.0.0.1", {port})) == 0)
raise SystemExit(3)
"""


@pytest.fixture
def port() -> Iterator[int]:
    """Listen on a local port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def said(ran: CommandOutput) -> list[str]:
    return [event["text"] for event in ran.events if event["kind"] == "log"]


@linux_only
def test_offline_build_has_no_network(wasmwheel: Command, tmp_path: Path, port: int) -> None:
    project = backend_project(tmp_path / "curious", REACH.format(port=port))
    assert "reached: True" in said(wasmwheel("build", project, "--events", "--allow-network"))
    offline = said(wasmwheel("build", project, "--events", "--offline"))
    assert "reached: False" in offline
    assert not [text for text in offline if "network access" in text]


@linux_only
@pytest.mark.usefixtures("unconfined")
def test_unavailable_network_isolation_is_logged(
    wasmwheel: Command, tmp_path: Path, port: int
) -> None:
    project = backend_project(tmp_path / "curious", REACH.format(port=port))
    forbid = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"'
    command = [sys.executable, "-m", "jupyter_wasmwheel", "build", project, "--events", "--offline"]
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", forbid, "sh", *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    offline = said(CommandOutput(done.returncode, done.stdout, done.stderr))
    assert "reached: True" in offline
    assert [
        text
        for text in offline
        if text.startswith("Could not disable network access for the build: ")
    ]


def test_built_package_builds_offline(wasmwheel: Command, crate: Path, tmp_path: Path) -> None:
    words = ("build", crate, "--json", "--profile", "draft", "--out", tmp_path / "dist")
    assert wasmwheel(*words).status == 0
    source = crate / "src/lib.rs"
    source.write_text(source.read_text().replace("Hello", "Ahoy"))
    ran = wasmwheel(*words, "--offline")
    assert ran.status == 0, ran.stderr
    assert not ran.document["cached"]
