"""Run a child process in a group of its own, read it line by line, and stop it with its group.

A build starts compilers, linkers and build scripts of its own. They are all in the group of the
process that was started, so stopping the group leaves nothing behind. A child that must not outlive
this process, even if this process is killed, runs under a supervisor (supervisor.py).
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from psutil import Process

from . import process_tree
from .group import own_group, stop_group
from .limits import ResourceMonitor
from .supervisor import STOP_TIMEOUT_S, adopt_orphans, is_supervised, supervised

#: Seconds between two measurements of what a group uses.
SAMPLE_INTERVAL_S = 0.25

Stream = Literal["stdout", "stderr"]
Line = tuple[Stream, str]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, with its folder and its variables.

    `offline` disables its network, where the system can. `pass_fds` are open files that the command
    itself gets, and nothing it starts.
    """

    words: Sequence[str | Path]
    cwd: Path
    env: Mapping[str, str]
    offline: bool = False
    pass_fds: Sequence[int] = ()


def run(
    command: Command,
    *,
    on_line: Callable[[Stream, str], None],
    stop_when: Callable[[], bool] = lambda: False,
    supervise: bool = False,
    monitor: ResourceMonitor | None = None,
) -> int:
    """Run a command in a process group of its own, and return its exit status.

    `on_line` gets each line of output without its ending; a carriage return ends a line too, as in
    cargo's progress bar. `stop_when` is called ten times a second and stops the group when it
    returns true. An exception raised here, KeyboardInterrupt above all, stops the group as well.
    `supervise` stops it too if this process is killed, and so does a `monitor`, which raises a
    LimitError where the command exceeds a limit.
    """
    offline, pass_fds = command.offline, command.pass_fds
    # The supervisor of this process supervises what it starts as well.
    supervise = offline or ((supervise or monitor is not None) and not is_supervised())
    if monitor and is_supervised():
        adopt_orphans()
    child = subprocess.Popen(
        supervised(command.words, offline=offline, pass_fds=pass_fds)
        if supervise
        else command.words,
        cwd=command.cwd,
        env=dict(command.env),
        stdin=subprocess.PIPE if supervise else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=pass_fds,
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
    if monitor:
        threads.append(threading.Thread(target=_measure, args=(monitor, child, supervise, over)))
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
                    if monitor:
                        monitor.on_output(item[1])
                    on_line(*item)
            if stop_when() or (monitor and monitor.exceeded):
                break
        else:
            status = child.wait()
            if monitor and monitor.exceeded:
                raise monitor.exceeded
            return status
    except BaseException:
        _stop(child, supervise)
        raise
    finally:
        over.set()
        if child.stdin:
            child.stdin.close()
    _stop(child, supervise)
    if monitor and monitor.exceeded:
        raise monitor.exceeded
    return child.wait()


def _measure(
    monitor: ResourceMonitor,
    child: subprocess.Popen[bytes],
    is_supervisor: bool,
    over: threading.Event,
) -> None:
    """Measure what a child and all below it use, until it has ended or exceeds a limit."""
    while not over.wait(SAMPLE_INTERVAL_S):
        running = _started(child, is_supervisor)
        monitor.sample(running)
        if monitor.exceeded:
            # A stopped process starts no other; without that a fork bomb would win the race.
            known: set[Process] = set()
            while more := {*running} - known:
                process_tree.suspend(more)
                known |= more
                running = _started(child, is_supervisor)
            process_tree.kill(known)
            return


def _started(child: subprocess.Popen[bytes], is_supervisor: bool) -> list[Process]:
    """Return the processes that run for a child, without its supervisor."""
    if is_supervised():
        # This process has adopted the orphans, and runs one command at a time.
        below = process_tree.descendants(os.getpid())
        return [each for each in below if each.pid != child.pid or not is_supervisor]
    return process_tree.descendants(child.pid)


def _stop(child: subprocess.Popen[bytes], is_supervisor: bool) -> None:
    """Stop a child; a supervisor is given the time to leave nothing behind."""
    if is_supervisor:
        assert child.stdin
        child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=STOP_TIMEOUT_S)
    stop_group(child)


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
