"""Logins in the words of a command line, handed from process to process without being shown.

Every user of a machine can read its process table. So a word with a login in it, such as
`git+https://USER:PASSWORD@host/x.git`, is replaced by its redacted form, and the word itself is
written into a file of mode 0600, which the new process reads and deletes before anything else.
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
    """Return redacted words, and the file with those that were changed, None where none was."""
    secret = {redact(word): word for word in words if redact(word) != word}
    if not secret:
        return list(words), None
    handle, name = tempfile.mkstemp(prefix="wasmwheel-")
    with open(handle, "w", encoding="utf-8") as stream:
        json.dump(secret, stream)
    return [redact(word) for word in words], Path(name)


def read(words: Sequence[str], environ: MutableMapping[str, str]) -> list[str]:
    """Return the words as they were before `write`; the file is deleted."""
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
    """Start this process again with redacted words, where a user typed a login."""
    if os.name == "nt":  # which cannot replace a process
        return
    _, path = write(words)
    if path:
        os.environ[VARIABLE] = str(path)
        interpreter, *rest = sys.orig_argv
        os.execv(sys.executable, [interpreter, *map(redact, rest)])


@contextlib.contextmanager
def git_options(url: str, login: str | None) -> Iterator[list[str]]:
    """Give the options by which git asks a file of mode 0600 for the login of an address.

    `url` is without it. Other helpers are not asked then: the login in the address is meant.
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
