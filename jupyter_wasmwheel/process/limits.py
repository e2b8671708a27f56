"""Resource limits of a build, an import or a test run, including all that it starts."""

from __future__ import annotations

import _thread
import errno
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs
from msgspec.structs import replace

from ..api.errors import LimitError, UsageError

if TYPE_CHECKING:
    from psutil import Process

#: Seconds between two measurements of the folder, which are slower than those of the processes.
DISK_INTERVAL_S = 2.0

#: The units of `2h`, in seconds, and of `8GB`, in bytes.
SECONDS = {"s": 1, "m": 60, "h": 3600}
BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}

#: The message for each limit that was exceeded; `{}` is the limit.
EXCEEDED = {
    "time": "it took longer than {}",
    "memory": "it took more than {} of memory",
    "processes": "it ran more than {} processes at once",
    "log": "it printed more than {}",
    "disk": "it wrote more than {} into its folder",
}


def memory_of_machine() -> int:
    """Return the machine's memory in bytes."""
    if sys.platform != "win32":
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    import psutil  # slow to import

    return psutil.virtual_memory().total


class Allowance(Struct, frozen=True, kw_only=True):
    """Limits of one kind of work: `time` in seconds, others in bytes or counts; 0 is no limit."""

    time: float = 0
    memory: int = 0
    processes: int = 0
    log: int = 0
    disk: int = 0


class Limits(Struct, frozen=True, kw_only=True):
    """Limits of each kind of work; Pyodide uses at most 4 GiB of memory, and Node.js needs more."""

    build: Allowance = Allowance(
        time=7200,
        memory=int(0.9 * memory_of_machine()),
        processes=2000,
        log=10**9,
        disk=30 * 10**9,
    )
    smoke: Allowance = Allowance(time=120, memory=6 * 10**9, processes=100, log=10**8, disk=10**9)
    test: Allowance = Allowance(time=7200, memory=6 * 10**9, processes=100, log=10**9, disk=10**9)

    def with_settings(self, settings: Iterable[str]) -> Limits:
        """Return these limits with some changed, each given as `build.memory=8GB`."""
        limits = self
        for setting in settings:
            name, _, value = setting.partition("=")
            kind, _, what = name.partition(".")
            kind = "smoke" if kind == "import" else kind
            if kind not in KINDS or what not in EXCEEDED:
                raise UsageError(
                    f"Unknown limit {name!r}.",
                    f"The limits are {', '.join(EXCEEDED)}, each for {', '.join(KINDS)}.",
                    "Write it as `build.time=2h` or `import.memory=8GB`; 0 means no limit.",
                    code="limit.unknown",
                )
            allowance = replace(getattr(limits, kind), **{what: _number(what, value)})
            limits = replace(limits, **{kind: allowance})
        return limits

    @property
    def settings(self) -> list[str]:
        """Return all limits, as `with_settings` accepts them."""
        return [
            f"{kind}.{what}={value}"
            for kind in KINDS
            for what, value in structs.asdict(getattr(self, kind)).items()
        ]


#: The default limits.
DEFAULT = Limits()

#: The kinds of work.
KINDS = Limits.__struct_fields__


def _number(what: str, text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Za-z]*)", text)
    units = {"": 1, **_units(what)}
    if not found or found[2] not in units:
        known = ", ".join(f"2{unit}" for unit in units if unit)
        raise UsageError(
            f"Invalid limit for {what}: {text!r}.",
            f"It must be a number{f', optionally with a unit: {known}' if known else ''}.",
            "Write it as `build.time=2h` or `import.memory=8GB`; 0 means no limit.",
            code="limit.invalid",
        )
    value = float(found[1]) * units[found[2]]
    return value if what == "time" else int(value)


def _units(what: str) -> dict[str, int]:
    return SECONDS if what == "time" else {} if what == "processes" else BYTES


def _format(what: str, value: float) -> str:
    """Return the value of a limit with its unit."""
    units = _units(what) or {"": 1}
    fitting = [each for each in units if units[each] <= value]
    unit = max(fitting, key=units.__getitem__, default=next(iter(units)))
    return f"{round(value / units[unit], 1):g} {unit}".strip()


class ResourceMonitor:
    """A monitor of a piece of work, which may be several commands, against its limits.

    The work writes to `folder`. In the error, `subject` names it, and `advice` is a remedy other
    than a higher limit.
    """

    def __init__(
        self, kind: str, limits: Limits, folder: Path, subject: str, advice: str = ""
    ) -> None:
        self._kind = kind
        self._allowance: Allowance = getattr(limits, kind)
        self._folder = folder
        self._subject = subject
        self._advice = advice
        self._begin = time.monotonic()
        self._disk_measured = 0.0
        self._printed = 0
        self.exceeded: LimitError | None = None

    def on_output(self, line: str) -> None:
        """Count a line of output."""
        self._printed += len(line) + 1
        self._check("log", lambda: self._printed)

    def sample(self, running: Collection[Process]) -> None:
        """Measure the running processes and, less often, the folder."""
        from . import process_tree  # psutil is slow to import

        now = time.monotonic()
        self._check("time", lambda: now - self._begin)
        self._check("memory", lambda: process_tree.memory(running))
        self._check("processes", lambda: len(running))
        if now - self._disk_measured > DISK_INTERVAL_S:
            self._disk_measured = now
            unnamed = process_tree.unnamed_bytes(running)
            self._check("disk", lambda: disk_usage(self._folder, allocated=True)[0] + unnamed)

    def _check(self, what: str, used: Callable[[], float]) -> None:
        limit = getattr(self._allowance, what)
        if limit and not self.exceeded and used() > limit:
            self.exceeded = self._error(what, limit)

    def _error(self, what: str, limit: float) -> LimitError:
        return _exceeded(f"{self._kind}.{what}", limit, self._subject, self._advice)


def _exceeded(name: str, limit: float, subject: str, advice: str = "") -> LimitError:
    """Return the error of a subject that exceeded the limit of a name, such as `build.time`."""
    what = name.partition(".")[2]
    more = _format(what, 2 * limit).replace(" ", "")
    return LimitError(
        f"{subject} was stopped: {EXCEEDED[what].format(_format(what, limit))}.",
        f"The limit {name} applies to it and to all processes that it starts.",
        f"{advice} Raise the limit with `--limit {name}={more}`, or permanently with "
        f"`c.Wasmwheel.limits = ['{name}={more}']` in jupyter_wasmwheel_config.py.".strip(),
        code="limit.exceeded",
    )


@contextmanager
def time_limit(kind: str, limits: Limits, subject: str) -> Iterator[None]:
    """Stop the work in a `with` block, our own code included, when it exceeds its limit of time.

    The main thread is interrupted as by Ctrl+C, which ends the commands that it runs. In another
    thread, there is no limit.
    """
    seconds = getattr(limits, kind).time
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    over = threading.Event()
    try:
        with _interrupted_after(seconds, over):
            yield
    except KeyboardInterrupt:
        if over.is_set():
            raise _exceeded(f"{kind}.time", seconds, subject) from None
        raise


@contextmanager
def _interrupted_after(seconds: float, over: threading.Event) -> Iterator[None]:
    """Set an event, and raise a KeyboardInterrupt in the main thread, after some time."""
    if sys.platform == "win32":

        def interrupt_main() -> None:
            over.set()
            _thread.interrupt_main()

        timer = threading.Timer(seconds, interrupt_main)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        return

    def interrupt(*_: object) -> None:
        over.set()
        raise KeyboardInterrupt

    # Unlike a thread, a signal reaches code that holds Python's lock, such as a regular expression.
    handler = signal.signal(signal.SIGALRM, interrupt)
    timer_before = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer_before)
        signal.signal(signal.SIGALRM, handler)


def disk_usage(folder: Path, *, allocated: bool = False) -> tuple[int, int]:
    """Return the number of bytes and of entries in a folder; skip what vanishes meanwhile.

    With `allocated`, what the system reserves for a file counts if that is more than its size.
    """
    from .process_tree import BLOCK_BYTES  # psutil is slow to import

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
                        status = entry.stat(follow_symlinks=False)
                        reserved = getattr(status, "st_blocks", 0) * BLOCK_BYTES
                        size += max(status.st_size, reserved if allocated else 0)
        except OSError as error:
            if allocated and error.errno == errno.ENAMETOOLONG:
                return sys.maxsize, count  # what is this deep is hidden on purpose
    return size, count
