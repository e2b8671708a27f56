"""The guard of a command: `python -m jupyter_wasmwheel.guard COMMAND…`.

It stands between the command and whoever started it, and holds an end of a pipe to each. When the
starter's end is closed, on purpose (a cancel) or because the starter was killed, it stops the
command; when the command has ended, however that came, it kills whatever is left of it. When the
guard itself is killed, the command sees the end of its stdin; ours then stops by itself. So
whichever of the three is killed, no compiler outlives it.

On Linux the orphans of all descendants become children of the guard, and are found though they are
in groups of their own. Elsewhere what the command starts is stopped by the command.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from .errors import Cancelled
from .process import GUARDED, adopt_orphans, be_nice, own_group, stop_all, sweep


def main() -> None:
    """Run the command, guarded, and end with its exit status."""
    adopt_orphans()
    be_nice()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    child = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.PIPE,
        env={**os.environ, GUARDED: "1"},
        **own_group(),
    )

    def watch_starter() -> None:
        while os.read(0, 4096):
            pass
        over.set()

    def watch_child() -> None:
        child.wait()
        over.set()

    for watch in (watch_starter, watch_child):
        threading.Thread(target=watch, daemon=True).start()
    over.wait()
    was_stopped = child.poll() is None
    stop_all(child)
    sweep()
    sys.stdout.flush()
    os._exit(exit_status(child.returncode, was_stopped=was_stopped))


def exit_status(status: int, *, was_stopped: bool) -> int:
    """What the guard ends with: a command that had to be killed was cancelled all the same.

    A negative status is the signal that ended the command; a shell would say 128 and that.
    """
    if was_stopped and status < 0:
        return Cancelled.status
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    main()
