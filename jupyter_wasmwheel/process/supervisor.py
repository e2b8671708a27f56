"""Run a command under supervision: `python -m jupyter_wasmwheel.process.supervisor -- COMMAND…`.

The supervisor stands between the command and its starter, and holds one end of a pipe to each. When
the starter's end is closed, by a cancel or because the starter was killed, it stops the command;
when the command has ended, for whatever reason, it kills what is left of it. When the supervisor
itself is killed, a command that is a job (`--job`) sees the end of its stdin, and stops. So
whichever of the three is killed, no compiler outlives it.

On Linux the supervisor becomes the parent of all orphaned descendants, and finds them even in
process groups of their own. `--offline` disables the command's network, on Linux as well.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from .group import STOP_STEP_S, own_group, stop_group

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: How long a supervisor may take to stop its command before it is stopped itself, in seconds.
STOP_TIMEOUT_S = 4 * STOP_STEP_S

#: Set for a process that ends when its stdin does: its supervisor holds the other end.
SUPERVISED = "WASMWHEEL_SUPERVISED"

#: Set for a process that no one waits for.
BACKGROUND = "WASMWHEEL_BACKGROUND"

#: By how much the priority of a job is lower than the server's, and that of one in the background
#: (nice(2)).
JOB_NICENESS, BACKGROUND_NICENESS = 10, 19

#: Linux's option of prctl(2) that makes a process the parent of its descendants' orphans.
PR_SET_CHILD_SUBREAPER = 36

#: Linux's option of prctl(2) that says whether others of the same user may read a process.
PR_SET_DUMPABLE = 4

#: Whether this process is supervised itself.
_is_supervised = threading.Event()


def supervised(
    command: Sequence[str | Path],
    *,
    is_job: bool = False,
    offline: bool = False,
    pass_fds: Sequence[int] = (),
) -> list[str | Path]:
    """Return the command that runs a command under supervision; its stdin must be a pipe."""
    options = [*(["--job"] if is_job else []), *(["--offline"] if offline else [])]
    options += [f"--fd={number}" for number in pass_fds]
    return [sys.executable, "-P", "-m", __name__, *options, "--", *command]


def is_supervised() -> bool:
    """Return whether this process ends with its stdin."""
    return _is_supervised.is_set()


def adopt_orphans() -> None:
    """Become the parent of this process's orphaned descendants; on Linux only."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def hide_memory() -> None:
    """Keep this process's environment and memory from other processes of the same user.

    On Linux only, and not from root. What this process starts is not hidden: an exec ends it.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def lower_priority() -> None:
    """Lower this process's priority, so that a server on the same machine still answers at once."""
    is_background = os.environ.pop(BACKGROUND, None) is not None
    if sys.platform == "win32":
        import psutil

        idle, below_normal = psutil.IDLE_PRIORITY_CLASS, psutil.BELOW_NORMAL_PRIORITY_CLASS
        psutil.Process().nice(idle if is_background else below_normal)
    else:
        os.nice(BACKGROUND_NICENESS if is_background else JOB_NICENESS)


def stop_all(child: subprocess.Popen[bytes]) -> None:
    """Stop a child and everything below this process, in whatever group, in 2 STOP_STEP_S."""
    if child.poll() is not None:
        return
    from . import process_tree  # psutil takes longer to load than a supervisor to start

    # Known now: what loses its parent is not found later, where orphans cannot be adopted.
    below = process_tree.descendants(os.getpid())
    # The child is interrupted first: it stops its own children, and removes what it had staged.
    stop_group(child)
    process_tree.kill(below)


def kill_descendants() -> None:
    """Kill what is left below this process, and what that left, until there is nothing."""
    if not _has_children():
        return
    from . import process_tree  # as above

    deadline = time.monotonic() + STOP_STEP_S
    while (left := process_tree.descendants(os.getpid())) and time.monotonic() < deadline:
        process_tree.kill(left)
        time.sleep(0.01)


def _has_children() -> bool:
    """Return whether this process has a child, as far as the system tells it."""
    if sys.platform == "linux":
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
    return True


def end_with_stdin() -> None:
    """Interrupt this process when its stdin ends, which is when its starter has ended.

    It has as long as a group that is stopped; then it exits.
    """
    _is_supervised.set()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        if sys.platform == "win32":
            signal.raise_signal(signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)  # unlike the other, it ends a system call too
        time.sleep(2 * STOP_STEP_S)
        kill_descendants()
        os._exit(128 + signal.SIGINT)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def main() -> None:
    """Run the command under supervision, and end with its exit status."""
    separator = sys.argv.index("--")
    options, command = sys.argv[1:separator], sys.argv[separator + 1 :]
    is_job = "--job" in options
    if "--offline" in options:
        from .sandbox import disable_network

        if why := disable_network():
            message = f"Could not disable network access for the build: {why}."
            print(message, file=sys.stderr, flush=True)
    hide_memory()
    adopt_orphans()
    if is_job:
        lower_priority()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE if is_job else subprocess.DEVNULL,
        env={**os.environ, SUPERVISED: "1"} if is_job else None,
        pass_fds=[int(word.removeprefix("--fd=")) for word in options if word.startswith("--fd=")],
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
    kill_descendants()
    sys.stdout.flush()
    os._exit(exit_status(child.returncode, was_stopped=was_stopped))


def exit_status(status: int, *, was_stopped: bool) -> int:
    """Return the supervisor's exit status: that of a cancel for a command that had to be killed.

    A negative status is the signal that ended the command; a shell reports 128 plus its number.
    """
    if was_stopped and status < 0:
        from ..api.errors import CanceledError

        return CanceledError.status
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    main()
