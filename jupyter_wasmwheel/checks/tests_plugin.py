"""Runs a project's tests inside of Pyodide and tells what becomes of each, as JSON lines.

tests.mjs gives this file to Pyodide, where it stands alone. It tells {"collected": [id, …]},
{"begin": id} of a test and of a file that is looked into for tests, {"end": {id, outcome, …}} of
each of them, and last {"ended": {status, text}}: pytest's exit status and what it printed. The
outcome of a file that holds tests is `collected`; those of tests are pytest's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

#: The longest text that is told of a test, in characters; the end of a longer one is what counts.
MAX_TEXT_LENGTH = 20_000

#: How many exceptions of a chain are told.
MAX_CHAIN_LENGTH = 20


class ReportingPlugin:
    """A plugin for pytest that leaves out what is over already, and tells of the rest."""

    def __init__(self, tell: Callable[[str], object], over: set[str]) -> None:
        self._tell = tell
        self._over = over
        self._looking_into: str | None = None
        self._errors: dict[str, list[str]] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._reports: list[pytest.TestReport] = []

    def _say(self, **event: object) -> None:
        self._tell(json.dumps(event))

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> pytest.CollectReport | None:
        """Look into a file, unless that is over."""
        if not isinstance(collector, pytest.File):
            return None
        if collector.nodeid in self._over:
            return pytest.CollectReport(collector.nodeid, "passed", None, [])
        self._looking_into = collector.nodeid
        self._say(begin=collector.nodeid)
        return None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file, or something in it, has been looked into."""
        if report.failed:
            self._end(report.nodeid, "failed", report)
        elif report.skipped:
            self._end(report.nodeid, "skipped", report)
        elif report.nodeid == self._looking_into:
            self._end(report.nodeid, "collected", None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the tests that are over."""
        items[:] = [item for item in items if item.nodeid not in self._over]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """All tests are known."""
        self._say(collected=[item.nodeid for item in session.items])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._reports = []
        self._say(begin=nodeid)

    def pytest_exception_interact(
        self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]
    ) -> None:
        """A test, or what looks for tests, has raised; a skip or an expected failure is none."""
        if call.excinfo is None:
            return
        self._errors.setdefault(node.nodeid, []).extend(_chain(call.excinfo.value))
        own = [
            (entry.path, entry.lineno + 1)
            for entry in call.excinfo.traceback
            if isinstance(entry.path, Path) and entry.path.is_relative_to(node.config.rootpath)
        ]
        if own:
            path, line = own[-1]
            self._places[node.nodeid] = (path.relative_to(Path.cwd()).as_posix(), line)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended: its setup, the call, its teardown."""
        self._reports.append(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test has ended; the worst of its parts counts."""
        ended = self._reports
        for outcome in ("failed", "skipped", "passed"):
            counts = next((report for report in ended if report.outcome == outcome), None)
            if counts:
                self._end(nodeid, outcome, counts)
                return

    def _end(
        self, nodeid: str, outcome: str, report: pytest.TestReport | pytest.CollectReport | None
    ) -> None:
        end: dict[str, Any] = {"id": nodeid, "outcome": outcome}
        if report and outcome == "failed":
            file, line = self._places.get(nodeid, (None, None))
            sections = [f"--- {title} ---\n{text}" for title, text in report.sections]
            end |= {
                "message": _message(report),
                "errors": self._errors.get(nodeid, []),
                "text": "\n".join([report.longreprtext, *sections])[-MAX_TEXT_LENGTH:],
                "file": file,
                "line": line,
            }
        self._say(end=end)


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """What a person reads first of a failure, in one line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = [line for line in report.longreprtext.splitlines() if line.strip()]
    errors = [line[2:] for line in lines if line.startswith("E ")]
    text = crash.message if crash else (errors or lines[-1:] or [""])[0]
    return text.strip().partition("\n")[0][:300]


def _chain(error: BaseException) -> list[str]:
    """An exception and all that led to it, each as a line."""
    waiting: list[BaseException | None] = [error]
    found: list[BaseException] = []
    while waiting and len(found) < MAX_CHAIN_LENGTH:
        one = waiting.pop(0)
        if one is not None and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return [f"{type(one).__name__}: {one}"[:500] for one in found]


class Loop(asyncio.BaseEventLoop):
    """An event loop of callbacks and timers, which is what a browser's has.

    Pyodide's own cannot be waited for without stack switching, which not every Node.js has.
    """

    def __init__(self) -> None:
        super().__init__()
        self._selector = self

    def select(self, timeout: float | None) -> list[Any]:
        """Wait for the next timer; there is nothing else that could happen meanwhile."""
        time.sleep(3600 if timeout is None else timeout)
        return []

    def _process_events(self, events: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class Policy(asyncio.DefaultEventLoopPolicy):
    """What gives each test such a loop."""

    _loop_factory: ClassVar[Any] = Loop


#: What starts processes and opens sockets, as far as it would not be refused with a clear word.
PROCESSES = ((os, ("system", "fork")), (Loop, ("subprocess_exec", "subprocess_shell")))
SOCKETS = (
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
)


def _refuse(what: str) -> Callable[..., Any]:
    def refused(*args: object, **more: object) -> None:
        raise OSError(errno.EOPNOTSUPP, f"This runtime does not support {what}")

    return refused


def _be_like_a_browser() -> None:
    """Refuse what Node.js alone would do, and what would only say that it is not implemented."""
    for owner, names in PROCESSES:
        for name in names:
            setattr(owner, name, _refuse("processes"))
    for name in SOCKETS:
        setattr(Loop, name, _refuse("sockets"))
    asyncio.run = asyncio.runners.run
    asyncio._set_running_loop(None)
    asyncio.set_event_loop_policy(Policy())


def run(tell: Callable[[str], object], folder: str, arguments: str, over: str) -> None:
    """Run the tests in a folder; `arguments` and the ids that are `over` are lists as JSON."""
    os.chdir(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        _be_like_a_browser()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = pytest.main(json.loads(arguments), [ReportingPlugin(tell, set(json.loads(over)))])
    tell(
        json.dumps(
            {"ended": {"status": int(status), "text": printed.getvalue()[-MAX_TEXT_LENGTH:]}}
        )
    )
