"""Child processes: one group each, read line by line, with one way to stop them.

A build starts compilers, linkers and build scripts of its own; they are all in the group of the
process that was started, so that stopping the group leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

#: Seconds between interrupting a group, terminating it, and killing it.
GRACE = 2.0

Stream = Literal["stdout", "stderr"]
Line = tuple[Stream, str]


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_line: Callable[[Stream, str], None],
    stop_when: Callable[[], bool] = lambda: False,
) -> int:
    """Run a command in a group of its own and give its exit status.

    `on_line` gets each line of output as it comes, without its ending; a carriage return ends a
    line too, as in cargo's progress bar. `stop_when` is asked ten times a second and stops the
    group. Whatever raises here, KeyboardInterrupt above all, stops the group as well.
    """
    child = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **own_group(),
    )
    lines: queue.Queue[Line | None] = queue.Queue(maxsize=10_000)
    assert child.stdout
    assert child.stderr
    readers = [
        threading.Thread(target=_read, args=("stdout", child.stdout, lines), daemon=True),
        threading.Thread(target=_read, args=("stderr", child.stderr, lines), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        still_open = len(readers)
        while still_open:
            try:
                item = lines.get(timeout=0.1)
            except queue.Empty:
                pass
            else:
                if item is None:
                    still_open -= 1
                else:
                    on_line(*item)
            if stop_when():
                break
        else:
            return child.wait()
    except BaseException:
        stop_group(child)
        raise
    stop_group(child)
    return child.wait()


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
