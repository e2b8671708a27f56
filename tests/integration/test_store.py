"""Clearing the store while commands use it."""

from __future__ import annotations

import threading
import time

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.store import Store
from tests.fixtures.commands import Command
from tests.fixtures.store_entries import KEY


def test_what_is_in_use_is_not_cleared_away(wasmwheel: Command, kept: Store) -> None:
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


def test_who_was_killed_keeps_nothing_from_being_cleared(wasmwheel: Command, kept: Store) -> None:
    (kept.home / "locks/user-killed").touch()
    env = {"WASMWHEEL_HOME": str(kept.home)}
    assert wasmwheel("cache", "clear", env=env).status == 0
    assert not (kept.home / KEY).exists()
