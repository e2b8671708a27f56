"""The cache of check results, keyed by a wheel's bytes and all that it was checked with.

The same bytes, with the same packages, import in the same way in the same runtime, so a wheel whose
result is cached is not imported again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec

from .. import __version__
from ..api.report import Audit, Smoke
from ..runtime.context import RunContext
from ..runtime.engine import Engine
from ..runtime.packages import Candidate
from ..store import read_file
from ..wheel import Wheel
from .dependencies import Resolution

#: The version of the checks; another one repeats them for every wheel.
CHECKS_VERSION = "3"

#: The folder of the entries in a store, and the file in an entry.
FOLDER, FILE = "proofs", "proof.json"


class CachedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The audit and the import of a wheel."""

    audit: Audit
    smoke: Smoke


def key(wheel: Wheel, engine: Engine, needed: Resolution) -> str:
    """Return the store entry of a wheel in a runtime, with the packages it is imported with."""
    given = [
        __version__,
        CHECKS_VERSION,
        wheel.sha256,
        wheel.path.name,
        engine.runtime.key,
        engine.node.version,
        sorted((name, _hash(each)) for name, each in needed.candidates.items()),
    ]
    return f"{FOLDER}/{hashlib.sha256(json.dumps(given).encode()).hexdigest()[:32]}"


def _hash(candidate: Candidate) -> str | None:
    """Return the hash of a package's file, None if it could not be downloaded."""
    path = candidate.path
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else None


def find(key: str, context: RunContext) -> CachedCheck | None:
    """Return the cached result, or None if it is missing or damaged."""
    folder = context.store.find(key)
    if folder is None:
        return None
    try:
        return msgspec.json.decode(read_file(folder / FILE), type=CachedCheck)
    except (OSError, ValueError, RecursionError):
        return None


def keep(key: str, check: CachedCheck, context: RunContext) -> None:
    """Cache the result of a check; replace a damaged entry."""

    def fill(folder: Path) -> None:
        (folder / FILE).write_bytes(msgspec.json.encode(check))

    if context.store.find(key) and find(key, context) is None:
        context.store.remove(key, context.emit)
    context.store.install(key, fill, context.emit)
