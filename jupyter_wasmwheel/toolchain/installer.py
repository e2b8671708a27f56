"""Installers of other projects (rustup, git, emsdk): run one, show progress, stop it if it stalls.

Each prints something else while it downloads and unpacks, and not all give up on a silent server.
But all write to a given folder: its size is the progress, and an installer that neither prints nor
writes for too long is stopped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ..api.events import Emitter, Log, Progress
from ..process.limits import disk_usage
from ..process.run import Command, Stream, run
from ..runtime.targets import Target, default_abi

#: Seconds between two measurements of the folder.
SAMPLE_INTERVAL_S = 1.0

#: The start of an error message of rustup, git or emsdk.
_FAILURE = re.compile(r"^(error|fatal)\b|panicked at", re.IGNORECASE)


class InstallResult(Struct, frozen=True, kw_only=True):
    """The exit status and the output of an installer, and its timeout if it stalled."""

    status: int
    output: tuple[str, ...]
    stalled_for: float | None

    @property
    def ok(self) -> bool:
        """Return whether it succeeded."""
        return self.status == 0 and self.stalled_for is None

    @property
    def reason(self) -> str:
        """Return the reason of its failure."""
        if self.stalled_for is not None:
            last = self.output[-1] if self.output else "none"
            return (
                f"It was stopped because it did nothing for {self.stalled_for:.0f} s. Its last "
                f"output: {last}"
            )
        failed = [number for number, line in enumerate(self.output) if _FAILURE.search(line)]
        lines = self.output[failed[0] :] if failed else self.output[-3:]
        return "; ".join(lines[:3]) or f"It ended with status {self.status}."


class Step(Struct, frozen=True, kw_only=True):
    """A step of an installer, with the number of bytes that it writes where that is known."""

    text: str
    size: int | None = None


class _InstallMonitor:
    """A monitor of an installer's output, and of how much it writes to its folder."""

    def __init__(
        self, folder: Path, step: Callable[[str], Step | None], emit: Emitter, timeout: float
    ) -> None:
        self._folder = folder
        self._read_step = step
        self._emit = emit
        self._timeout = timeout
        self._usage = self._usage_before = (0, 0)
        self._step = Step(text="")
        self._sampled = self._changed = time.monotonic()
        self.output: list[str] = []
        self.stalled = False

    def on_output(self, stream: Stream, line: str) -> None:
        """Read a line of output."""
        line = line.strip()
        if not line:
            return
        self._changed = time.monotonic()
        self.output.append(line)
        self._emit(Log(stream=stream, text=line))
        if step := self._read_step(line):
            self._step = step
            self._usage_before = self._usage = disk_usage(self._folder)
            self._emit_progress()

    def is_stalled(self) -> bool:
        """Return whether nothing was printed or written for too long; emit progress."""
        now = time.monotonic()
        if now - self._sampled >= SAMPLE_INTERVAL_S:
            self._sampled = now
            usage = disk_usage(self._folder)
            if usage != self._usage:
                self._usage, self._changed = usage, now
                self._emit_progress()
            self.stalled = now - self._changed > self._timeout
        return self.stalled

    def _emit_progress(self) -> None:
        written = max(0, self._usage[0] - self._usage_before[0]) // 1_000_000
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
    """Run an installer in the folder that it writes to.

    `step` reads the step that a line of output starts, or returns None. The installer is stopped
    when it prints and writes nothing for `timeout` seconds.
    """
    monitor = _InstallMonitor(folder, step, emit, timeout)
    status = run(
        Command(words=command, cwd=folder, env=env),
        on_line=monitor.on_output,
        stop_when=monitor.is_stalled,
        supervise=True,
    )
    stalled_for = timeout if monitor.stalled else None
    return InstallResult(status=status, output=tuple(monitor.output), stalled_for=stalled_for)


def command_for(target: Target, *extras: str) -> str:
    """Return the command that installs what a target needs, or extras for it, in backticks."""
    words = ["jupyter wasmwheel doctor --fix", *extras]
    if target.abi != default_abi():
        words.append(f"--target {target.abi}")
    return f"`{' '.join(words)}`"
