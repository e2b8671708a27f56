"""What a check of a wheel came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "problem", "unknown"]


@dataclass(frozen=True, kw_only=True)
class WheelFinding:
    """What a check came to; `fix` is empty where there is nothing to do."""

    check: str
    state: State
    text: str
    fix: str = ""
