"""Child processes: one group each, read line by line, with one way to stop them.

A build starts compilers, linkers and build scripts of its own; they are all in the group of the
process that was started, so that stopping the group leaves nothing behind.

What must not outlive its starter, though that were killed, has one process more, its guard
(supervisor.py), which stays for as long as it takes to leave nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from . import process_tree

# A guard starts with every build, and has nothing to measure.
if TYPE_CHECKING:
    from .limits import Meter

#: Seconds between interrupting a group, terminating it, and killing it.
GRACE = 2.0

#: How long a guard may take to stop what it guards before it is stopped itself, in seconds.
PATIENCE = 4 * GRACE

#: Seconds between two looks at what a group takes.
OFTEN = 0.25

#: Set for a process that is to end when its stdin does: its parent holds the other end.
GUARDED = "WASMWHEEL_GUARDED"

#: Linux's option of prctl(2) that makes a process the parent of its descendants' orphans.
PR_SET_CHILD_SUBREAPER = 36

#: How much less of the processor a job asks for than the server beside it, and one that nobody
#: waits for (nice(2)).
NICENESS, LEAST = 10, 19

#: Set for a process that nobody waits for.
BACKGROUND = "WASMWHEEL_BACKGROUND"

#: Whether this process is guarded itself.
_has_guard = threading.Event()

Stream = Literal["stdout", "stderr"]
Line = tuple[Stream, str]


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_line: Callable[[Stream, str], None],
    stop_when: Callable[[], bool] = lambda: False,
    under_guard: bool = False,
    meter: Meter | None = None,
    offline: bool = False,
) -> int:
    """Run a command in a group of its own and give its exit status.

    `on_line` gets each line of output as it comes, without its ending; a carriage return ends a
    line too, as in cargo's progress bar. `stop_when` is asked ten times a second and stops the
    group. Whatever raises here, KeyboardInterrupt above all, stops the group as well. `under_guard`
    stops it too where this process is killed, and so does a `meter`, which raises a LimitError
    where the command takes more than it may. `offline` closes the network to it, where the system
    allows that.
    """
    # Whoever guards this process guards what it starts as well.
    has_guard = _has_guard.is_set()
    under_guard = offline or ((under_guard or meter is not None) and not has_guard)
    if meter and has_guard:
        adopt_orphans()
    child = subprocess.Popen(
        guarded(command, offline=offline) if under_guard else command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE if under_guard else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **own_group(),
    )
    lines: queue.Queue[Line | None] = queue.Queue(maxsize=10_000)
    assert child.stdout
    assert child.stderr
    over = threading.Event()
    threads = [
        threading.Thread(target=_read, args=("stdout", child.stdout, lines), daemon=True),
        threading.Thread(target=_read, args=("stderr", child.stderr, lines), daemon=True),
    ]
    still_open = len(threads)
    if meter:
        threads.append(threading.Thread(target=_hold, args=(meter, child, under_guard, over)))
    for thread in threads:
        thread.start()
    try:
        while still_open:
            try:
                item = lines.get(timeout=0.1)
            except queue.Empty:
                pass
            else:
                if item is None:
                    still_open -= 1
                else:
                    if meter:
                        meter.hear(item[1])
                    on_line(*item)
            if stop_when() or (meter and meter.passed):
                break
        else:
            status = child.wait()
            if meter and meter.passed:
                raise meter.passed
            return status
    except BaseException:
        _stop(child, under_guard)
        raise
    finally:
        over.set()
        if child.stdin:
            child.stdin.close()
    _stop(child, under_guard)
    if meter and meter.passed:
        raise meter.passed
    return child.wait()


def _hold(
    meter: Meter, child: subprocess.Popen[bytes], is_guard: bool, over: threading.Event
) -> None:
    """Measure what a child and all below it take, until it is over or too much."""
    while not over.wait(OFTEN):
        running = _started(child, is_guard)
        meter.look(running)
        if meter.passed:
            # What is frozen starts nothing more; without that a fork bomb would win the race.
            known: set[int] = set()
            while more := {*running} - known:
                for pid in more:
                    _signal(pid, signal.SIGSTOP)
                known |= more
                running = _started(child, is_guard)
            for pid in known:
                _signal(pid, signal.SIGKILL)
            return


def _started(child: subprocess.Popen[bytes], is_guard: bool) -> list[int]:
    """The processes that run for a child, less its guard."""
    if _has_guard.is_set():
        # This process has been given the orphans, and runs one command at a time.
        return [pid for pid in process_tree.below(os.getpid()) if pid != child.pid or not is_guard]
    return process_tree.below(child.pid)


def _stop(child: subprocess.Popen[bytes], is_guard: bool) -> None:
    """Stop a child; a guard is given the time to leave nothing behind."""
    if is_guard:
        assert child.stdin
        child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=PATIENCE)
    stop_group(child)


def guarded(
    command: Sequence[str | Path], *, is_job: bool = False, offline: bool = False
) -> list[str | Path]:
    """The command that runs a command under a guard, for which its stdin has to be a pipe."""
    options = [*(["--job"] if is_job else []), *(["--offline"] if offline else [])]
    return [
        sys.executable,
        "-P",
        "-m",
        "jupyter_wasmwheel.process.supervisor",
        *options,
        "--",
        *command,
    ]


def own_group() -> dict[str, Any]:
    """The arguments of Popen that put a child into a process group of its own."""
    if os.name == "nt":
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    return {"start_new_session": True}


def stop_group(child: subprocess.Popen[bytes]) -> None:
    """Stop a child and all that it started: INT, then TERM, then KILL."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(child.pid)], check=False)
        child.wait()
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            continue
        # The leader is gone; what ignored the signal still answers to the group.
        if number is not signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        break
    child.wait()


def adopt_orphans() -> None:
    """Become the parent of what this process's descendants leave behind; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def be_nice() -> None:
    """Let others go first, so that a server beside a build still answers at once."""
    niceness = LEAST if os.environ.pop(BACKGROUND, None) else NICENESS
    if os.name != "nt":
        os.nice(niceness)


def stop_all(child: subprocess.Popen[bytes]) -> None:
    """Stop a child and everything below this process, whatever its group, in twice GRACE."""
    if child.poll() is not None:
        return
    if os.name == "nt":
        stop_group(child)
        return
    # The child is asked first: it stops its own children, and removes what it had staged.
    _signal(-child.pid, signal.SIGINT)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=GRACE)
            break
        _signal(-child.pid, number)
        for pid in process_tree.below(os.getpid()):
            _signal(pid, number)
    child.wait()


def sweep() -> None:
    """Kill what is left below this process, and what that left, until there is nothing."""
    deadline = time.monotonic() + GRACE
    while (left := process_tree.below(os.getpid())) and time.monotonic() < deadline:
        for pid in left:
            _signal(pid, signal.SIGKILL)
        time.sleep(0.01)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def end_with_stdin() -> None:
    """Interrupt this process when its stdin ends, which is when whoever started it has ended.

    It has as long as a group that is stopped; then it ends without having been asked again.
    """
    _has_guard.set()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        if os.name == "nt":
            signal.raise_signal(signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)  # unlike the other, it ends a system call too
        time.sleep(2 * GRACE)
        sweep()
        os._exit(128 + signal.SIGINT)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def _read(name: Stream, pipe: IO[bytes], lines: queue.Queue[Line | None]) -> None:
    rest = b""
    read = getattr(pipe, "read1", pipe.read)
    with pipe:
        while chunk := read(65536):
            *whole, rest = re.split(rb"\r\n|\n|\r", rest + chunk)
            for line in whole:
                lines.put((name, line.decode("utf-8", "replace")))
    if rest:
        lines.put((name, rest.decode("utf-8", "replace")))
    lines.put(None)
