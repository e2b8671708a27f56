"""What the programs of a toolchain say of themselves, asked once and kept until they change.

Every build asks each rustc and wasm-ld on the machine for its version; starting them for that takes
longer than all else that a build does which is not built again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import subprocess
from pathlib import Path

from ..store import Store, replace_file

#: The folder in a store with what they said, and how long they may take, in seconds.
FOLDER, TIMEOUT_S = "programs", 30


def ask(program: Path, option: str, wanted: re.Pattern[str], store: Store) -> str | None:
    """What a program prints for an option, or None where it does not run or says something else.

    Only for real programs: what a shim says may change while its file stays.
    """
    try:
        stat = program.stat()
    except OSError:
        return None
    told = [str(program.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino, option]
    kept = store.home / FOLDER / hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = kept.read_text(encoding="utf-8")
        if wanted.search(text):
            return text
    try:
        done = subprocess.run([program, option], capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode or not wanted.search(done.stdout):
        return None
    # A store that cannot be written to is said by whoever has to write to it.
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        replace_file(kept, done.stdout.encode())
    return done.stdout
