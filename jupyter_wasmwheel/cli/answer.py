"""What a command works with, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.errors import WasmwheelError
from ..api.events import Emitter
from ..config import Downloads
from ..process.limits import Limits
from ..store import Store


@dataclass(frozen=True, kw_only=True)
class Session:
    """What every command gets: where state lives, whom to tell, and what the settings say."""

    store: Store
    emit: Emitter
    downloads: Downloads
    proxy: Mapping[str, Sequence[str]]
    limits: Limits
    build_variables: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command came to: a document for a program, a text for a person, an exit status.

    Where it is an error as well, that is told after it, and its exit status is the one that counts.
    """

    document: dict[str, Any]
    text: str
    status: int = 0
    error: WasmwheelError | None = None


def answer(
    text: str, fields: Mapping[str, Any], status: int = 0, error: WasmwheelError | None = None
) -> Answer:
    """An answer whose document has the schema's number before its fields."""
    return Answer(document={"schema": 1, **fields}, text=text, status=status, error=error)


def size(count: int) -> str:
    """A number of bytes as a person says it."""
    if count < 1000:
        return f"{count} bytes"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"


def duration(seconds: float) -> str:
    """A time as a person says it: 9 ms, 1.3 s, 24 s, 2:05 min."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"
