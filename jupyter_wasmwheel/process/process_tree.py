"""The descendants of a process and their memory, on every system that psutil supports."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

import psutil

#: The unit of `st_blocks` (stat(2)).
BLOCK_BYTES = 512


def descendants(pid: int) -> list[psutil.Process]:
    """Return the running descendants of a process; none if the process has ended."""
    try:
        return [each for each in psutil.Process(pid).children(recursive=True) if is_running(each)]
    except psutil.Error:
        return []


def is_running(process: psutil.Process) -> bool:
    """Return whether a process is running; a zombie is not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def memory(processes: Iterable[psutil.Process]) -> int:
    """Return the bytes of memory that processes use, without shared memory where it is known."""
    size = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            info = process.memory_info()
            size += getattr(info, "private", info.rss - getattr(info, "shared", 0))
    return size


def unnamed_bytes(processes: Iterable[psutil.Process]) -> int:
    """Return how much open files have that no folder lists any more (on Linux)."""
    found = {}
    for process in processes:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{process.pid}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = os.stat(entry.path)
                    if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                        blocks = getattr(status, "st_blocks", 0)
                        found[status.st_dev, status.st_ino] = blocks * BLOCK_BYTES
    return sum(found.values())


def suspend(processes: Iterable[psutil.Process]) -> None:
    """Suspend processes; ignore those that have ended."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.suspend()


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill processes; ignore those that have ended."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
