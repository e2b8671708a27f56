"""Another project's installer: how far it is, and an end to it where nothing comes any more.

rustup, git and emsdk each say something else while they download and unpack, and not all of them
give up on a server that is silent. What they all do is to write into the folder that they are
given: how much is in it is the progress, and that nothing is added for too long is the end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..api.events import Emitter, Log, Progress
from ..process.limits import disk_usage
from ..process.run import Command, Stream, run
from ..runtime.targets import Target, default_abi

#: Seconds between two looks at how much there is.
SAMPLE_INTERVAL_S = 1.0

#: How rustup, git and emsdk begin to say what went wrong.
_FAILURE = re.compile(r"^(error|fatal)\b|panicked at", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class InstallResult:
    """What an installer came to: its exit status and all that it said, or that it stood still."""

    status: int
    said: tuple[str, ...]
    silent_for: float | None

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked to do."""
        return self.status == 0 and self.silent_for is None

    @property
    def reason(self) -> str:
        """Why it did not."""
        if self.silent_for is not None:
            last = self.said[-1] if self.said else "nothing"
            return (
                f"Nothing came for {self.silent_for:.0f} s, so it was stopped; the last that it "
                f"said was: {last}"
            )
        failed = [number for number, line in enumerate(self.said) if _FAILURE.search(line)]
        told = self.said[failed[0] :] if failed else self.said[-3:]
        return "; ".join(told[:3]) or f"It ended with status {self.status}."


@dataclass(frozen=True, kw_only=True)
class Step:
    """What an installer does now, and how many bytes that will write, where it says so."""

    text: str
    size: int | None = None


class _InstallMonitor:
    """Hears what an installer says, and looks how much it has put into a folder."""

    def __init__(
        self, folder: Path, step: Callable[[str], Step | None], emit: Emitter, timeout: float
    ) -> None:
        self._folder = folder
        self._read_step = step
        self._emit = emit
        self._timeout = timeout
        self._there = self._before = (0, 0)
        self._step = Step(text="")
        self._looked = self._changed = time.monotonic()
        self.said: list[str] = []
        self.silent = False

    def on_output(self, stream: Stream, line: str) -> None:
        """Take a line of its output."""
        line = line.strip()
        if not line:
            return
        self._changed = time.monotonic()
        self.said.append(line)
        self._emit(Log(stream=stream, text=line))
        if begun := self._read_step(line):
            self._step = begun
            self._before = self._there = disk_usage(self._folder)
            self._tell()

    def is_stalled(self) -> bool:
        """Whether nothing was said or written for too long; tells how much there is meanwhile."""
        now = time.monotonic()
        if now - self._looked >= SAMPLE_INTERVAL_S:
            self._looked = now
            there = disk_usage(self._folder)
            if there != self._there:
                self._there, self._changed = there, now
                self._tell()
            self.silent = now - self._changed > self._timeout
        return self.silent

    def _tell(self) -> None:
        written = max(0, self._there[0] - self._before[0]) // 1_000_000
        total, label = self._step.size, self._step.text
        if total is None and written:
            label += f", {written} MB so far"
        total = None if total is None else max(1, total // 1_000_000)
        self._emit(Progress(done=written, total=total, unit="MB", label=label))


def run_installer(
    command: Sequence[str | Path],
    *,
    folder: Path,
    env: Mapping[str, str],
    step: Callable[[str], Step | None],
    emit: Emitter,
    timeout: float,
) -> InstallResult:
    """Run an installer that writes into a folder, in which it is also started.

    `step` reads out of a line of its output what it does now, None where the line does not tell;
    `timeout` is how many seconds it may neither say nor write anything.
    """
    watch = _InstallMonitor(folder, step, emit, timeout)
    status = run(
        Command(words=command, cwd=folder, env=env),
        on_line=watch.on_output,
        stop_when=watch.is_stalled,
        supervise=True,
    )
    return InstallResult(
        status=status,
        said=tuple(watch.said),
        silent_for=timeout if watch.silent else None,
    )


def command_for(target: Target, *extras: str) -> str:
    """The command that installs what a target needs, or extras for it, as a person types it."""
    words = ["jupyter wasmwheel doctor --fix", *extras]
    if target.abi != default_abi():
        words.append(f"--target {target.abi}")
    return f"`{' '.join(words)}`"
