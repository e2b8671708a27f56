"""A cache of the versions that programs print, valid until a program's file changes.

Every build needs the version of each rustc and wasm-ld on the machine. Starting them all takes
longer than the rest of a cached build.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import subprocess
from pathlib import Path

from ..store import Store, replace_file

#: The folder of the cached outputs in a store, and the timeout of a program.
FOLDER, TIMEOUT_S = "programs", 30


def ask(program: Path, option: str, wanted: re.Pattern[str], store: Store) -> str | None:
    """Return a program's output for an option, or None if it fails or `wanted` is not in it.

    Only for real programs: the output of a shim can change while its file does not.
    """
    try:
        stat = program.stat()
    except OSError:
        return None
    identity = [str(program.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino, option]
    cached = store.home / FOLDER / hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = cached.read_text(encoding="utf-8")
        if wanted.search(text):
            return text
    try:
        done = subprocess.run([program, option], capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode or not wanted.search(done.stdout):
        return None
    # Not an error here: what must be written to the store reports that it cannot be.
    with contextlib.suppress(OSError):
        cached.parent.mkdir(parents=True, exist_ok=True)
        replace_file(cached, done.stdout.encode())
    return done.stdout
