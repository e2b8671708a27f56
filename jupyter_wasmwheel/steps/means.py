"""What every step works with."""

from __future__ import annotations

from dataclasses import dataclass

from ..api.events import Emitter, Phases
from ..index import Index
from ..process.limits import DEFAULT, Limits
from ..store import Store
from ..wheel import Wheel


@dataclass(frozen=True, kw_only=True)
class Means:
    """What every step works with: where state lives, whom to tell, and whom to ask.

    `building` names the package and those that it is built along for, outermost first; `beside` are
    the wheels that were built along already.
    """

    store: Store
    emit: Emitter
    phases: Phases
    index: Index
    offline: bool = False
    limits: Limits = DEFAULT
    building: tuple[str, ...] = ()
    beside: tuple[Wheel, ...] = ()
