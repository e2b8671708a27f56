"""The sandbox of Node.js for a package's code, which can only read the files that it requires.

It prevents mistakes, not malice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .node import Node

#: The variables that Node.js itself can require; the package's code gets no others.
ENVIRONMENT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def environment() -> dict[str, str]:
    """Return the environment of Node.js."""
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}


def command(node: Node, readable: Sequence[Path], script: Path, request: Path) -> list[str | Path]:
    """Return the command that runs Node.js with permission only to read files and folders.

    It cannot start a process or write a file. Since release 25 it has no network either.
    """
    newer = int(node.version.partition(".")[0]) >= 24
    permission = "--permission" if newer else "--experimental-permission"
    allowed = [f"--allow-fs-read={path.resolve()}" for path in readable]
    return [node.program, "--no-warnings", permission, *allowed, script.resolve(), request]
