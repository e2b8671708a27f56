"""An engine to start Pyodide: a runtime, its memory snapshot and Node.js."""

from __future__ import annotations

from msgspec import Struct

from . import node, pyodide, snapshot
from .context import RunContext
from .node import Node
from .pyodide import Runtime
from .snapshot import Snapshot
from .targets import Target


class Engine(Struct, frozen=True, kw_only=True):
    """A runtime with what is required to start it."""

    runtime: Runtime
    node: Node
    snapshot: Snapshot

    @property
    def label(self) -> str:
        """Return its versions, for messages."""
        return f"Pyodide {self.runtime.version} in Node.js {self.node.version}"


def prepare(target: Target, context: RunContext) -> Engine:
    """Return the engine of a target; install missing parts."""
    found = node.ensure_node(context.store, context.emit, offline=context.offline)
    runtime = pyodide.ensure_runtime(
        target, found, context.store, context.emit, offline=context.offline
    )
    return with_runtime(runtime, found, context)


def with_runtime(runtime: Runtime, node: Node, context: RunContext) -> Engine:
    """Return the engine of an installed runtime; make its snapshot if it is missing."""
    known = snapshot.ensure_snapshot(runtime, node, context.store, context.emit)
    return Engine(runtime=runtime, node=node, snapshot=known)
