"""Logins in command-line arguments, passed to other processes without being visible.

All users of a machine can read its process table. So an argument with a login, for example
`git+https://USER:PASSWORD@host/x.git`, is redacted, and the argument itself is written to a file of
mode 0600, which the new process reads and deletes first.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path

from .api.sanitize import redact

#: The variable that names the file.
VARIABLE = "WASMWHEEL_CREDENTIALS"


def write(words: Sequence[str]) -> tuple[list[str], Path | None]:
    """Return redacted words, and the file with the original ones if there is a login."""
    secret = {redact(word): word for word in words if redact(word) != word}
    if not secret:
        return list(words), None
    handle, name = tempfile.mkstemp(prefix="wasmwheel-")
    with open(handle, "w", encoding="utf-8") as stream:
        json.dump(secret, stream)
    return [redact(word) for word in words], Path(name)


def read(words: Sequence[str], environ: MutableMapping[str, str]) -> list[str]:
    """Return the original words of `write`, and delete the file."""
    name = environ.pop(VARIABLE, None)
    if not name:
        return list(words)
    path = Path(name)
    try:
        secret = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return list(words)
    path.unlink()
    return [secret.get(word, word) for word in words]


def redact_command_line(words: Sequence[str]) -> None:
    """Restart this process with redacted arguments if the user typed a login."""
    if os.name == "nt":  # which cannot replace a process
        return
    _, path = write(words)
    if path:
        os.environ[VARIABLE] = str(path)
        interpreter, *rest = sys.orig_argv
        os.execv(sys.executable, [interpreter, *map(redact, rest)])


@contextlib.contextmanager
def git_options(url: str, login: str | None) -> Iterator[list[str]]:
    """Give the options with which git gets the login of `url` from a file of mode 0600.

    Other credential helpers are not used then.
    """
    if not login:
        yield []
        return
    name, _, password = login.partition(":")
    scheme, _, rest = url.partition("://")
    with tempfile.TemporaryDirectory(prefix="wasmwheel-git-") as folder:
        file = Path(folder) / "login"
        file.touch(mode=0o600)
        file.write_text(f"{scheme}://{name}:{password}@{rest.partition('/')[0]}\n")
        store = f"store --file={shlex.quote(file.as_posix())}"
        yield ["-c", "credential.helper=", "-c", f"credential.helper={store}"]
