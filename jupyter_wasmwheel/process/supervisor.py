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

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ..errors import Cancelled
from . import process_tree
from .group import STOP_STEP_S, own_group, stop_group

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

#: Whether this process is supervised itself.
_is_supervised = threading.Event()


def supervised(
    command: Sequence[str | Path], *, is_job: bool = False, offline: bool = False
) -> list[str | Path]:
    """Return the command that runs a command under supervision; its stdin must be a pipe."""
    options = [*(["--job"] if is_job else []), *(["--offline"] if offline else [])]
    return [sys.executable, "-P", "-m", __name__, *options, "--", *command]


def is_supervised() -> bool:
    """Return whether this process ends with its stdin."""
    return _is_supervised.is_set()


def adopt_orphans() -> None:
    """Become the parent of this process's orphaned descendants; on Linux only."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def lower_priority() -> None:
    """Lower this process's priority, so that a server on the same machine still answers at once."""
    niceness = BACKGROUND_NICENESS if os.environ.pop(BACKGROUND, None) else JOB_NICENESS
    if os.name != "nt":
        os.nice(niceness)


def stop_all(child: subprocess.Popen[bytes]) -> None:
    """Stop a child and everything below this process, in whatever group, in 2 STOP_STEP_S."""
    if child.poll() is not None:
        return
    if os.name == "nt":
        stop_group(child)
        return
    # The child is asked first: it stops its own children, and removes what it had staged.
    send_signal(-child.pid, signal.SIGINT)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=STOP_STEP_S)
            break
        send_signal(-child.pid, number)
        for pid in process_tree.below(os.getpid()):
            send_signal(pid, number)
    child.wait()


def kill_descendants() -> None:
    """Kill what is left below this process, and what that left, until there is nothing."""
    deadline = time.monotonic() + STOP_STEP_S
    while (left := process_tree.below(os.getpid())) and time.monotonic() < deadline:
        for pid in left:
            send_signal(pid, signal.SIGKILL)
        time.sleep(0.01)


def send_signal(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def end_with_stdin() -> None:
    """Interrupt this process when its stdin ends, which is when its starter has ended.

    It has as long as a group that is stopped; then it exits.
    """
    _is_supervised.set()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        if os.name == "nt":
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
        return Cancelled.status
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    main()
