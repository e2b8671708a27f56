"""A finding of a check of a wheel."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal["ok", "problem", "unknown"]


class WheelFinding(Struct, frozen=True, kw_only=True):
    """The result of a check; `fix` is empty if there is nothing to do."""

    check: str
    state: State
    text: str
    fix: str = ""
