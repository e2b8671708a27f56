"""A test session: the progress of a project's tests, over all starts of Pyodide.

A test that never ends, or that crashes the runtime, ends Node.js, which is then started again.
"""

from __future__ import annotations

import functools
import re
import time
import tomllib
from collections import deque
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..api.errors import (
    LimitError,
    Retry,
    SourceError,
    TestsFailedError,
    WasmwheelError,
)
from ..api.events import Diagnostic, Emitter, Log, Progress, note
from ..api.report import TestFailure
from ..process.limits import ResourceMonitor
from ..process.run import Command
from ..process.run import run as run_command
from ..project.suite import Suite
from . import pyodide_loader

#: The default timeout of a test.
TEST_TIMEOUT_S = 60.0

#: Seconds that Node.js has between tests, and before the first one.
IDLE_TIMEOUT_S = 300.0

#: Seconds between two reports of progress.
PROGRESS_INTERVAL_S = 0.2

#: How much output is kept of a test, in case it crashes the runtime.
MAX_LINES, MAX_LINE_LENGTH = 60, 300

#: How many tests are recorded, and how many characters of their names.
MAX_TESTS, MAX_ID_LENGTH = 50_000, 2000

#: pytest's own lines of a traceback.
PYTEST_FRAME = re.compile(r'^  File "[^"]*/(_pytest|pluggy)/')

#: pytest's exit status if no tests were collected.
NO_TESTS_STATUS = 5

#: The outcomes that make a run fail.
FAULTS = ("failed", "timed_out", "crashed")


@functools.cache
def _signs() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return what a browser does not support, with the pattern of each error for it."""
    text = (resources.files(__package__) / "unsupported.toml").read_text(encoding="utf-8")
    return tuple(
        (row["name"], re.compile(sign))
        for row in tomllib.loads(text)["reason"]
        for sign in row["signs"]
    )


class TestOptions(Struct, frozen=True, kw_only=True):
    """The options of a test run.

    `select` is an expression for pytest's `-k`, `timeout` the seconds for each test, and `is_own`
    whether the files are the user's, who can then open them.
    """

    select: str | None = None
    timeout: float = TEST_TIMEOUT_S
    is_own: bool = True


class TestSession:
    """The outcomes of a project's tests, over all starts of Node.js."""

    def __init__(
        self,
        suite: Suite,
        emit: Emitter,
        unavailable: Mapping[str, str],
        monitor: ResourceMonitor,
        options: TestOptions,
    ) -> None:
        self._suite = suite
        self._emit = emit
        self._unavailable = unavailable
        self._monitor = monitor
        self._is_own = options.is_own
        self._timeout = options.timeout
        self.outcomes: dict[str, str] = {}
        self.failures: dict[str, TestFailure] = {}
        self.collected: dict[str, None] = {}
        self._output: deque[str] = deque(maxlen=MAX_LINES)
        self._reported = 0.0
        self._reset()

    def _reset(self) -> None:
        self._running: str | None = None
        self._since = time.monotonic()
        self._started = False
        self._ended: dict[str, Any] | None = None
        self._fatal = ""

    @property
    def known(self) -> set[str]:
        """Return all tests that are known so far."""
        return self.collected.keys() | self.outcomes.keys()

    def run(self, command: Command, runtime: str) -> bool:
        """Run Node.js until it ends, and return whether all tests have an outcome."""
        before = len(self.outcomes)
        self._reset()
        run_command(
            command,
            on_line=self._on_line,
            stop_when=self._is_late,
            monitor=self._monitor,
        )
        if self._running:
            self._interrupt(self._running)
        elif self._ended:
            self._require_tests(self._ended)
        elif len(self.outcomes) == before:
            raise self._start_error(runtime)
        return self.collected.keys() <= self.outcomes.keys() and self._ended is not None

    def _is_late(self) -> bool:
        limit = self._timeout if self._running else IDLE_TIMEOUT_S
        return time.monotonic() - self._since > limit

    def _on_line(self, stream: str, line: str) -> None:
        event = pyodide_loader.read_event(line) if stream == "stdout" else None
        if event is None or event.keys() & {"out", "part"}:
            text = line if event is None else event.get("out", event.get("part", ""))
            if not PYTEST_FRAME.search(text):
                self._output.append(text[:MAX_LINE_LENGTH])
        elif "note" in event:
            note(self._emit, event["note"])
        elif "collected" in event and len(self.collected) < MAX_TESTS:
            names = event["collected"][: MAX_TESTS - len(self.collected)]
            self.collected |= dict.fromkeys(name[:MAX_ID_LENGTH] for name in names)
        elif "begin" in event:
            self._begin(event["begin"])
        elif "end" in event:
            self._end(event["end"])
        elif "ended" in event:
            self._ended = event["ended"]
        elif isinstance(event.get("failed"), str):
            self._fatal = event["failed"]
        self._started = self._started or event is not None

    def _begin(self, name: str) -> None:
        name = name[:MAX_ID_LENGTH]
        self._running, self._since = name, time.monotonic()
        self._output.clear()
        if self._since - self._reported > PROGRESS_INTERVAL_S:
            self._reported = self._since
            total = len(self.known) if self.collected else None
            done = len(self.outcomes)
            self._emit(Progress(done=done, total=total, unit="tests", label=name))

    def _end(self, end: Mapping[str, Any]) -> None:
        self._running, self._since = None, time.monotonic()
        name, outcome = end["id"][:MAX_ID_LENGTH], end["outcome"]
        if name not in self.outcomes and len(self.outcomes) >= MAX_TESTS:
            return
        if outcome in ("passed", "skipped"):
            self._record(name, outcome)
        elif outcome == "failed":
            reason = self._reason(end.get("errors", ()))
            file = end.get("file")
            failure = TestFailure(
                id=name,
                outcome="unsupported" if reason else "failed",
                reason=reason,
                message=end.get("message", ""),
                file=file if file and self._is_inside(file) else None,
                line=end.get("line"),
            )
            self._fail(failure, end.get("text", ""))

    def _is_inside(self, file: str) -> bool:
        """Return whether a path, which a package's code can have sent, is one in the project."""
        path = PurePosixPath(file)
        return not path.is_absolute() and ".." not in path.parts and "\\" not in file

    def _interrupt(self, name: str) -> None:
        """Record the outcome of the test that was running when Node.js ended."""
        output = [*self._output, *self._fatal.splitlines()]
        if self._ended:
            self._fail(_crash(name, "It ended pytest."), self._ended["text"])
        elif self._is_late():
            message = f"It was stopped after {self._timeout:g} seconds."
            self._fail(replace(_crash(name, message), outcome="timed_out"))
        else:
            reason = self._reason(output)
            panic = next((at for at, line in enumerate(output) if "panicked at" in line), None)
            message = self._fatal if panic is None else " ".join(output[panic : panic + 2])
            failure = _crash(name, f"It crashed the runtime. {message}".rstrip())
            if reason:
                failure = replace(failure, outcome="unsupported", reason=reason)
            self._fail(failure, "\n".join(output))

    def _reason(self, lines: Iterable[str]) -> str | None:
        """Return what a test's errors show to be unsupported or missing, if anything."""
        text = "\n".join(lines)
        unsupported = next((name for name, sign in _signs() if sign.search(text)), None)
        return unsupported or pyodide_loader.missing_requirement(text, self._unavailable)

    def _fail(self, failure: TestFailure, text: str = "") -> None:
        """Record a failure, whose file is relative to the project's folder."""
        name, reason = failure.id, failure.reason
        self._record(name, failure.outcome, f" ({reason})" if reason else "")
        if failure.file and self._is_own:
            failure = replace(failure, file=str(self._suite.folder / failure.file))
        self.failures[name] = failure
        if failure.outcome in FAULTS:
            message = f"{name}: {failure.message}"
            self._emit(
                Diagnostic(
                    source="test",
                    level="error",
                    code=failure.outcome,
                    message=message,
                    rendered="\n".join((message, text)).rstrip(),
                    file=failure.file if self._is_own else None,
                    line=failure.line,
                    column=None,
                )
            )

    def _record(self, name: str, outcome: str, more: str = "") -> None:
        self.outcomes[name] = outcome
        self._emit(Log(stream="stdout", text=f"{outcome:<11} {name}{more}"))

    def _require_tests(self, ended: Mapping[str, Any]) -> None:
        """Raise an error if pytest could not start, or found no tests."""
        label, last = self._suite.folder.name, "\n       ".join(ended["text"].splitlines()[-8:])
        if self.outcomes:
            return
        if ended["status"] == NO_TESTS_STATUS:
            raise SourceError(
                f"pytest found no tests in {label}.",
                last,
                "Omit `--select`, or check `testpaths` in pytest's configuration.",
                code="tests.none-found",
            )
        raise TestsFailedError(
            f"pytest cannot run the tests of {label}.",
            last,
            "Correct the project; `pytest` with the same packages shows the same error.",
            code="tests.pytest-failed",
        )

    def _start_error(self, runtime: str) -> WasmwheelError:
        why = "\n       ".join([*self._output, *self._fatal.splitlines()][-6:])
        if not self._started:
            return pyodide_loader.start_error(f"{runtime} in Node.js", why)
        if self._is_late():
            return LimitError(
                f"The tests did not start in {runtime}.",
                f"They were stopped after {IDLE_TIMEOUT_S:g} seconds.",
                "Check what conftest.py does when it is imported.",
                code="tests.start-timed-out",
                remedies=[Retry()],
            )
        return TestsFailedError(
            f"{runtime} exited before the first test.",
            why or "It gave no reason; the machine may be out of memory.",
            "Check what conftest.py and the tests' plugins do when they are imported.",
            code="tests.runtime-ended",
        )


def _crash(name: str, message: str) -> TestFailure:
    return TestFailure(
        id=name, outcome="crashed", reason=None, message=message, file=None, line=None
    )
