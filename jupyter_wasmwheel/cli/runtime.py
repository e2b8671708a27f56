"""The runtime that a command checks wheels in."""

from __future__ import annotations

from ..runtime import node as nodes
from ..runtime import pyodide
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..runtime.targets import Target
from .result import CliContext


def prepare(target: Target, context: CliContext) -> tuple[Runtime, Node]:
    """Return a target's Pyodide and the Node.js that runs it, installed where they are missing."""
    node = nodes.get(context.store, context.emit)
    return pyodide.get(target, node, context.store, context.emit), node
