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
import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from ..errors import Cancelled
from .run import GUARDED, adopt_orphans, be_nice, own_group, stop_all, sweep

#: Linux's flags of unshare(2) for a user and a network namespace.
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def close_network() -> OSError | None:
    """Leave this process without any network, with the same user; why not, where that fails."""
    if sys.platform != "linux":
        return OSError("only Linux has network namespaces")
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    # Who is root already needs no namespace of users, in which he would lose his rights.
    if unshare(CLONE_NEWNET) == 0:
        return None
    user, group = os.getuid(), os.getgid()
    if unshare(CLONE_NEWUSER | CLONE_NEWNET):
        number = ctypes.get_errno()
        return OSError(number, os.strerror(number))
    with contextlib.suppress(OSError):
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return None


def main() -> None:
    """Run the command, guarded, and end with its exit status."""
    separator = sys.argv.index("--")
    options, command = sys.argv[1:separator], sys.argv[separator + 1 :]
    is_job = "--job" in options
    if "--offline" in options and (why := close_network()):
        print(f"The network stays open to the build: {why}.", file=sys.stderr, flush=True)
    adopt_orphans()
    if is_job:
        be_nice()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE if is_job else subprocess.DEVNULL,
        env={**os.environ, GUARDED: "1"} if is_job else None,
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
