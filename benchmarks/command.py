"""The command as a person runs it, timed from outside."""

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
class Ran:
    """A whole command: its seconds from start to end, and the document that it printed."""

    seconds: float
    document: Mapping[str, Any]

    def phase(self, name: str) -> float:
        """The seconds of a phase."""
        phases = self.document["phases"]
        return float(sum(each["seconds"] for each in phases if each["name"] == name))


def run(*words: str | Path) -> Ran:
    """Run `jupyter wasmwheel … --json`, by the console script that Jupyter calls."""
    program = Path(sys.executable).with_name("jupyter-wasmwheel")
    # An installed package has its bytecode, whatever the shell here says of new one.
    unwanted = "PYTHONDONTWRITEBYTECODE"
    env = {name: value for name, value in os.environ.items() if name != unwanted}
    begin = time.monotonic()
    done = subprocess.run(
        [program, *map(str, words), "--json"], capture_output=True, text=True, env=env
    )
    seconds = time.monotonic() - begin
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} failed:\n{done.stderr}")
    return Ran(seconds=seconds, document=json.loads(done.stdout))
