"""Check that no test in this folder uses a fixture that builds."""

from __future__ import annotations

import pytest

from tests.fixtures import builds


def pytest_itemcollected(item: pytest.Item) -> None:
    used = set(getattr(item, "fixturenames", ())) & builds.NAMES
    if used:
        raise pytest.UsageError(f"{item.nodeid} uses {sorted(used)}: move it to tests/integration")
