"""The supervisor of a command: `python -m jupyter_wasmwheel.process.supervisor -- COMMAND…`.

It runs between a command and its starter, with a pipe to each. When the starter closes its end (a
cancel) or is killed, the supervisor stops the command; when the command ends, it kills the rest of
its processes. When the supervisor itself is killed, a command that is a job (`--job`) reads the end
of its stdin, and stops. So no compiler outlives any of the three.

On Linux the supervisor becomes the parent of all orphaned descendants, and so finds those in other
process groups. `--offline` disables the command's network, also on Linux.
"""

from __future__ import annotations

import contextlib
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

#: Seconds that a supervisor has to stop its command before it is stopped itself.
STOP_TIMEOUT_S = 4 * STOP_STEP_S

#: Seconds that orphans have to end by themselves, after their command.
EXITING_S = 0.01

#: Set for a process that ends when its stdin does; its supervisor holds the other end.
SUPERVISED = "WASMWHEEL_SUPERVISED"

#: Set for a process in the background, which no one waits for.
BACKGROUND = "WASMWHEEL_BACKGROUND"

#: The niceness (nice(2)) that is added for a job, and for one in the background.
JOB_NICENESS, BACKGROUND_NICENESS = 10, 19

#: Linux's options of prctl(2): become the parent of orphaned descendants, let other processes of
#: the same user read this one, and get a signal when the parent ends.
PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_PDEATHSIG = 36, 4, 1

#: The numbers of Linux's keyctl(2), and its operation to start a new session keyring.
KEYCTL, KEYCTL_JOIN_SESSION_KEYRING = {"x86_64": 250, "aarch64": 219}, 1

#: Set when this process is supervised itself.
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
    """Become the parent of this process's orphaned descendants (on Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def hide_memory() -> None:
    """Hide this process's environment and memory from other processes of the same user (on Linux).

    An exec ends it, so the processes that this one starts are not hidden.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def continue_with_parent() -> None:
    """Let this process continue when its parent ends, even if it is suspended (on Linux).

    It then reads the end of its stdin, and stops.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)


def leave_keyring() -> None:
    """Start an empty session keyring: the one of the user's session can have secrets (on Linux).

    Namespaces separate the user's other keyrings, but not this one.
    """
    if sys.platform == "linux" and (number := KEYCTL.get(os.uname().machine)):
        import ctypes

        ctypes.CDLL(None).syscall(number, KEYCTL_JOIN_SESSION_KEYRING, None)


def lower_priority() -> None:
    """Lower this process's priority, so that a server on the same machine stays responsive."""
    is_background = os.environ.pop(BACKGROUND, None) is not None
    if sys.platform == "win32":
        import psutil

        idle, below_normal = psutil.IDLE_PRIORITY_CLASS, psutil.BELOW_NORMAL_PRIORITY_CLASS
        psutil.Process().nice(idle if is_background else below_normal)
    else:
        os.nice(BACKGROUND_NICENESS if is_background else JOB_NICENESS)


def stop_all(child: subprocess.Popen[bytes]) -> None:
    """Stop a child and all descendants of this process, in any group, in 2 STOP_STEP_S."""
    if child.poll() is not None:
        return
    from . import process_tree  # psutil takes longer to load than a supervisor to start

    # Listed first: where orphans cannot be adopted, they are not found later.
    below = process_tree.descendants(os.getpid())
    # Interrupted first: the child stops its own children, and removes its staged files.
    stop_group(child)
    process_tree.kill(below)


def kill_descendants() -> None:
    """Kill all descendants of this process, until there are none."""
    if not _has_children():
        return
    from . import process_tree  # as above

    deadline = time.monotonic() + STOP_STEP_S
    while (left := process_tree.descendants(os.getpid())) and time.monotonic() < deadline:
        process_tree.suspend(left)  # what is suspended starts no other one
        process_tree.kill(left)
        time.sleep(0.01)


def _await_exiting() -> None:
    """Wait for orphans that are exiting, as those of bubblewrap are (on Linux).

    That takes less time than to import psutil, to list them.
    """
    if sys.platform != "linux":
        return
    deadline = time.monotonic() + EXITING_S
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG) is None:
                time.sleep(0.0005)


def _has_children() -> bool:
    """Return whether this process has a child; assume it has one where the system cannot tell."""
    if sys.platform == "linux":
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
    return True


def end_with_stdin() -> None:
    """Interrupt this process when its stdin ends, which means that its starter has ended.

    It then has as long to stop as a group has.
    """
    _is_supervised.set()
    continue_with_parent()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        if sys.platform == "win32":
            signal.raise_signal(signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)  # unlike raise_signal, it also ends a system call
        time.sleep(2 * STOP_STEP_S)
        kill_descendants()
        os._exit(128 + signal.SIGINT)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def main() -> None:
    """Run the command under supervision, and exit with its status."""
    separator = sys.argv.index("--")
    options, command = sys.argv[1:separator], sys.argv[separator + 1 :]
    is_job = "--job" in options
    if "--offline" in options:
        from .sandbox import disable_network

        if why := disable_network():
            message = f"Could not disable network access for the build: {why}."
            print(message, file=sys.stderr, flush=True)
    hide_memory()
    leave_keyring()
    adopt_orphans()
    continue_with_parent()
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
        # Before its first step, for it can be suspended there; no thread is running yet.
        preexec_fn=continue_with_parent if is_job and sys.platform != "win32" else None,
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
    if not was_stopped:
        _await_exiting()
    kill_descendants()
    sys.stdout.flush()
    os._exit(exit_status(child.returncode, was_stopped=was_stopped))


def exit_status(status: int, *, was_stopped: bool) -> int:
    """Return the supervisor's exit status: that of a cancel if the command had to be killed.

    A negative status is the signal that ended the command, reported as 128 plus its number.
    """
    if was_stopped and status < 0:
        from ..api.errors import CanceledError

        return CanceledError.status
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    main()
