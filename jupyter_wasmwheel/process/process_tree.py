"""The processes of this machine, as Linux tells of them in /proc; elsewhere none is seen."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

#: The states in which a process has ended, and only waits to be asked for its exit status.
ENDED = "ZX"


def below(*roots: int) -> list[int]:
    """The processes that run below some others, these not among them."""
    children: dict[int, list[int]] = {}
    ended = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        pid = int(path.parent.name)
        children.setdefault(int(parent), []).append(pid)
        if state in ENDED:
            ended.add(pid)
    found: list[int] = []
    waiting = [*roots]
    while waiting:
        under = children.get(waiting.pop(), [])
        found += under
        waiting += under
    return [pid for pid in found if pid not in ended]


def memory(pids: Iterable[int]) -> int:
    """How many bytes of memory are some processes' own: what they share with others is left out."""
    pages = 0
    for pid in pids:
        try:
            _, resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[:3])
        except (OSError, ValueError):
            continue
        pages += resident - shared
    return pages * os.sysconf("SC_PAGE_SIZE")
