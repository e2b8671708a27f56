"""Clearing the store while commands use it."""

from __future__ import annotations

import threading
import time

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.store import Store
from tests.fixtures.commands import Command
from tests.fixtures.store_entries import KEY


def test_cache_clear_keeps_entries_in_use(wasmwheel: Command, kept: Store) -> None:
    over: list[float] = []

    def clear() -> None:
        wasmwheel("cache", "clear", env={"WASMWHEEL_HOME": str(kept.home)})
        over.append(time.monotonic())

    with kept.in_use(ignore), kept.in_use(ignore):
        clearing = threading.Thread(target=clear)
        clearing.start()
        time.sleep(2)
        assert (kept.home / KEY).is_dir()
        assert not over
    clearing.join()
    assert not (kept.home / KEY).exists()
    assert not list((kept.home / "locks").glob("user-*"))


def test_cache_clear_ignores_locks_of_killed_processes(wasmwheel: Command, kept: Store) -> None:
    (kept.home / "locks/user-killed").touch()
    env = {"WASMWHEEL_HOME": str(kept.home)}
    assert wasmwheel("cache", "clear", env=env).status == 0
    assert not (kept.home / KEY).exists()
