"""Fixtures that all tests share. Nothing is mocked.

The store is the one that WASMWHEEL_HOME names (`make test` keeps it in the clone), so that the
target's standard library is built once and not for every test.
"""

from __future__ import annotations

import signal

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
