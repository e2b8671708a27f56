"""The frame of a program: how it ends when it fails, is interrupted, or loses its reader."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from ..api.errors import CanceledError, WasmwheelError
from ..errors.os_errors import known_error
from .group import interruptible


def run_program(run: Callable[[], int], fail: Callable[[WasmwheelError], int]) -> int:
    """Return the exit status of `run`, or that of `fail` for the error that it raised."""
    try:
        return _run(run, fail)
    except BrokenPipeError:
        # The reader of the output is gone, as with `| head`.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 1


def _run(run: Callable[[], int], fail: Callable[[WasmwheelError], int]) -> int:
    try:
        with interruptible():
            return run()
    except KeyboardInterrupt:
        return fail(CanceledError())
    except Exception as error:
        known = known_error(error)
        if known is None:
            raise
        return fail(known)
