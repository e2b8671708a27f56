"""A runtime's memory after its start, kept so that it need not start again, and what it provides.

Pyodide makes and loads such snapshots with `_makeSnapshot`, `makeMemorySnapshot` and
`_loadSnapshot`, which its documentation does not name: so each one is tried before it is kept, and
whoever uses one can start plainly instead.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..api.errors import ToolchainError
from ..api.events import Emitter, note
from ..store import Store
from .node import Node
from .pyodide import Runtime

#: The scripts that run in Node.js. They are part of a snapshot's key: it must be resumed the way
#: it was made.
START = Path(__file__).with_name("start.mjs")
MAKE = Path(__file__).with_name("snapshot.mjs")


@dataclass(frozen=True)
class Snapshot:
    """What is known of a runtime after it has been started once."""

    folder: Path

    @property
    def memory(self) -> Path | None:
        """The file of its memory, or None where it can only be started plainly."""
        path = self.folder / "memory.bin"
        return path if path.exists() else None

    @cached_property
    def provided(self) -> frozenset[str]:
        """The names of all symbols that a side module may import."""
        return frozenset(self._facts["symbols"])

    @cached_property
    def extension_suffixes(self) -> tuple[str, ...]:
        """The endings of file names that its Python takes for extension modules."""
        return tuple(self._facts["extension_suffixes"])

    @cached_property
    def _facts(self) -> dict[str, list[str]]:
        text = (self.folder / "provided.json").read_text(encoding="utf-8")
        facts: dict[str, list[str]] = json.loads(text)
        return facts


def ensure_snapshot(runtime: Runtime, node: Node, store: Store, emit: Emitter) -> Snapshot:
    """The snapshot of a runtime, made once; a ToolchainError where the runtime does not start."""
    scripts = hashlib.sha256(START.read_bytes() + MAKE.read_bytes()).hexdigest()[:12]

    def fill(folder: Path) -> None:
        note(emit, f"Making a memory snapshot of Pyodide {runtime.version}, once.")
        done = node.run(MAKE, runtime.folder, folder)
        if done.returncode or not (folder / "provided.json").exists():
            raise ToolchainError(
                f"Pyodide {runtime.version} does not start in Node.js {node.version}.",
                last_line(done.stderr),
                "Put another Node.js first on PATH (20 or newer), or remove the folder "
                f"{runtime.folder} to fetch Pyodide again.",
                code="pyodide.start-failed",
            )
        if not (folder / "memory.bin").exists():
            note(emit, f"No memory snapshot can be made, so it starts plainly: {done.stdout[:300]}")

    return Snapshot(
        store.install(f"snapshots/{runtime.key()}-{node.version}-{scripts}", fill, emit)
    )


def last_line(stderr: str) -> str:
    """The line of Node's output that names the error; the source that it quotes may be 1 MB."""
    lines = [line.strip()[:300] for line in stderr.splitlines() if "Error" in line[:300]]
    return lines[-1] if lines else stderr.strip()[-300:] or "Node.js gave no reason."
