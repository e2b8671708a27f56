"""Where a job's worker runs: on this machine, in a supervised process group.

cluster.py has the other place, a cluster of machines.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from .. import build_variables, credentials
from ..api.requests import JobRequest
from ..api.sanitize import redact
from ..process.group import own_group, stop_group
from ..process.supervisor import STOP_TIMEOUT_S, supervised
from ..store import Store
from . import document

#: The longest line that is taken for an event, in bytes; a report with a large diff is one line.
MAX_LINE_BYTES = 8 * 1024 * 1024


def environment(
    environ: Mapping[str, str], store: Store, variables: Sequence[str] = ()
) -> dict[str, str]:
    """Return the environment of a job: what it and its builds may see, with the store named.

    `variables` are the names that the settings let builds see besides the usual ones.
    """
    return build_variables.for_own_code(environ, variables) | {
        "WASMWHEEL_HOME": str(store.home),
        "WASMWHEEL_PATH": os.pathsep.join(map(str, store.read_only)),
        "WASMWHEEL_BUILD_ENV": " ".join(variables),
    }


class Run(Protocol):
    """A worker that runs."""

    def lines(self) -> Iterator[list[bytes]]:
        """Yield what it writes to stdout, whole lines as they come, until all of it has ended."""

    def stop(self) -> None:
        """Stop it and all that it started; return at once, can be called more than once."""

    def wait(self) -> tuple[int, str]:
        """Return its exit status, and the last lines that it wrote to stderr."""


class Executor(Protocol):
    """Something that runs jobs."""

    def start(self, request: JobRequest, folder: Path, env: Mapping[str, str]) -> Run:
        """Run a job in its folder; an OSError where it cannot be started."""

    def close(self) -> None:
        """Release what it needed to run them."""


class LocalExecutor:
    """Runs jobs on this machine, so that nothing of them outlives the server."""

    def start(
        self,
        request: JobRequest,
        folder: Path,
        env: Mapping[str, str],
        out: Path | None = None,
    ) -> LocalRun:
        """Write a job's document into its folder, and run the worker (worker.py), supervised.

        `out` is the folder for wheels, `out` in the job's folder by default.
        """
        logins = document.write(folder, request)
        more = {credentials.VARIABLE: str(logins)} if logins else {}
        words = [str(folder), *([str(out)] if out else [])]
        command = [sys.executable, "-P", "-m", "jupyter_wasmwheel.jobs.worker", *words]
        try:
            child = subprocess.Popen(
                supervised(command, is_job=True),
                cwd=folder,
                env={**env, **more},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                **own_group(),
            )
        except OSError:
            if logins:
                logins.unlink(missing_ok=True)
            raise
        return LocalRun(child, logins)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


class LocalRun:
    """A supervisor, its worker, and this process's end of the pipe between them."""

    def __init__(self, child: subprocess.Popen[bytes], logins: Path | None = None) -> None:
        self._child = child
        self._logins = logins
        self._said: deque[bytes] = deque(maxlen=30)
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        self._last = threading.Timer(STOP_TIMEOUT_S, stop_group, [child])
        self._last.daemon = True
        self._stopping = threading.Lock()

    def lines(self) -> Iterator[list[bytes]]:
        """Yield whole lines of stdout; a line that is too long is left out."""
        assert self._child.stdout
        rest = b""
        read = getattr(self._child.stdout, "read1", self._child.stdout.read)
        with self._child.stdout:
            while chunk := read(65536):
                *whole, rest = (rest + chunk).split(b"\n")
                if len(rest) > MAX_LINE_BYTES:
                    rest = b""
                if whole:
                    yield whole
        if rest:
            yield [rest]

    def stop(self) -> None:
        """Close the supervisor's stdin, so that it stops all; after a while, stop it as well."""
        if self._stopping.acquire(blocking=False):
            self._last.start()
            self._close()

    def wait(self) -> tuple[int, str]:
        """Return its exit status, and the last lines that it wrote to stderr."""
        status = self._child.wait()
        self._reader.join()
        if self._stopping.acquire(blocking=False):
            self._close()
        else:
            self._last.cancel()
        if self._logins:
            self._logins.unlink(missing_ok=True)  # it is there still if the job never began
        return status, redact(b"".join(self._said).decode("utf-8", "replace"))

    def _close(self) -> None:
        assert self._child.stdin
        with contextlib.suppress(OSError):
            self._child.stdin.close()

    def _read_errors(self) -> None:
        assert self._child.stderr
        with self._child.stderr:
            # By parts of lines: a line without an end would fill the memory.
            while line := self._child.stderr.readline(4096):
                self._said.append(line)
