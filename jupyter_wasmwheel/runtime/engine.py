"""A Pyodide that can be started: the runtime, its memory snapshot, and the Node.js it runs in."""

from __future__ import annotations

from dataclasses import dataclass

from . import node, pyodide, snapshot
from .context import RunContext
from .node import Node
from .pyodide import Runtime
from .snapshot import Snapshot
from .targets import Target


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A runtime with all that a start of it takes."""

    runtime: Runtime
    node: Node
    snapshot: Snapshot

    @property
    def label(self) -> str:
        """Its versions, for a person."""
        return f"Pyodide {self.runtime.version} in Node.js {self.node.version}"


def prepare(target: Target, context: RunContext) -> Engine:
    """Return the engine of a target, with what is missing of it installed."""
    found = node.ensure_node(context.store, context.emit, offline=context.offline)
    runtime = pyodide.ensure_runtime(
        target, found, context.store, context.emit, offline=context.offline
    )
    return with_runtime(runtime, found, context)


def with_runtime(runtime: Runtime, node: Node, context: RunContext) -> Engine:
    """Return the engine of an installed runtime; its snapshot is made where it is missing."""
    known = snapshot.ensure_snapshot(runtime, node, context.store, context.emit)
    return Engine(runtime=runtime, node=node, snapshot=known)
