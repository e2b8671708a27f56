"""The descendants of a process and their memory, on every system that psutil supports."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

import psutil

#: The unit of `st_blocks` (stat(2)).
BLOCK_BYTES = 512

#: The names of mappings that are memory, and a line of /proc/PID/maps with a file without a name.
IN_MEMORY = ("/dev/zero", "/memfd:", "/SYSV")
_DELETED = re.compile(r"^(\w+)-(\w+) \S+ \S+ \S+ (\d+) +(.+) \(deleted\)$", re.MULTILINE)


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
    """Return the bytes of memory that processes use.

    Memory that they share counts once, on Linux as much as the process has that uses most of it.
    """
    size = shared = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            info = process.memory_info()
            size += getattr(info, "private", info.rss - getattr(info, "shared", 0))
            shared = max(shared, _shared_memory(process.pid))
    return size + shared


def _shared_memory(pid: int) -> int:
    """Return how much of a process's memory is shared and of no file (proc(5), on Linux)."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"^RssShmem:\s+(\d+) kB$", text, re.MULTILINE):
            return int(found[1]) * 1024
    return 0


def unnamed_bytes(processes: Iterable[psutil.Process]) -> int:
    """Return how much files have that no folder lists any more, open or mapped (on Linux)."""
    found: dict[tuple[int, str], int] = {}
    for process in processes:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{process.pid}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = os.stat(entry.path)
                    if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                        blocks = getattr(status, "st_blocks", 0)
                        found[status.st_ino, ""] = blocks * BLOCK_BYTES
        with contextlib.suppress(OSError):
            maps = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="replace")
            for begin, end, inode, name in _DELETED.findall(maps):
                if not name.startswith(IN_MEMORY) and (int(inode), "") not in found:
                    found[int(inode), begin] = int(end, 16) - int(begin, 16)
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
