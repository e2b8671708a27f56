"""The project's own tests, run by pytest in the target's Pyodide, in Node.js.

A browser has no threads, processes or sockets: what asks for them is told apart from what failed.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..api.errors import LimitError, TestsFailedError, WasmwheelError
from ..api.events import Emitter, note
from ..index import Index
from ..process.limits import DEFAULT, Limits, ResourceMonitor
from ..project.suite import Suite
from ..runtime import snapshot
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..store import Store
from ..wheel import Wheel
from . import loading, testbed
from .course import FAULTS, Course, Failure

#: The script that runs in Node.js, and what it runs in Pyodide.
SCRIPT = Path(__file__).with_name("tests.mjs")
PLUGIN = Path(__file__).with_name("tests_plugin.py")

#: Where projects are in Pyodide's file system.
PLACE = PurePosixPath("/home/pyodide")

#: How pytest is run: what is printed past Python is not caught, so that it is there after a crash,
#: and one failure does not end it all.
ARGUMENTS = (
    "--capture=sys",
    "--color=no",
    "--continue-on-collection-errors",
    "--maxfail=0",
    "--tb=short",
)

#: Seconds that a test may take where nobody says otherwise.
TIMEOUT = 60.0

#: How often Node.js is started for one suite; each test that takes it down costs a start.
MOST_STARTS = 30


@dataclass(frozen=True, kw_only=True)
class Tests:
    """What the tests of a project came to.

    `collected` is how many there are; a file that cannot be looked into counts as one. Each one has
    one outcome: those that follow, and `not_run` where a limit was met before.
    """

    collected: int
    passed: int
    failed: int
    skipped: int
    unsupported: int
    timed_out: int
    crashed: int
    not_run: int
    seconds: float
    failures: tuple[Failure, ...]

    def error(self, label: str) -> WasmwheelError | None:
        """The error that the command ends with, or None where nothing failed."""
        faults = [each for each in self.failures if each.outcome in FAULTS]
        told = "\n       ".join(f"{each.id}: {each.message}" for each in faults[:3])
        more = f"\n       and {len(faults) - 3} more" if len(faults) > 3 else ""
        if self.failed or self.crashed:
            return TestsFailedError(
                f"{self.failed + self.crashed} of {self.collected} tests of {label} failed.",
                told + more,
                "The report and the log have all of them; `--select` runs some of them again.",
            )
        if self.timed_out or self.not_run:
            return LimitError(
                f"{self.timed_out + self.not_run} of {self.collected} tests of {label} did not end."
                if self.timed_out
                else f"{self.not_run} of {self.collected} tests of {label} were not run.",
                told + more or f"Pyodide was started {MOST_STARTS} times for them.",
                "Give each one longer by `--timeout SECONDS`; Pyodide is slower than a native one.",
            )
        return None


def run(
    its: Suite,
    wheels: Sequence[Wheel],
    runtime: Runtime,
    node: Node,
    store: Store,
    index: Index,
    emit: Emitter,
    *,
    is_own: bool = True,
    select: str | None = None,
    timeout: float = TIMEOUT,
    limits: Limits = DEFAULT,
) -> Tests:
    """Run the tests of a project with its wheel, the first one, and others that go along.

    `timeout` is in seconds, for each test. `select` is an expression of pytest's `-k`. `is_own`
    says whether the files are the user's, so that he can open them. A SourceError where no test is
    found, an TestsFailedError where pytest cannot begin. The code runs confined, as for the smoke.
    """
    begin = time.monotonic()
    known = snapshot.get(runtime, node, store, emit)
    selected = ["-k", select] if select else []
    lock, absent = testbed.load(its, wheels, runtime, store, index, emit)
    with tempfile.TemporaryDirectory(prefix="wasmwheel-tests-") as temporary:
        folder = Path(temporary).resolve()
        testbed.pack(its, wheels[0], folder / "tree.zip")
        monitor = ResourceMonitor("test", limits, folder, f"The tests of {wheels[0].name}")
        course = Course(its, emit, absent, monitor, is_own=is_own, timeout=timeout)
        for _ in range(MOST_STARTS):
            wanted = {
                "tree": str(folder / "tree.zip"),
                "plugin": PLUGIN.read_text(encoding="utf-8"),
                "folder": str(PLACE / its.folder.name),
                "arguments": [*ARGUMENTS, *testbed.arguments(lock), *selected, *its.paths],
                "over": course.over,
            }
            command = loading.command(SCRIPT, wanted, lock, runtime, known, node, folder)
            if course.follow(command, folder, f"Pyodide {runtime.version}"):
                break
            note(emit, "Starting Pyodide anew for the tests that are left.")
    return _sum(course, time.monotonic() - begin)


def _sum(course: Course, seconds: float) -> Tests:
    count = Counter(course.outcomes.values())
    return Tests(
        collected=len(course.known),
        passed=count["passed"],
        failed=count["failed"],
        skipped=count["skipped"],
        unsupported=count["unsupported"],
        timed_out=count["timed_out"],
        crashed=count["crashed"],
        not_run=len(course.known) - len(course.outcomes),
        seconds=round(seconds, 3),
        failures=tuple(course.failures.values()),
    )
