"""The `cargo` that build front ends are pointed at: the console script `wasmwheel-cargo`.

maturin and setuptools-rust call cargo with `--message-format json-render-diagnostics`, so that the
compiler's messages reach them only as text. It asks for `json` instead, hands on to them what they
expect, and writes the compiler's messages to stderr as JSON text sequences (RFC 7464).

Written to be started quickly, several times a build: it imports next to nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from typing import IO, NoReturn

#: RFC 7464's record separator, with which a line of JSON begins.
SEPARATOR = "\x1e"

#: The variables by which a build tells `wasmwheel-cargo` which cargo to run, and what to add.
PROGRAM, ARGUMENTS = "WASMWHEEL_CARGO", "WASMWHEEL_CARGO_ARGUMENTS"


def exec_process(command: list[str]) -> NoReturn:
    """End as another command, in the place of this process where the system can do that."""
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execvp(command[0], command)


def main() -> None:
    """Run the real cargo, as `wasmwheel-cargo`, with the compiler's messages as data."""
    given = [os.environ[PROGRAM], *sys.argv[1:]]
    command = [word.removesuffix("-render-diagnostics") for word in given]
    if command == given:
        exec_process(command)
    # setuptools-rust always asks for each rustc's command line, which nobody wants to read.
    command = [word for word in command if word != "-v"]
    added = json.loads(os.environ.get(ARGUMENTS, "[]"))
    end = command.index("--") if "--" in command else len(command)
    command[end:end] = added
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout
    assert child.stderr
    # Both streams go through this process, so that a long line of JSON is never cut in two.
    one_at_a_time = threading.Lock()
    errors = threading.Thread(target=_pass_on, args=(child.stderr, one_at_a_time))
    errors.start()
    for line in child.stdout:
        reason = line.startswith(b"{") and json.loads(line).get("reason")
        if reason in ("compiler-message", "compiler-artifact"):
            with one_at_a_time:
                sys.stderr.buffer.write(SEPARATOR.encode() + line)
                sys.stderr.buffer.flush()
        if reason != "compiler-message":
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    errors.join()
    sys.exit(child.wait())


def _pass_on(pipe: IO[bytes], one_at_a_time: threading.Lock) -> None:
    """Pass on whole lines of cargo's stderr; a carriage return ends one too."""
    rest = b""
    read = getattr(pipe, "read1", pipe.read)
    while chunk := read(65536):
        *whole, rest = re.split(rb"(?<=[\r\n])", rest + chunk)
        with one_at_a_time:
            sys.stderr.buffer.write(b"".join(whole))
            sys.stderr.buffer.flush()
    with one_at_a_time:
        sys.stderr.buffer.write(rest)
        sys.stderr.buffer.flush()
