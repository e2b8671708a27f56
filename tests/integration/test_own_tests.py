"""Running a project's own tests in Pyodide."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import SourceError
from jupyter_wasmwheel.api.events import Event, Log
from jupyter_wasmwheel.checks import test_environment
from jupyter_wasmwheel.project import suite
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures.commands import Command
from tests.fixtures.projects import create_project
from tests.fixtures.wheel_factory import machine, wheel

#: Functions for a starter crate, which its tests call.
FUNCTIONS = """
#[pyfunction]
fn start_thread() {
    std::thread::spawn(|| ()).join().unwrap()
}

#[pyfunction]
fn panic() {
    panic!("told to")
}

#[pyfunction]
fn abort() {
    std::process::abort()
}
"""


#: A test of each outcome, and the tests after one that crashes the runtime.
EACH = """
import asyncio
import hello
import pytest

def test_passes():
    assert "you" in hello.greet("you")

def test_fails():
    assert hello.fibonacci(3) == 3

@pytest.mark.skip(reason="not today")
def test_is_skipped():
    raise AssertionError

def test_needs_a_thread():
    hello.start_thread()

def test_needs_a_process():
    import subprocess
    subprocess.run(["true"])

def test_needs_a_socket():
    import socket
    socket.create_server(("127.0.0.1", 0))

def test_panics():
    hello.panic()

def test_aborts():
    hello.abort()

def test_never_ends():
    while True:
        pass

def test_waits_for_a_timer():
    async def wait():
        await asyncio.sleep(0.01)
        return 5
    assert asyncio.run(wait()) == 5
"""


@pytest.mark.slow
def test_test_outcomes_are_distinguished(wasmwheel: Command, crate: Path, tmp_path: Path) -> None:
    source = crate / "src/lib.rs"
    text = source.read_text().replace("/// A Python module", f"{FUNCTIONS}\n/// A Python module")
    functions = "{abort, fibonacci, greet, panic, start_thread}"
    source.write_text(text.replace("{fibonacci, greet}", functions))
    (crate / "tests/test_module.py").write_text(EACH)
    (crate / "tests/test_broken.py").write_text("import no_such_module\n")
    ran = wasmwheel(
        *("test", crate, "--profile=draft", "--timeout=10", "--events", "--out", tmp_path)
    )
    report, error = ran.events[-2]["report"], ran.events[-1]
    tests = report["tests"]
    counts = {name: value for name, value in tests.items() if isinstance(value, int)}
    assert counts == {
        "collected": 11,
        "passed": 2,
        "failed": 3,
        "skipped": 1,
        "unsupported": 3,
        "timed_out": 1,
        "crashed": 1,
        "not_run": 0,
    }
    emitted = {each["id"].rpartition("::")[2]: each for each in tests["failures"]}
    assert {name: (each["outcome"], each["reason"]) for name, each in emitted.items()} == {
        "tests/test_broken.py": ("failed", None),
        "test_fails": ("failed", None),
        "test_needs_a_thread": ("unsupported", "threads"),
        "test_needs_a_process": ("unsupported", "processes"),
        "test_needs_a_socket": ("unsupported", "sockets"),
        "test_panics": ("failed", None),
        "test_aborts": ("crashed", None),
        "test_never_ends": ("timed_out", None),
    }
    assert emitted["test_fails"]["message"] == "assert 2 == 3"
    place = EACH.splitlines().index("    assert hello.fibonacci(3) == 3") + 1
    assert emitted["test_fails"]["file"] == str(crate / "tests/test_module.py")
    assert emitted["test_fails"]["line"] == place
    assert "told to" in emitted["test_panics"]["message"]
    problems = [(e["file"], e["line"]) for e in ran.events if e["kind"] == "diagnostic"]
    assert (str(crate / "tests/test_module.py"), place) in problems
    steps = [e for e in ran.events if e["kind"] == "progress" and e["unit"] == "tests"]
    assert steps
    assert [phase["name"] for phase in report["phases"]][-1] == "test"
    assert (ran.status, error["kind"], error["status"]) == (8, "error", 8)
    assert error["what"] == "4 of 11 tests of hello 0.1.0 failed."


def test_starter_crate_passes_its_tests(wasmwheel: Command, crate: Path, tmp_path: Path) -> None:
    words = ("test", crate, "--profile=draft", "--out", tmp_path)
    ran = wasmwheel(*words)
    assert ran.status == 0, ran.stderr
    assert "passed      2" in ran.stdout
    ran = wasmwheel(*words, "--select=nothing_of_that_name", "--json")
    assert (ran.status, ran.document["error"]["status"]) == (3, 3)
    assert "pytest found no tests in hello" in ran.document["error"]["what"]


def test_project_without_tests_is_reported_before_build(wasmwheel: Command, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no tests in this source"):
        suite.find(create_project(tmp_path / "plain", {"tests/main.rs": ""}))
    ran = wasmwheel("test", tmp_path / "plain", "--json")
    assert (ran.status, ran.document["error"]["status"]) == (3, 3)


def test_test_requirements_come_from_runtime_or_site(tmp_path: Path, store: Store) -> None:
    here = machine("2026_0", store)
    path = wheel(
        tmp_path,
        "py3-none-any",
        {"plain.py": b""},
        name="plain",
        requires=[
            "plain[more]; extra == 'tests'",
            "no-such-package-anywhere; extra == 'more'",
            "a-tool; extra == 'dev'",
        ],
    )
    suite_of_project = suite.find(
        create_project(
            tmp_path / "plain", {"tests/test_a.py": "import six\nfrom dirty_equals import *"}
        )
    )
    emitted: list[Event] = []
    loaded = test_environment.load(
        suite_of_project,
        [read(path)],
        here.engine.runtime,
        RunContext(store=store, emit=emitted.append),
    )
    present, absent = set(loaded.lock.packages), set(loaded.unavailable)
    assert {"plain", "pytest", "packaging", "six"} <= present
    assert not {"a-tool", "dirty-equals"} & (present | absent)
    assert "no-such-package-anywhere" in absent
    notes = " ".join(event.text for event in emitted if isinstance(event, Log))
    assert "no-such-package-anywhere is not available for Pyodide" in notes
