"""The descendants of a process and their memory, on every system that psutil supports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil


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
