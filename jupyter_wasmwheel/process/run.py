"""Child processes in their own group: run one, read its output by line, and stop the group.

Everything that a build starts is in the group, so stopping the group leaves nothing behind. A child
that must not outlive this process, even if this process is killed, runs under a supervisor
(supervisor.py).
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from msgspec import Struct

from .confine import Confinement, confined
from .group import own_group, stop_group
from .limits import ResourceMonitor
from .supervisor import STOP_TIMEOUT_S, adopt_orphans, is_supervised, supervised

if TYPE_CHECKING:
    from psutil import Process

#: Seconds between two measurements of a group's resources.
SAMPLE_INTERVAL_S = 0.25

#: The longest line of text, and of a program's own JSON, in bytes. A longer one comes in parts.
MAX_LINE_BYTES, MAX_JSON_BYTES = 64 * 1024, 8 * 1024**2

#: The starts of lines of JSON: of our own programs, and of a text sequence (RFC 7464).
JSON = (b"{", b"\x1e{")

#: Seconds that what a command left can keep its pipes open after it has ended.
HELD_S = 2.0

#: The end of a line, at which output is split.
_LINE_END = re.compile(rb"\r\n|\n|\r")

Stream = Literal["stdout", "stderr"]
Line = tuple[Stream, str]


class Command(Struct, frozen=True, kw_only=True):
    """A command with its folder and its variables.

    `offline` disables the network, where the system can. `pass_fds` are open files that the command
    gets, but nothing that it starts. With a `confinement`, it sees only what that names.
    """

    words: Sequence[str | Path]
    cwd: Path
    env: Mapping[str, str]
    offline: bool = False
    pass_fds: Sequence[int] = ()
    confinement: Confinement | None = None

    @property
    def complete(self) -> Sequence[str | Path]:
        """Return the words that start it, confined or not."""
        if self.confinement is None:
            return self.words
        return confined(self.words, self.confinement, self.cwd)


def run(
    command: Command,
    *,
    on_line: Callable[[Stream, str], None],
    stop_when: Callable[[], bool] = lambda: False,
    supervise: bool = False,
    monitor: ResourceMonitor | None = None,
) -> int:
    """Run a command in its own process group, and return its exit status.

    `on_line` gets each line of output without its ending, which can be a carriage return, as in
    cargo's progress bar. `stop_when` is called ten times a second; the group is stopped when it
    returns true, or when an exception is raised here, such as KeyboardInterrupt. With `supervise`
    or a `monitor` it is also stopped when this process is killed. A `monitor` raises a LimitError
    when the command exceeds a limit.
    """
    words, pass_fds = command.complete, command.pass_fds
    offline = command.offline and command.confinement is None
    # The supervisor of this process also supervises what it starts.
    supervise = offline or ((supervise or monitor is not None) and not is_supervised())
    if monitor and is_supervised():
        adopt_orphans()
    child = subprocess.Popen(
        supervised(words, offline=offline, pass_fds=pass_fds) if supervise else words,
        cwd=command.cwd,
        env=dict(command.env),
        stdin=subprocess.PIPE if supervise else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=pass_fds,
        **own_group(),
    )
    lines: queue.Queue[Line | None] = queue.Queue(maxsize=10_000)
    item: Line | tuple[()] | None
    assert child.stdout
    assert child.stderr
    over = threading.Event()
    threads = [
        threading.Thread(target=_read, args=("stdout", child.stdout, lines), daemon=True),
        threading.Thread(target=_read, args=("stderr", child.stderr, lines), daemon=True),
    ]
    still_open = len(threads)
    ended: float | None = None
    if monitor:
        threads.append(threading.Thread(target=_measure, args=(monitor, child, supervise, over)))
    for thread in threads:
        thread.start()
    try:
        while still_open:
            try:
                item = lines.get(timeout=0.1)
            except queue.Empty:
                item = ()
                if child.poll() is not None:
                    ended = ended or time.monotonic()
                    if time.monotonic() - ended > HELD_S:
                        _kill_rest(child, supervise)
                        still_open = 0
                        continue
            if item is None:
                still_open -= 1
            elif item:
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
    """Measure a child and its descendants until it has ended or exceeds a limit."""
    from . import process_tree  # psutil is slow to import

    while not over.wait(SAMPLE_INTERVAL_S):
        running = _started(child, is_supervisor)
        monitor.sample(running)
        if monitor.exceeded:
            # A suspended process cannot start others; a fork bomb would win the race otherwise.
            known: set[Process] = set()
            while more := {*running} - known:
                process_tree.suspend(more)
                known |= more
                running = _started(child, is_supervisor)
            process_tree.kill(known)
            return


def _kill_rest(child: subprocess.Popen[bytes], is_supervisor: bool) -> None:
    """Kill what a command that has ended left behind, as far as it is known."""
    from . import process_tree  # as above

    process_tree.kill(_started(child, is_supervisor))


def _started(child: subprocess.Popen[bytes], is_supervisor: bool) -> list[Process]:
    """Return the running processes of a child, without its supervisor."""
    from . import process_tree  # as above

    if is_supervised():
        # This process has adopted the orphans, and runs one command at a time.
        below = process_tree.descendants(os.getpid())
        return [each for each in below if each.pid != child.pid or not is_supervisor]
    return process_tree.descendants(child.pid)


def _stop(child: subprocess.Popen[bytes], is_supervisor: bool) -> None:
    """Stop a child; give a supervisor time to stop its command first."""
    if is_supervisor:
        assert child.stdin
        child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=STOP_TIMEOUT_S)
    stop_group(child)


def _read(name: Stream, pipe: IO[bytes], lines: queue.Queue[Line | None]) -> None:
    read = getattr(pipe, "read1", pipe.read)
    with pipe:
        for line in _split(iter(lambda: read(65536), b"")):
            lines.put((name, line.decode("utf-8", "replace")))
    lines.put(None)


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines in chunks of output, and an endless one in parts."""
    # Joined once: a long line would be copied and searched again with each chunk.
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        *whole, rest = _LINE_END.split(chunk)
        for line in whole:
            yield b"".join((*parts, line))
            parts, size = [], 0
        if rest:
            parts.append(rest)
            size += len(rest)
            if size > (MAX_JSON_BYTES if parts[0].startswith(JSON) else MAX_LINE_BYTES):
                yield b"".join(parts)
                parts, size = [], 0
    if parts:
        yield b"".join(parts)
