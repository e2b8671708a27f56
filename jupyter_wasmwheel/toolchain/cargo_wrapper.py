"""The cargo wrapper that build backends run: the console script `wasmwheel-cargo`.

maturin and setuptools-rust call cargo with `--message-format json-render-diagnostics`, in which the
compiler's messages are only text. The wrapper asks for `json` instead, passes on what the backends
expect, and writes the compiler's messages to stderr as JSON text sequences (RFC 7464).

It is started several times a build, so this module imports little.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from typing import IO, NoReturn

#: RFC 7464's record separator, which starts a line of JSON.
SEPARATOR = "\x1e"

#: The variables with the cargo that `wasmwheel-cargo` runs, and with arguments to add (JSON).
PROGRAM, ARGUMENTS = "WASMWHEEL_CARGO", "WASMWHEEL_CARGO_ARGUMENTS"


def exec_process(command: list[str]) -> NoReturn:
    """Replace this process with a command, or run it and exit where the system cannot do that."""
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execvp(command[0], command)


def main() -> None:
    """Run the real cargo, as `wasmwheel-cargo`, with the compiler's messages as data."""
    given = [os.environ[PROGRAM], *sys.argv[1:]]
    command = [word.removesuffix("-render-diagnostics") for word in given]
    if command == given:
        exec_process(command)
    # setuptools-rust always asks for each rustc's command line.
    command = [word for word in command if word != "-v"]
    added = json.loads(os.environ.get(ARGUMENTS, "[]"))
    end = command.index("--") if "--" in command else len(command)
    command[end:end] = added
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout
    assert child.stderr
    # The lock keeps the two streams from cutting each other's lines.
    lock = threading.Lock()
    errors = threading.Thread(target=_pass_on, args=(child.stderr, lock))
    errors.start()
    for line in child.stdout:
        reason = line.startswith(b"{") and json.loads(line).get("reason")
        if reason in ("compiler-message", "compiler-artifact"):
            with lock:
                sys.stderr.buffer.write(SEPARATOR.encode() + line)
                sys.stderr.buffer.flush()
        if reason != "compiler-message":
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    errors.join()
    sys.exit(child.wait())


def _pass_on(pipe: IO[bytes], lock: threading.Lock) -> None:
    """Pass on whole lines of cargo's stderr; a carriage return also ends a line."""
    rest = b""
    read = getattr(pipe, "read1", pipe.read)
    while chunk := read(65536):
        *whole, rest = re.split(rb"(?<=[\r\n])", rest + chunk)
        with lock:
            sys.stderr.buffer.write(b"".join(whole))
            sys.stderr.buffer.flush()
    with lock:
        sys.stderr.buffer.write(rest)
        sys.stderr.buffer.flush()
