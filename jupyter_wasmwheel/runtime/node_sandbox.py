"""The sandbox in which Node.js runs a package's code: it can only read the files that it needs.

It prevents mistakes, not malice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .node import Node

#: The variables that Node.js itself can need to start; no other one reaches the package's code.
ENVIRONMENT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def environment() -> dict[str, str]:
    """Return the environment of Node.js."""
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}


def command(node: Node, readable: Sequence[Path], script: Path, request: Path) -> list[str | Path]:
    """Return the command that runs Node.js with permission to read these files and folders only.

    It cannot start a process or write a file; since release 25 it has no network either.
    """
    newer = int(node.version.partition(".")[0]) >= 24
    permission = "--permission" if newer else "--experimental-permission"
    allowed = [f"--allow-fs-read={path.resolve()}" for path in readable]
    return [node.program, "--no-warnings", permission, *allowed, script.resolve(), request]
