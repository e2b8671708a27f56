"""The processes below another one, and the memory they use, on every system that psutil knows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil


def descendants(pid: int) -> list[psutil.Process]:
    """Return the running processes below another one; none if it has ended itself."""
    try:
        return [each for each in psutil.Process(pid).children(recursive=True) if is_running(each)]
    except psutil.Error:
        return []


def is_running(process: psutil.Process) -> bool:
    """Return whether a process has not ended; a zombie has."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def memory(processes: Iterable[psutil.Process]) -> int:
    """Return the bytes of memory of some processes, without what they share if that is known."""
    size = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            info = process.memory_info()
            size += getattr(info, "private", info.rss - getattr(info, "shared", 0))
    return size


def suspend(processes: Iterable[psutil.Process]) -> None:
    """Suspend some processes; one that has ended is ignored."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.suspend()


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill some processes; one that has ended is ignored."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
