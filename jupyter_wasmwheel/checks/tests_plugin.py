"""A pytest plugin that runs in Pyodide, and sends the outcome of each test as JSON lines.

tests.mjs runs this file in Pyodide, where the package is not installed. The events are
{"collected": [id, …]}, {"begin": id} and {"end": {id, outcome, …}} for each test and each file that
is collected, and last {"ended": {status, text}} with pytest's exit status and output. The outcome
of a file with tests is `collected`; those of tests are pytest's own.
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

#: The maximum length of a text; of a longer one, the end is sent.
MAX_TEXT_LENGTH = 20_000

#: The maximum number of exceptions of a chain.
MAX_CHAIN_LENGTH = 20


class ReportingPlugin:
    """A plugin that skips tests with an outcome (`over`), and sends the events of the others."""

    def __init__(self, send_line: Callable[[str], object], over: set[str]) -> None:
        self._send_line = send_line
        self._over = over
        self._collecting: str | None = None
        self._errors: dict[str, list[str]] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._reports: list[pytest.TestReport] = []

    def _send(self, **event: object) -> None:
        self._send_line(json.dumps(event))

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> pytest.CollectReport | None:
        """Send the begin of a file's collection, unless it has an outcome."""
        if not isinstance(collector, pytest.File):
            return None
        if collector.nodeid in self._over:
            return pytest.CollectReport(collector.nodeid, "passed", None, [])
        self._collecting = collector.nodeid
        self._send(begin=collector.nodeid)
        return None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Send the outcome of a file, or of a part of it that fails."""
        if report.failed:
            self._end(report.nodeid, "failed", report)
        elif report.skipped:
            self._end(report.nodeid, "skipped", report)
        elif report.nodeid == self._collecting:
            self._end(report.nodeid, "collected", None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Skip the tests with an outcome."""
        items[:] = [item for item in items if item.nodeid not in self._over]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Send the ids of all tests."""
        self._send(collected=[item.nodeid for item in session.items])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Send the begin of a test."""
        self._reports = []
        self._send(begin=nodeid)

    def pytest_exception_interact(
        self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]
    ) -> None:
        """Keep the exception of a test or a collector; skips and expected failures are excluded."""
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
        """Keep the report of a test's setup, call or teardown."""
        self._reports.append(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Send the worst outcome of a test's reports."""
        for outcome in ("failed", "skipped", "passed"):
            for report in self._reports:
                if report.outcome == outcome:
                    return self._end(nodeid, outcome, report)

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
        self._send(end=end)


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the summary of a failure, in one line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = [line for line in report.longreprtext.splitlines() if line.strip()]
    errors = [line[2:] for line in lines if line.startswith("E ")]
    text = crash.message if crash else (errors or lines[-1:] or [""])[0]
    return text.strip().partition("\n")[0][:300]


def _chain(error: BaseException) -> list[str]:
    """Return an exception and those that led to it, a line each."""
    waiting: list[BaseException | None] = [error]
    found: list[BaseException] = []
    while waiting and len(found) < MAX_CHAIN_LENGTH:
        one = waiting.pop(0)
        if one is not None and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return [f"{type(one).__name__}: {one}"[:500] for one in found]


class Loop(asyncio.BaseEventLoop):
    """An event loop of callbacks and timers, as in a browser.

    To wait for Pyodide's own requires stack switching, which not every Node.js has.
    """

    def __init__(self) -> None:
        super().__init__()
        self._selector = self

    def select(self, timeout: float | None) -> list[Any]:
        """Wait for the next timer, as there are no other events."""
        time.sleep(3600 if timeout is None else timeout)
        return []

    def _process_events(self, events: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class Policy(asyncio.DefaultEventLoopPolicy):
    """An event loop policy with such loops."""

    _loop_factory: ClassVar[Any] = Loop


#: Functions that start processes or open sockets, and that do not fail with a clear error.
PROCESSES = ((os, ("system", "fork")), (Loop, ("subprocess_exec", "subprocess_shell")))
SOCKETS = (
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
)


def _unsupported(what: str) -> Callable[..., Any]:
    def fail(*args: object, **more: object) -> None:
        raise OSError(errno.EOPNOTSUPP, f"This runtime does not support {what}")

    return fail


def _emulate_browser() -> None:
    """Disable what only Node.js supports, and what would fail without a clear error."""
    for owner, names in PROCESSES:
        for name in names:
            setattr(owner, name, _unsupported("processes"))
    for name in SOCKETS:
        setattr(Loop, name, _unsupported("sockets"))
    asyncio.run = asyncio.runners.run
    asyncio._set_running_loop(None)
    asyncio.set_event_loop_policy(Policy())


def run(send_line: Callable[[str], object], folder: str, arguments: str, over: str) -> None:
    """Run the tests in a folder; `arguments` and the ids to skip (`over`) are JSON lists."""
    os.chdir(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        _emulate_browser()
    plugin = ReportingPlugin(send_line, set(json.loads(over)))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = pytest.main(json.loads(arguments), [plugin])
    text = printed.getvalue()[-MAX_TEXT_LENGTH:]
    send_line(json.dumps({"ended": {"status": int(status), "text": text}}))
