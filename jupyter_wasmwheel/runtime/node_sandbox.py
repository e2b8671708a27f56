"""Node.js that runs a package's code: it reads what it has to, and that is all that it may do.

That holds back mistakes, not malice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .node import Node

#: The variables that Node.js itself may need to start; the rest is none of the package's business.
PASSED_ON = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def environment() -> dict[str, str]:
    """The variables that Node.js is started with."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def command(node: Node, readable: Sequence[Path], script: Path, request: Path) -> list[str | Path]:
    """Node.js with its permission model on: it reads these files and folders, and that is all.

    It starts no process and writes no file; from release 25 on it has no network either.
    """
    newer = int(node.version.partition(".")[0]) >= 24
    permission = "--permission" if newer else "--experimental-permission"
    allowed = [f"--allow-fs-read={path.resolve()}" for path in readable]
    return [node.program, "--no-warnings", permission, *allowed, script.resolve(), request]
