"""The context of a run: state, progress, the package index and limits."""

from __future__ import annotations

from msgspec import Struct, field

from ..api.events import Emitter
from ..index import Index
from ..process.limits import DEFAULT, Limits
from ..store import Store


class RunContext(Struct, frozen=True, kw_only=True):
    """The store, the emitter, the user's package index, and what code that is run can use."""

    store: Store
    emit: Emitter
    index: Index = field(default_factory=Index)
    limits: Limits = DEFAULT
    allow_network: bool = False

    @property
    def offline(self) -> bool:
        """Return whether the network is not used."""
        return self.index.offline
