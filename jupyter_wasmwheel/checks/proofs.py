"""What was proven of a wheel before: kept by its bytes, and by all that it was proven against.

The same bytes, with the same requirements, come to the same in the same runtime; so a wheel that
is found in the cache is not imported again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from .. import __version__
from ..api.events import Emitter
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..store import Store
from ..wheel import Wheel
from .audit import Audit
from .dependencies import Resolution
from .smoke import Smoke

#: The folder of the entries in a store, and the file in an entry.
FOLDER, FILE = "proofs", "proof.json"


def key(wheel: Wheel, runtime: Runtime, node: Node, needed: Resolution) -> str:
    """The entry for a wheel in a runtime, with what there is of its requirements."""
    given = [
        __version__,
        wheel.sha256,
        wheel.path.name,
        runtime.key(),
        node.version,
        [each.row() for each in needed.dependencies],
        sorted((name, offer.entry.sha256) for name, offer in needed.offers.items()),
    ]
    return f"{FOLDER}/{hashlib.sha256(json.dumps(given).encode()).hexdigest()[:32]}"


def find(key: str, store: Store) -> tuple[Audit, Smoke] | None:
    """The audit and the import that an entry holds, or None where there is no whole one."""
    folder = store.find(key)
    try:
        proof: dict[str, Any] = json.loads((folder / FILE).read_bytes()) if folder else {}
        names = {name: tuple(proof["audit"][name]) for name in ("missing", "unexpected")}
        return Audit(ok=proof["audit"]["ok"], **names), Smoke(**proof["smoke"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(key: str, audit: Audit, smoke: Smoke, store: Store, emit: Emitter) -> None:
    """Keep what was proven, in the place of an entry that is not whole."""
    proof = {"audit": dataclasses.asdict(audit), "smoke": dataclasses.asdict(smoke)}

    def fill(folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(proof), encoding="utf-8")

    if store.find(key) and find(key, store) is None:
        store.remove(key, emit)
    store.install(key, fill, emit)
