"""Threads for calls that can block: a bounded number for each route.

Unlike those of `concurrent.futures`, they do not keep the process from ending while one waits for
a disk that does not answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """Runs at most `size` calls at once; others wait."""

    def __init__(self, size: int) -> None:
        self._slots = asyncio.Semaphore(size)

    async def call(self, function: Callable[[], T]) -> T:
        """Call a function in a thread."""
        async with self._slots:
            done: Future[T] = Future()
            threading.Thread(
                target=_run, args=(function, done), name="wasmwheel", daemon=True
            ).start()
            return await asyncio.wrap_future(done)


def _run(function: Callable[[], T], done: Future[T]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        try:
            result = function()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(result)
