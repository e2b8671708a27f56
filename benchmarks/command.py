"""Run the command line as users do, and time it from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class CommandRun:
    """A finished command: its duration, and the document that it printed."""

    seconds: float
    document: Mapping[str, Any]

    def phase(self, name: str) -> float:
        """Return the duration of a phase in seconds."""
        phases = self.document["phases"]
        return float(sum(each["seconds"] for each in phases if each["name"] == name))


def run(*words: str | Path) -> CommandRun:
    """Run `jupyter wasmwheel … --json` by the console script that Jupyter calls."""
    program = Path(sys.executable).with_name("jupyter-wasmwheel")
    # An installed package has its bytecode, so let Python write it here too.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    begin = time.monotonic()
    done = subprocess.run(
        [program, *map(str, words), "--json"], capture_output=True, text=True, env=env
    )
    seconds = time.monotonic() - begin
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} failed:\n{done.stderr}")
    return CommandRun(seconds=seconds, document=json.loads(done.stdout))
