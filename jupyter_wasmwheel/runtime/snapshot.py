"""Snapshots of a runtime's memory after its start, for faster starts, and what a runtime provides.

Pyodide's `_makeSnapshot`, `makeMemorySnapshot` and `_loadSnapshot` are not documented. So each
snapshot is tried before it is kept, and users of one can start without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec import Struct

from ..api.errors import ToolchainError
from ..api.events import Emitter, note
from ..process.confine import Confinement
from ..store import Store, read_file
from . import node_sandbox
from .node import Node
from .pyodide import Runtime

#: The scripts that run in Node.js, which are part of a snapshot's key.
START = Path(__file__).with_name("start.mjs")
MAKE = Path(__file__).with_name("snapshot.mjs")


#: The file of a snapshot that says what the runtime provides.
PROVIDED = "provided.json"


class _Provided(Struct, frozen=True):
    """What a runtime provides: symbols, and the endings of extension modules."""

    symbols: tuple[str, ...]
    extension_suffixes: tuple[str, ...]


class Snapshot(Struct, frozen=True, dict=True):
    """A runtime's memory after its start, and what it provides."""

    folder: Path

    @property
    def memory(self) -> Path | None:
        """Return the file of its memory, or None if the runtime supports no snapshot."""
        path = self.folder / "memory.bin"
        return path if path.exists() else None

    @cached_property
    def provided(self) -> frozenset[str]:
        """Return the names of all symbols that a side module can import."""
        return frozenset(self._provided.symbols)

    @cached_property
    def extension_suffixes(self) -> tuple[str, ...]:
        """Return the endings of the file names of extension modules."""
        return self._provided.extension_suffixes

    @property
    def is_damaged(self) -> bool:
        """Return whether it does not say what the runtime provides."""
        try:
            return not self._provided.symbols
        except (OSError, ValueError, RecursionError):
            return True

    @cached_property
    def _provided(self) -> _Provided:
        return msgspec.json.decode(read_file(self.folder / PROVIDED), type=_Provided)


def ensure_snapshot(runtime: Runtime, node: Node, store: Store, emit: Emitter) -> Snapshot:
    """Return the snapshot of a runtime, made on the first call."""
    scripts = hashlib.sha256(START.read_bytes() + MAKE.read_bytes()).hexdigest()[:12]

    def fill(folder: Path) -> None:
        note(emit, f"Making a memory snapshot of Pyodide {runtime.version}, once.")
        source, out = runtime.folder.resolve(), folder.resolve()
        allowed = Confinement(readable=(*runtime.files, START, MAKE, out), writable=(out,))
        words = [MAKE.resolve(), source, out]
        status, lines = node_sandbox.run_script(node, words, out, allowed)
        if status or not (folder / PROVIDED).exists():
            raise ToolchainError(
                f"Pyodide {runtime.version} does not start in Node.js {node.version}.",
                last_line(lines),
                "Put another Node.js (20 or newer) first on PATH, or remove the folder "
                f"{runtime.folder} to fetch Pyodide again.",
                code="pyodide.start-failed",
            )
        if not (folder / "memory.bin").exists():
            note(emit, f"Could not make a memory snapshot: {last_line(lines)}")

    key = f"snapshots/{runtime.key}-{node.version}-{scripts}"
    snapshot = Snapshot(store.install(key, fill, emit))
    if snapshot.is_damaged:
        store.remove(key, emit)
        snapshot = Snapshot(store.install(key, fill, emit))
    if snapshot.is_damaged:  # it is in a store that is not written to
        raise ToolchainError(
            "The memory snapshot of Pyodide is damaged.",
            f"{snapshot.folder / PROVIDED} is invalid.",
            "Remove its folder, or ask the administrator of that store to.",
            code="pyodide.damaged-snapshot",
        )
    return snapshot


def last_line(lines: Sequence[str]) -> str:
    """Return the last line of Node.js's output with an error, or the last one."""
    errors = [line.strip() for line in lines if "Error" in line]
    return (errors or [line.strip() for line in lines] or [""])[-1] or "Node.js gave no reason."
