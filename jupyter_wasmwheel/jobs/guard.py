"""The guard of a job: `python -m jupyter_wasmwheel.jobs.guard ARGUMENTS…`.

It stands between the server and the command line, and holds an end of a pipe to each. When the
server's end is closed, on purpose (a cancel) or because the server was killed, it stops the command
line; when the command line has ended, however that came, it kills whatever is left of it. When the
guard itself is killed, the command line sees the end of its stdin and stops by itself. So whichever
of the three is killed, no compiler outlives it.

On Linux the orphans of all descendants become children of the guard, and are found though they are
in groups of their own. Elsewhere what the command line starts is stopped by the command line.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from ..process import GUARDED, adopt_orphans, be_nice, own_group, stop_all, sweep


def main() -> None:
    """Run the command line, guarded, and end with its exit status."""
    adopt_orphans()
    be_nice()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    child = subprocess.Popen(
        [sys.executable, "-m", "jupyter_wasmwheel", *sys.argv[1:]],
        stdin=subprocess.PIPE,
        env={**os.environ, GUARDED: "1"},
        **own_group(),
    )

    def watch_server() -> None:
        while os.read(0, 4096):
            pass
        over.set()

    def watch_child() -> None:
        child.wait()
        over.set()

    for watch in (watch_server, watch_child):
        threading.Thread(target=watch, daemon=True).start()
    over.wait()
    stop_all(child)
    sweep()
    # A negative status is the signal that ended the child; a shell would say 128 and that.
    sys.stdout.flush()
    os._exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)


if __name__ == "__main__":
    main()
