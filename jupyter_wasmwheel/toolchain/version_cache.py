"""The versions that programs print, cached until a program's file changes.

Every build needs the version of each rustc and wasm-ld on the machine. Starting them all takes
longer than the rest of a cached build.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ..store import Store, derived

#: The timeout of a program.
TIMEOUT_S = 30


def ask(program: Path, option: str, wanted: re.Pattern[str], store: Store) -> str | None:
    """Return a program's output for an option, or None if it fails or `wanted` is not in it.

    Only for real programs: the output of a shim can change while its file does not.
    """

    def run() -> str | None:
        try:
            done = subprocess.run(
                [program, option], capture_output=True, text=True, timeout=TIMEOUT_S
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return None if done.returncode else done.stdout

    try:
        return derived.derive([program], option, wanted, run, store)
    except OSError:
        return None
