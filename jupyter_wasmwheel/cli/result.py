"""What a command works with, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.errors import WasmwheelError
from ..api.events import Emitter
from ..api.report import SCHEMA
from ..config import Downloads
from ..process.limits import Limits
from ..runtime.context import RunContext
from ..store import Store


@dataclass(frozen=True, kw_only=True)
class CliContext:
    """What every command works with: the store, an emitter of events, and the settings."""

    store: Store
    emit: Emitter
    downloads: Downloads
    proxy: Mapping[str, Sequence[str]]
    limits: Limits
    build_variables: tuple[str, ...] = ()

    @property
    def run(self) -> RunContext:
        """The context of a run in this process."""
        return RunContext(store=self.store, emit=self.emit, limits=self.limits)


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The result of a command: a document for programs, a text for people, an exit status.

    An error is shown after either of them, and its exit status takes precedence.
    """

    document: dict[str, Any]
    text: str
    status: int = 0
    error: WasmwheelError | None = None


def result(text: str, fields: Mapping[str, Any], status: int = 0) -> CommandResult:
    """Return a result whose document has the version of the format before its fields."""
    return CommandResult(document={"schema": SCHEMA, **fields}, text=text, status=status)
