"""Process groups: a child in a group of its own, and how a group is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

#: Seconds between interrupting a group, terminating it, and killing it.
STOP_STEP_S = 2.0


def own_group() -> dict[str, Any]:
    """Return the arguments of Popen that start a child in a process group of its own."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def stop_group(child: subprocess.Popen[bytes]) -> None:
    """Stop a child and its group: INT, then TERM, then KILL; on Windows kill all below it."""
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
        # The leader has ended; what ignored the signal still receives the group's next one.
        if number is not signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        break
    child.wait()
