"""Executors, which run the worker of a job: here on this machine, in cluster.py on others."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from .. import build_variables, credentials
from ..api.events import MAX_LINE_BYTES
from ..api.requests import EditsRequest, JobRequest
from ..api.sanitize import redact
from ..process.group import own_group, stop_group
from ..process.supervisor import STOP_TIMEOUT_S, supervised
from ..safe_paths import remove_tree
from ..store import Store
from . import document

#: Seconds after the end of a supervisor for which its output is read, although something that
#: escaped it has the other end of the pipe.
READ_TIMEOUT_S = 2.0

#: How many chunks of output can wait for their reader.
MAX_CHUNKS = 16


def environment(
    environ: Mapping[str, str], store: Store, variables: Sequence[str] = ()
) -> dict[str, str]:
    """Return the environment of a job and its builds; `variables` names additional ones."""
    return build_variables.for_own_code(environ, variables) | {
        "WASMWHEEL_HOME": str(store.home),
        "WASMWHEEL_PATH": os.pathsep.join(map(str, store.read_only)),
        "WASMWHEEL_BUILD_ENV": " ".join(variables),
    }


class Run(Protocol):
    """A running worker."""

    def lines(self) -> Iterator[list[bytes]]:
        """Yield the lines of its stdout as they come, until it has ended."""

    def stop(self) -> None:
        """Stop it and its descendants; returns at once, can be called again."""

    def wait(self) -> tuple[int, str]:
        """Return its exit status, and the last lines of its stderr."""


class Executor(Protocol):
    """Runs jobs."""

    def start(self, request: JobRequest, folder: Path, env: Mapping[str, str]) -> Run:
        """Run a job in its folder; an OSError if it cannot be started."""

    def close(self) -> None:
        """Release all resources."""


#: The folder for temporary files in that of a job, which a killed job leaves behind.
TEMPORARY = "tmp"


class LocalExecutor:
    """Runs jobs on this machine, in supervised process groups that do not outlive the server."""

    def start(
        self, request: JobRequest, folder: Path, env: Mapping[str, str], out: Path | None = None
    ) -> LocalRun:
        """Write a job's document into its folder, and run its worker (worker.py).

        `out` is the folder for wheels (default: `out` in the job's folder).
        """
        words = ["jupyter_wasmwheel.jobs.worker", str(folder), *([str(out)] if out else [])]
        return start(words, request, folder, env)

    def close(self) -> None:
        """Do nothing: there are no resources."""


def start(
    words: Sequence[str],
    request: JobRequest | EditsRequest,
    folder: Path,
    env: Mapping[str, str],
) -> LocalRun:
    """Run a module, with its arguments, for a request in a folder; an OSError if that fails."""
    logins = document.write(folder, request)
    more = {credentials.VARIABLE: str(logins)} if logins else {}
    temporary = folder / TEMPORARY
    try:
        temporary.mkdir(exist_ok=True)
        child = subprocess.Popen(
            supervised([sys.executable, "-P", "-m", *words], is_job=True),
            cwd=folder,
            env={**env, **more, "TMPDIR": str(temporary)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **own_group(),
        )
    except BaseException:
        if logins:
            logins.unlink(missing_ok=True)
        raise
    return LocalRun(child, logins, temporary)


class LocalRun:
    """A supervisor and its worker, and this process's end of their pipes."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        logins: Path | None = None,
        temporary: Path | None = None,
    ) -> None:
        self._child = child
        self._logins = logins
        self._temporary = temporary
        self._stderr_lines: deque[bytes] = deque(maxlen=30)
        # Read by threads: something that escaped the supervisor can keep the pipes open.
        self._chunks: SimpleQueue[bytes] = SimpleQueue()
        self._room = threading.Semaphore(MAX_CHUNKS)
        self._readers = [
            threading.Thread(target=read, daemon=True)
            for read in (self._read_output, self._read_errors)
        ]
        for reader in self._readers:
            reader.start()
        self._killer = threading.Timer(STOP_TIMEOUT_S, stop_group, [child])
        self._killer.daemon = True
        self._stopping = threading.Lock()

    def lines(self) -> Iterator[list[bytes]]:
        """Yield whole lines of stdout; a line that is too long is skipped."""
        rest = b""
        for chunk in self._output():
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                rest = b""
            if whole:
                yield whole
        if rest:
            yield [rest]

    def _output(self) -> Iterator[bytes]:
        """Yield what comes until the pipe is closed, or some time after the child has ended."""
        while True:
            has_ended = self._child.poll() is not None
            try:
                chunk = self._chunks.get(timeout=READ_TIMEOUT_S)
            except Empty:
                if has_ended:
                    return
                continue
            self._room.release()
            if not chunk:
                return
            yield chunk

    def _read_output(self) -> None:
        assert self._child.stdout
        read = getattr(self._child.stdout, "read1", self._child.stdout.read)
        with self._child.stdout:
            while chunk := read(65536):
                self._room.acquire()
                self._chunks.put(chunk)
        self._chunks.put(b"")

    def stop(self) -> None:
        """Close the supervisor's stdin, so that it stops the job; kill both after a timeout."""
        if self._stopping.acquire(blocking=False):
            self._killer.start()
            self._close()

    def wait(self) -> tuple[int, str]:
        """Return its exit status, and the last lines of its stderr."""
        status = self._child.wait()
        for reader in self._readers:
            reader.join(READ_TIMEOUT_S)
        if self._stopping.acquire(blocking=False):
            self._close()
        else:
            self._killer.cancel()
        if self._logins:
            self._logins.unlink(missing_ok=True)  # it still exists if the job never started
        if self._temporary:
            remove_tree(self._temporary)
        return status, redact(b"".join(self._stderr_lines).decode("utf-8", "replace"))

    def _close(self) -> None:
        assert self._child.stdin
        with contextlib.suppress(OSError):
            self._child.stdin.close()

    def _read_errors(self) -> None:
        assert self._child.stderr
        with self._child.stderr:
            # In parts of lines: an endless line would fill the memory.
            while line := self._child.stderr.readline(4096):
                self._stderr_lines.append(line)
