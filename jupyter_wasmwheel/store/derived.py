"""Texts that are derived from files, cached until one of the files changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ..api.errors import SiteError
from .files import read_file, replace_file
from .store import Store

#: The folder of the texts in a store.
FOLDER = "derived"


def derive(
    files: Sequence[Path],
    what: str,
    pattern: re.Pattern[str],
    compute: Callable[[], str | None],
    store: Store,
) -> str | None:
    """Return the text that `compute` gives for files, or None if `pattern` is not in it.

    `what` names the text; one that is cached is computed again after a change of a file.
    """
    identity = [what, *([str(path.resolve()), *_identity(path)] for path in files)]
    cached = store.home / FOLDER / hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = read_file(cached).decode()
        if pattern.search(text):
            return text
    computed = compute()
    if computed is None or not pattern.search(computed):
        return None
    # Not an error here: what must be written to the store reports that it cannot be.
    with contextlib.suppress(OSError, SiteError):
        cached.parent.mkdir(parents=True, exist_ok=True)
        replace_file(cached, computed.encode())
    return computed


def _identity(path: Path) -> tuple[int, ...]:
    """Return what changes with a file's content: a program can reset all but the last one."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
