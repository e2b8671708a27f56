"""A finding of a check of a wheel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "problem", "unknown"]


@dataclass(frozen=True, kw_only=True)
class WheelFinding:
    """The result of a check; `fix` is empty if there is nothing to do."""

    check: str
    state: State
    text: str
    fix: str = ""
