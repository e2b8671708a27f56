"""Fixtures that all tests share. Nothing is mocked.

The store is the one that WASMWHEEL_HOME names (`make test` keeps it in the clone), or a folder in
it for each process of pytest-xdist. It starts with the toolchain of the user's store, so that the
target's standard library is built once for a machine.
"""

from __future__ import annotations

import os
import shlex
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# A later plugin replaces fixtures of an earlier one, such as `jp_server_config`.
pytest_plugins = [
    "pytest_jupyter.jupyter_server",
    "tests.fixtures.builds",
    "tests.fixtures.job_queue",
    "tests.fixtures.jupyter_server",
    "tests.fixtures.projects",
    "tests.fixtures.site_factory",
    "tests.fixtures.store_entries",
]

# A shell that starts the tests in the background ignores interrupts, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests that run at the same time install, damage and clear entries of their own stores.
if "WASMWHEEL_HOME" in os.environ and "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["WASMWHEEL_HOME"] += f"{os.sep}{os.environ['PYTEST_XDIST_WORKER']}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the command that runs only what failed."""
    stats = terminalreporter.stats
    failed = [each.nodeid for kind in ("failed", "error") for each in stats.get(kind, ())]
    if failed:
        home = os.environ.get("WASMWHEEL_HOME")
        variable = f"WASMWHEEL_HOME={shlex.quote(home)} " if home else ""
        terminalreporter.section("to run only what failed")
        terminalreporter.line(f"{variable}.venv/bin/pytest {shlex.join(dict.fromkeys(failed))}")
