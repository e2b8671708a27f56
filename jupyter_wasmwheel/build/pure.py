"""A project without anything to compile: its plain wheel, by its own build backend."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from ..errors import CompileError
from ..events import Emitter, Log, note
from ..process import run
from ..project.copy import Copy
from ..project.manifest import Project


def build(project: Project, copy: Copy, work: Path, emit: Emitter) -> Path:
    """The wheel of a pure-Python project, built by pip from the private copy."""
    note(emit, f"{project.label} has nothing to compile; its plain wheel runs anywhere.")
    wheels = work / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    tail: list[str] = []

    def on_line(stream: str, line: str) -> None:
        tail.append(line)
        emit(Log(stream="stdout" if stream == "stdout" else "stderr", text=line))

    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(wheels)]
    status = run([*command, str(copy.folder)], cwd=copy.folder, env=os.environ, on_line=on_line)
    found = sorted(wheels.glob("*.whl"))
    if status or not found:
        raise CompileError(
            f"{project.label} was not built.",
            " ".join(line.strip() for line in tail[-3:])[:500],
            "Its build backend refused it; `python -m build` in the folder shows the same.",
        )
    return found[0]
