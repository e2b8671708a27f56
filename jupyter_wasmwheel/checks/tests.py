"""A project's own tests, run by pytest in the target's Pyodide, in Node.js.

A browser has no threads, processes or sockets; tests that require them are reported as unsupported.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..api.errors import LimitError, TestsFailedError, WasmwheelError
from ..api.events import note
from ..api.report import Tests
from ..process.limits import ResourceMonitor
from ..project.suite import Suite
from ..runtime.context import RunContext
from ..runtime.engine import Engine
from ..wheel import Wheel
from . import pyodide_loader, test_environment
from .test_session import FAULTS, TestOptions, TestSession

#: The script that runs in Node.js, and the plugin that it runs in Pyodide.
SCRIPT = Path(__file__).with_name("tests.mjs")
PLUGIN = Path(__file__).with_name("tests_plugin.py")

#: The folder of projects in Pyodide's file system.
PROJECTS_FOLDER = PurePosixPath("/home/pyodide")

#: pytest's arguments. Output of native code is not captured, so that a crash does not lose it.
ARGUMENTS = (
    "--capture=sys",
    "--color=no",
    "--continue-on-collection-errors",
    "--maxfail=0",
    "--tb=short",
)

#: How often Node.js is started for one suite; each test that crashes it costs a start.
MAX_STARTS = 30


def error(tests: Tests, label: str) -> WasmwheelError | None:
    """Return the error of a test run, or None if no test failed."""
    faults = [each for each in tests.failures if each.outcome in FAULTS]
    lines = "\n       ".join(f"{each.id}: {each.message}" for each in faults[:3])
    more = f"\n       and {len(faults) - 3} more" if len(faults) > 3 else ""
    if tests.failed or tests.crashed:
        return TestsFailedError(
            f"{tests.failed + tests.crashed} of {tests.collected} tests of {label} failed.",
            lines + more,
            "See the report or the log for all of them; run some of them again with `--select`.",
            code="tests.failed",
            counts={"failed": tests.failed, "crashed": tests.crashed, "timed_out": tests.timed_out},
        )
    if tests.timed_out or tests.not_run:
        return LimitError(
            f"{tests.timed_out + tests.not_run} of {tests.collected} tests of {label} did not end."
            if tests.timed_out
            else f"{tests.not_run} of {tests.collected} tests of {label} were not run.",
            lines + more or f"Pyodide was started {MAX_STARTS} times for them.",
            "Raise the timeout with `--timeout SECONDS`; Pyodide is slower than a native Python.",
            code="tests.unfinished",
            counts={"timed_out": tests.timed_out, "not_run": tests.not_run},
        )
    return None


def run(
    suite: Suite,
    wheels: Sequence[Wheel],
    engine: Engine,
    context: RunContext,
    options: TestOptions,
) -> Tests:
    """Run the tests of a project with its wheel, the first one, and those of its dependencies.

    The code runs in the same sandbox as an import check.
    """
    begin = time.monotonic()
    selected = ["-k", options.select] if options.select else []
    loaded = test_environment.load(suite, wheels, engine.runtime, context)
    with tempfile.TemporaryDirectory(prefix="wasmwheel-tests-") as temporary:
        folder = Path(temporary).resolve()
        test_environment.pack(suite, wheels[0], folder / "tree.zip")
        monitor = ResourceMonitor("test", context.limits, folder, f"The tests of {wheels[0].name}")
        session = TestSession(suite, context.emit, loaded.unavailable, monitor, options)
        arguments = [*ARGUMENTS, *test_environment.arguments(loaded.lock), *selected, *suite.paths]
        wanted = {
            "tree": str(folder / "tree.zip"),
            "plugin": PLUGIN.read_text(encoding="utf-8"),
            "folder": str(PROJECTS_FOLDER / suite.folder.name),
            "arguments": arguments,
        }
        for _ in range(MAX_STARTS):
            wanted["over"] = list(session.outcomes)
            command = pyodide_loader.command(
                SCRIPT, wanted, loaded.lock, engine, folder, allow_network=context.allow_network
            )
            if session.run(command, f"Pyodide {engine.runtime.version}"):
                break
            note(context.emit, "Starting Pyodide again for the remaining tests.")
    return _report(session, time.monotonic() - begin)


def _report(session: TestSession, seconds: float) -> Tests:
    count = Counter(session.outcomes.values())
    return Tests(
        collected=len(session.known),
        passed=count["passed"],
        failed=count["failed"],
        skipped=count["skipped"],
        unsupported=count["unsupported"],
        timed_out=count["timed_out"],
        crashed=count["crashed"],
        not_run=len(session.known) - len(session.outcomes),
        seconds=round(seconds, 3),
        failures=tuple(session.failures.values()),
    )
