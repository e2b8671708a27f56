"""The context and the result of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from ..jobs.execute import ExecutionContext, Outcome, document
from ..runtime.context import RunContext


class CliContext(ExecutionContext, frozen=True, kw_only=True):
    """The context of a command: that of a request, and the hosts that sites may read from."""

    proxy: Mapping[str, Sequence[str]]

    @property
    def run_context(self) -> RunContext:
        """Return the context for checks and engines in this process."""
        return RunContext(store=self.store, emit=self.emit, limits=self.limits)


class CommandResult(Outcome, frozen=True, kw_only=True):
    """The outcome of a command, and its text for people."""

    text: str


def result(text: str, fields: Mapping[str, Any], status: int = 0) -> CommandResult:
    """Return a result with the fields of its document."""
    return CommandResult(document=document(fields), text=text, status=status)


def with_text(outcome: Outcome, text: str) -> CommandResult:
    """Return an outcome as a result with a text for people."""
    return CommandResult(**structs.asdict(outcome), text=text)
