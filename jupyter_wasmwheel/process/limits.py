"""What a build, an import or a run of tests may take: time, memory, processes, log, disk.

What is limited is everything that the work starts, together. Memory and processes are counted where
the system tells of them (process_tree.py).
"""

from __future__ import annotations

import dataclasses
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import LimitError, UsageError
from . import process_tree

#: Seconds between two looks at the folder, which take longer than those at the processes.
SELDOM = 2.0

#: What the units in `2h` and `8GB` stand for.
SECONDS = {"s": 1, "m": 60, "h": 3600}
BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}

#: What is said of each limit that was passed; `{}` is the limit.
PASSED = {
    "time": "it took longer than {}",
    "memory": "it took more than {} of memory",
    "processes": "it ran more than {} processes at once",
    "log": "it printed more than {}",
    "disk": "it wrote more than {} into its folder",
}


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What one kind of work may take: `time` in seconds, the rest in bytes or numbers; 0 is any."""

    time: float = 0
    memory: int = 0
    processes: int = 0
    log: int = 0
    disk: int = 0


def _share(parts: float) -> int:
    """A share of this machine's memory, where it says how much it has."""
    try:
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * parts)
    except (AttributeError, ValueError, OSError):
        return 0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What each kind of work may take.

    A runtime has 4 GiB of memory at most, and what Node.js itself takes comes on top.
    """

    build: Allowance = Allowance(
        time=7200, memory=_share(0.9), processes=2000, log=10**9, disk=30 * 10**9
    )
    smoke: Allowance = Allowance(time=120, memory=6 * 10**9, processes=100, log=10**8, disk=10**9)
    test: Allowance = Allowance(time=7200, memory=6 * 10**9, processes=100, log=10**9, disk=10**9)

    def changed(self, words: Iterable[str]) -> Limits:
        """These limits with some set to other values, each as `build.memory=8GB`."""
        changed = self
        for word in words:
            name, _, value = word.partition("=")
            kind, _, what = name.partition(".")
            if kind not in KINDS or what not in PASSED:
                raise UsageError(
                    f"There is no limit {name!r}.",
                    f"There are {', '.join(PASSED)} of {', '.join(KINDS)}.",
                    "Write it as `build.time=2h` or `smoke.memory=8GB`; 0 stands for no limit.",
                )
            allowance = replace(getattr(changed, kind), **{what: _number(what, value)})
            changed = replace(changed, **{kind: allowance})
        return changed

    @property
    def words(self) -> list[str]:
        """All of them as `changed` takes them."""
        return [
            f"{kind}.{what}={value}"
            for kind in KINDS
            for what, value in dataclasses.asdict(getattr(self, kind)).items()
        ]


#: What is allowed where nobody says otherwise.
USUAL = Limits()

#: The kinds of work.
KINDS = tuple(field.name for field in dataclasses.fields(Limits))


def _number(what: str, text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Za-z]*)", text)
    units = {"": 1, **_units(what)}
    if not found or found[2] not in units:
        known = ", ".join(f"2{unit}" for unit in units if unit)
        raise UsageError(
            f"{text!r} is no value for a limit of {what}.",
            f"It is a number{f', or one with its unit: {known}' if known else ''}.",
            "Write it as `build.time=2h` or `smoke.memory=8GB`; 0 stands for no limit.",
        )
    value = float(found[1]) * units[found[2]]
    return value if what == "time" else int(value)


def _units(what: str) -> dict[str, int]:
    return SECONDS if what == "time" else {} if what == "processes" else BYTES


def _said(what: str, value: float) -> str:
    """A limit's value as a person says it."""
    units = _units(what) or {"": 1}
    unit = max((each for each in units if units[each] <= value), key=units.__getitem__)
    return f"{round(value / units[unit], 1):g} {unit}".strip()


class Meter:
    """Measures a piece of work, which may be many commands, against what it may take.

    `subject` is what a person calls the work, and `advice` what he might do but for allowing more.
    `folder` is where it writes.
    """

    def __init__(
        self, kind: str, limits: Limits, folder: Path, subject: str, advice: str = ""
    ) -> None:
        self._kind = kind
        self._allowed: Allowance = getattr(limits, kind)
        self._folder = folder
        self._subject = subject
        self._advice = advice
        self._begin = time.monotonic()
        self._looked = 0.0
        self._printed = 0
        self.passed: LimitError | None = None

    def hear(self, line: str) -> None:
        """Take note of a line that was printed."""
        self._printed += len(line) + 1
        self._hold("log", lambda: self._printed)

    def look(self, running: Iterable[int]) -> None:
        """Measure what the processes that run take, and how large the folder is, now and then."""
        pids = [*running]
        now = time.monotonic()
        self._hold("time", lambda: now - self._begin)
        self._hold("memory", lambda: process_tree.memory(pids))
        self._hold("processes", lambda: len(pids))
        if now - self._looked > SELDOM:
            self._looked = now
            self._hold("disk", lambda: weigh(self._folder)[0])

    def _hold(self, what: str, taken: Callable[[], float]) -> None:
        limit = getattr(self._allowed, what)
        if limit and not self.passed and taken() > limit:
            self.passed = self._error(what, limit)

    def _error(self, what: str, limit: float) -> LimitError:
        name = f"{self._kind}.{what}"
        more = _said(what, 2 * limit).replace(" ", "")
        return LimitError(
            f"{self._subject} was stopped: {PASSED[what].format(_said(what, limit))}.",
            f"That is what the limit {name} allows for it and all that it starts.",
            f"{self._advice} Allow more by `--limit {name}={more}`, or for good by "
            f"`c.Wasmwheel.limits = ['{name}={more}']` in jupyter_wasmwheel_config.py.".strip(),
        )


def weigh(folder: Path) -> tuple[int, int]:
    """How many bytes and entries are below a folder; what vanishes meanwhile counts nothing."""
    size = count = 0
    waiting: list[str | Path] = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return size, count
