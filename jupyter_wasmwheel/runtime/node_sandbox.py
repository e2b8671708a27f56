"""The sandbox of Node.js for a package's code, which can only read the files that it requires.

The permissions of Node.js prevent mistakes, not malice. On Linux, it is confined as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..process import confine
from ..process.confine import Confinement
from ..process.run import Command
from .node import Node

#: The variables that Node.js itself can require; the package's code gets no others.
ENVIRONMENT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def environment() -> dict[str, str]:
    """Return the environment of Node.js."""
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}


def command(
    node: Node,
    readable: Sequence[Path],
    script: Path,
    request: Path,
    *,
    allow_network: bool = False,
) -> Command:
    """Return the command that runs Node.js with permission only to read files and folders.

    It cannot start a process or write a file. It has no network unless that is allowed where
    bubblewrap confines it, and otherwise since release 25.
    """
    newer = int(node.version.partition(".")[0]) >= 24
    permission = "--permission" if newer else "--experimental-permission"
    allowed = [f"--allow-fs-read={path.resolve()}" for path in readable]
    words: list[str | Path] = [
        node.program,
        "--no-warnings",
        permission,
        *allowed,
        script.resolve(),
        request,
    ]
    env = environment()
    confinement = None
    if confine.method():
        named = [Path(word) for value in env.values() for word in value.split(os.pathsep) if word]
        seen = (*readable, script, *installation(node), *named)
        confinement = Confinement(readable=tuple(seen), network=allow_network)
    return Command(words=words, cwd=request.parent, env=env, confinement=confinement)


def installation(node: Node) -> Iterator[Path]:
    """Yield the files and folders of Node.js itself, with its libraries where it has its own."""
    yield node.program
    root = node.program.resolve().parents[1]
    if node.origin == "PyPI" or (root / "conda-meta").is_dir():
        yield root
