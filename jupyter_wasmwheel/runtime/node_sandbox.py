"""The sandbox of Node.js, for Pyodide and a package's code: only named files can be reached.

The permissions of Node.js prevent mistakes, not malice. On Linux, it is confined as well.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from ..process import confine
from ..process.confine import Confinement
from ..process.run import Command, run
from .node import Node

#: The variables that Node.js itself can require; the package's code gets no others.
ENVIRONMENT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

#: How many lines of a script's output are kept, and how much of each: Node.js can quote 1 MB.
MAX_LINES, MAX_LINE_CHARS = 100, 300


def environment() -> dict[str, str]:
    """Return the environment of Node.js."""
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}


def command(node: Node, words: Sequence[str | Path], cwd: Path, allowed: Confinement) -> Command:
    """Return the command that runs a script in Node.js with permission only for what is allowed.

    It cannot start a process. It has no network unless that is allowed where bubblewrap confines
    it, and otherwise since release 25.
    """
    newer = int(node.version.partition(".")[0]) >= 24
    permission = "--permission" if newer else "--experimental-permission"
    readable = [f"--allow-fs-read={path.resolve()}" for path in allowed.readable]
    writable = [f"--allow-fs-write={path.resolve()}" for path in allowed.writable]
    env = environment()
    confinement = None
    if confine.method():
        named = [Path(word) for value in env.values() for word in value.split(os.pathsep) if word]
        seen = (*allowed.readable, *installation(node), *named)
        confinement = replace(allowed, readable=seen)
    return Command(
        words=[node.program, "--no-warnings", permission, *readable, *writable, *words],
        cwd=cwd,
        env=env,
        confinement=confinement,
    )


def run_script(
    node: Node, words: Sequence[str | Path], cwd: Path, allowed: Confinement
) -> tuple[int, list[str]]:
    """Run one of our scripts in the sandbox; return its exit status and its last output."""
    lines: deque[str] = deque(maxlen=MAX_LINES)
    status = run(
        command(node, words, cwd, allowed),
        on_line=lambda _, line: lines.append(line[:MAX_LINE_CHARS]),
        supervise=True,
    )
    return status, list(lines)


def installation(node: Node) -> Iterator[Path]:
    """Yield the files and folders of Node.js itself, with its libraries where it has its own."""
    yield node.program
    root = node.program.resolve().parents[1]
    if node.origin == "PyPI" or (root / "conda-meta").is_dir():
        yield root
