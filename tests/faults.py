"""Faults, made for real while a build runs: it is killed in a chosen phase."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jupyter_wasmwheel.api import events

#: The phases of a build into a site, in each of which something may happen.
PHASES = events.PHASES[:-1]

Fault = Callable[[subprocess.Popen[str]], None]


def build(
    words: list[str | Path], env: Mapping[str, str], cwd: Path, phase: str, fault: Fault
) -> tuple[int, list[dict[str, Any]]]:
    """Build with a fault at the beginning of a phase; the exit status and the events."""
    child = subprocess.Popen(
        [sys.executable, "-m", "jupyter_wasmwheel", "build", *words, "--events"],
        env={**os.environ, **env},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    seen = []
    with child:
        assert child.stdout
        for line in child.stdout:
            seen.append(json.loads(line))
            if seen[-1].get("name") == phase and seen[-1].get("state") == "started":
                fault(child)
    return child.returncode, seen
