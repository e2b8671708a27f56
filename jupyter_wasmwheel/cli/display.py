"""Show a run: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from ..api.events import Diagnostic, Event, Log, Phase, Progress
from .format import duration, phase

#: The time between two lines of progress without a terminal.
PROGRESS_INTERVAL_S = 5.0

#: The number of lines of a tool's output that are shown when it fails without a diagnostic.
TAIL_LINES = 15


class Display:
    """An emitter that shows events on stderr, and a context manager for its live line."""

    def __init__(self, *, verbose: bool) -> None:
        self._console = Console(file=sys.stderr, highlight=False, emoji=False, soft_wrap=True)
        self._verbose = verbose
        self._status: Status | None = None
        self._phase = ""
        self._begin = self._shown = time.monotonic()
        self._tail: list[str] = []
        self._diagnosed = False

    def __enter__(self) -> Display:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._stop()
        if kind and issubclass(kind, Exception) and not self._verbose and not self._diagnosed:
            for line in self._tail[-TAIL_LINES:]:
                self._console.print(f"  [dim]{escape(line)}[/dim]")

    def __call__(self, event: Event) -> None:
        if isinstance(event, Phase):
            self._on_phase(event)
        elif isinstance(event, Progress):
            self._on_progress(event)
        elif isinstance(event, Diagnostic):
            self._diagnosed = self._diagnosed or event.level.startswith("error")
            self._console.print(escape(event.rendered.rstrip()))
        elif isinstance(event, Log):
            self._on_log(event)

    def _on_phase(self, event: Phase) -> None:
        if event.state == "started":
            self._phase, self._begin, self._tail = phase(event.name), time.monotonic(), []
            self._show("")
            return
        self._stop()
        now = time.monotonic()
        seconds = duration(now - self._begin)
        self._phase, self._begin = "", now
        mark = "[green]✓[/green]" if event.state == "done" else "[red]✗[/red]"
        self._console.print(f"{mark} {phase(event.name):<10} {seconds:>8}")

    def _on_progress(self, event: Progress) -> None:
        count = f"{event.done}/{event.total} {event.unit} " if event.total else ""
        self._show(f"{count}{event.label}")

    def _on_log(self, event: Log) -> None:
        if event.stream == "note":
            self._console.print(f"  [dim]{escape(event.text)}[/dim]")
            return
        self._tail = [*self._tail[-99:], event.text]
        if self._verbose:
            self._console.print(f"  {escape(event.text)}")

    def _show(self, text: str) -> None:
        """Show a text after the running phase; without a terminal, only from time to time."""
        now = time.monotonic()
        elapsed = f"{int(now - self._begin) // 60}:{int(now - self._begin) % 60:02d}"
        line = "  ".join(filter(None, (self._phase, escape(text[:60]), elapsed)))
        if self._console.is_terminal:
            if self._status is None:
                self._status = self._console.status(line)
                self._status.start()
            self._status.update(line)
        elif text and now - self._shown >= PROGRESS_INTERVAL_S:
            self._shown = now
            self._console.print(f"  {line}")

    def _stop(self) -> None:
        if self._status:
            self._status.stop()
            self._status = None
