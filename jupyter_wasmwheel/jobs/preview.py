"""What a server says about a source, in a process: the edits of a build, or the project in it.

It runs `python -m jupyter_wasmwheel.jobs.preview FOLDER KIND`. A source may never arrive: a git
server can accept a connection and say nothing. Or its files take long to read: anyone can have made
them. No thread can be stopped meanwhile, but a process can: when its client has gone, when it takes
too long, and when the server ends, however that ends.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from .. import config
from ..api import answers
from ..api.errors import (
    CanceledError,
    ErrorInfo,
    LimitError,
    Retry,
    WasmwheelError,
    from_info,
)
from ..api.events import Error, Event, JsonLines, Log, Report, decode, error_event, error_info
from ..api.requests import EditsRequest
from ..process.program import run_program
from ..process.supervisor import SUPERVISED, end_with_stdin, hide_memory
from ..project import manifest, optional
from . import document, executors
from .executors import LocalRun

#: Seconds after which a preview is stopped.
TIMEOUT_S = 120.0


#: The kinds of previews, and their answers.
Kind = Literal["edits", "project"]
Answer = answers.Edits | answers.Project
ANSWERS: Mapping[Kind, type[Answer]] = {"edits": answers.Edits, "project": answers.Project}


class Preview:
    """A preview that runs in a process of its own; another thread can stop it."""

    def __init__(self, request: EditsRequest, env: Mapping[str, str], kind: Kind = "edits") -> None:
        self._request = request
        self._env = env
        self._kind = kind
        self._lock = threading.Lock()
        self._run: LocalRun | None = None
        self._error: WasmwheelError | None = None

    def result(self) -> Answer:
        """Run the preview; raise its WasmwheelError, or that of the one who stopped it."""
        timer = threading.Timer(TIMEOUT_S, self.stop, [_too_slow(self._request.source)])
        timer.daemon = True
        with tempfile.TemporaryDirectory(prefix="wasmwheel-preview-") as name:
            timer.start()
            try:
                return self._follow(self._start(Path(name)))
            finally:
                timer.cancel()

    def stop(self, error: WasmwheelError | None = None) -> None:
        """Stop the preview, or let it not start; an error is raised to its caller."""
        with self._lock:
            self._error = self._error or error or CanceledError()
            if self._run:
                self._run.stop()

    def _start(self, folder: Path) -> LocalRun:
        with self._lock:
            if self._error:
                raise self._error
            words = [__spec__.name, str(folder), self._kind]
            self._run = executors.start(words, self._request, folder, self._env)
            return self._run

    def _follow(self, run: LocalRun) -> Answer:
        found: Answer | None = None
        reported: ErrorInfo | None = None
        for lines in run.lines():
            for event, _ in decode(lines):
                if isinstance(event, Report):
                    found = msgspec.convert(event.report, ANSWERS[self._kind])
                elif isinstance(event, Error):
                    reported = error_info(event)
        status, last_words = run.wait()
        if found:
            return found
        if self._error:
            raise self._error
        raise from_info(reported) if reported else _ended(status, last_words)


class Previews:
    """The previews of a server; `env` returns their environment."""

    def __init__(self, env: Callable[[], Mapping[str, str]]) -> None:
        self._env = env
        self._running: set[Preview] = set()

    @contextmanager
    def new(self, request: EditsRequest, kind: Kind = "edits") -> Iterator[Preview]:
        """Give a preview that is stopped with the others."""
        preview = Preview(request, self._env(), kind)
        self._running.add(preview)
        try:
            yield preview
        finally:
            self._running.discard(preview)

    def close(self) -> None:
        """Stop all previews."""
        for each in tuple(self._running):
            each.stop()


def _too_slow(source: str) -> WasmwheelError:
    return LimitError(
        f"The preview of {source:.200} took longer than {TIMEOUT_S:g} seconds.",
        "The source may be large, or its server does not answer.",
        "Try again, or build it without a preview.",
        code="job.preview-too-slow",
        remedies=[Retry()],
    )


def _ended(status: int, last_words: str) -> WasmwheelError:
    return WasmwheelError(
        "The preview ended unexpectedly.",
        " ".join(last_words.strip().splitlines()[-3:]) or f"Its process had the status {status}.",
        "Try again. If it fails again, build it without a preview, and report it.",
        code="job.preview-ended",
        remedies=[Retry()],
    )


def preview(request: EditsRequest) -> answers.Edits:
    """Return the edits of a build, with the notes of fetching its source."""
    from .. import pipeline  # slow to import

    events: list[Event] = []
    found = pipeline.preview_edits(request, config.load().store(), events.append)
    recipe = found.edits.recipe
    notes = (each for each in events if isinstance(each, Log) and each.stream == "note")
    return answers.Edits(
        name=found.project.name,
        version=found.project.version,
        recipe=recipe.summary() if recipe else None,
        patches=tuple(found.patches),
        notes=tuple(note.text for note in notes),
    )


def describe(request: EditsRequest) -> answers.Project:
    """Return the project in a folder."""
    project = manifest.read(Path(request.source))
    crate = manifest.load_toml(project.crate) if project.crate else {}
    return answers.Project(
        name=project.name,
        version=project.version,
        backend=project.backend,
        features=tuple(sorted(crate.get("features", {}))),
        requirements=tuple(optional.requirements(project.folder)),
    )


def main() -> None:
    """Preview the request in a folder, and exit."""
    if os.environ.pop(SUPERVISED, None):
        end_with_stdin()
    hide_memory()
    lines = JsonLines(sys.stdout, "preview")

    def run() -> int:
        request = document.read_edits(Path(sys.argv[1]))
        found = describe(request) if sys.argv[2] == "project" else preview(request)
        lines(Report(report=msgspec.to_builtins(found)))
        return 0

    def fail(error: WasmwheelError) -> int:
        lines(error_event(error.info))
        return error.status

    sys.exit(run_program(run, fail))


if __name__ == "__main__":
    main()
