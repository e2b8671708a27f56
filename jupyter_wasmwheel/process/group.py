"""Process groups: start a child in its own group, stop the group, and stop on signals."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

#: Seconds between interrupting a group, terminating it, and killing it.
STOP_STEP_S = 2.0


def own_group() -> dict[str, Any]:
    """Return the Popen arguments that start a child in its own process group."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def stop_group(child: subprocess.Popen[bytes]) -> None:
    """Stop a child and its group: INT, TERM, then KILL; on Windows, kill its descendants."""
    if sys.platform == "win32":
        from . import process_tree

        below = process_tree.descendants(child.pid)
        child.kill()
        process_tree.kill(below)
        child.wait()
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(timeout=STOP_STEP_S)
        except subprocess.TimeoutExpired:
            continue
        # The leader has ended; kill what ignored the signal.
        if number is not signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        break
    child.wait()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM both stop the children and clean up.

    SIGINT too, because a shell that starts a process in the background makes it ignore SIGINT.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler or signal.SIG_DFL)
