"""A build as a Python object with its state in traits.

The build runs as a job of the server does: a worker in a supervised process group, which ends with
the kernel. It requires no server and no server extension.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
from traitlets import Dict, Enum, HasTraits, Int, Tuple, Unicode

from .. import config
from ..api.errors import CanceledError, UsageError, from_info
from ..api.events import Diagnostic, Log, Phase, Progress, decode
from ..api.jobs import Job, State, apply
from ..jobs.executors import LocalExecutor, Run, environment
from ..jobs.outcome import outcome
from ..jobs.resolve import AllowedPaths, resolve
from ..site import lite

#: The number of lines of output that are kept.
MAX_LINES = 1000

#: The time between two updates, so that many short lines are shown together.
UPDATE_INTERVAL_S = 0.1

Report = dict[str, Any]


class BuildModel(HasTraits):
    """A build of a wheel, with its input, its state and its result in traits.

    `options` are the fields of a build request (docs/rest.md): `target`, `site`, `profile` and so
    on. The wheel goes to the folder `out`.
    """

    source = Unicode(help="A folder, an sdist, `pypi:NAME` or `git+URL`.")
    options = Dict(key_trait=Unicode(), help="The other fields of the build request.")
    out = Unicode(help="The folder for the wheel.")

    state = Enum(("ready", "running", "done", "failed", "cancelled"), "ready")
    phase = Unicode(None, allow_none=True, help="The current phase, or the last one.")
    progress = Tuple(
        Int(),
        Int(allow_none=True),
        default_value=(0, None),
        help="The progress of the phase: the number of steps done, and of all steps.",
    )
    label = Unicode("", help="The current step of the phase.")
    log = Tuple(help=f"The newest {MAX_LINES} lines of output.")
    problems = Tuple(help="The compiler's messages, as events of the kind `diagnostic`.")
    report = Dict(None, allow_none=True, help="The report of a finished build.")
    error = Dict(None, allow_none=True, help="The error of a failed build, with its code.")

    def __init__(
        self, source: str | Path = ".", *, out: str | Path = "dist", **options: Any
    ) -> None:
        super().__init__(source=str(source), out=str(out), options=options)
        self._starting = threading.Lock()
        self._run: Run | None = None
        self._ending: State | None = None

    async def build(self) -> Report:
        """Build the wheel, and return the report; raise the error of a failed build.

        The build stops when this coroutine is canceled, for example by interrupting the kernel.
        """
        ended = self.start()
        try:
            return await asyncio.wrap_future(ended)
        except BaseException:
            self.cancel()
            raise

    def start(self) -> Future[Report]:
        """Start a build, and return a future for the report; one build runs at a time."""
        with self._starting:
            if self._run is not None:
                raise UsageError(
                    "A build is already running.",
                    "A builder runs one build at a time.",
                    "Wait for it, cancel it, or create another builder.",
                    code="builder.running",
                )
            settings = config.load()
            store = settings.store()
            paths = AllowedPaths(
                root=Path.cwd(),
                allowed=(Path(Path.cwd().anchor),),
                store=store,
                find_site=lambda name: lite.find(name, store),
            )
            source = os.path.expanduser(self.source) or "."
            posted = {"kind": "build", **self.options, "source": source}
            resolved = resolve(posted, paths)
            job = Job(
                id=f"notebook-{os.getpid()}",
                kind="build",
                state="running",
                request=resolved.posted,
                name=resolved.name,
                version=resolved.version,
                created=time.time(),
            )
            out = Path(self.out).expanduser().absolute()
            env = environment(os.environ, store, settings.build_variables())
            self._ending = None
            folder = tempfile.TemporaryDirectory(prefix="wasmwheel-")
            self._run = LocalExecutor().start(resolved.request, Path(folder.name), env, out)
        for name in ("phase", "progress", "label", "log", "problems"):
            self.set_trait(name, self.trait_defaults(name))
        self.set_trait("report", None)
        self.set_trait("error", None)
        self.set_trait("state", "running")
        ended: Future[Report] = Future()
        ended.set_running_or_notify_cancel()
        arguments = (self._run, job, ended, folder)
        threading.Thread(target=self._follow, args=arguments, daemon=True).start()
        return ended

    def cancel(self) -> None:
        """Stop the running build, if any, and all its processes."""
        run = self._run
        if run:
            self._ending = "cancelled"
            run.stop()

    def _follow(
        self,
        run: Run,
        job: Job,
        ended: Future[Report],
        folder: tempfile.TemporaryDirectory[str],
    ) -> None:
        """Follow a build until it has ended."""
        broken: Exception | None = None
        for lines in run.lines():
            try:
                if not broken:
                    job = self._apply(job, lines)
            except Exception as error:
                # An observer of a trait failed. Read on, because the build waits for its reader.
                broken = error
                run.stop()
            time.sleep(UPDATE_INTERVAL_S)
        status, last_words = run.wait()
        folder.cleanup()
        state, failure = outcome(job, self._ending, status, last_words, broken)
        self._run = None
        if state == "cancelled":
            failure = CanceledError().info
        self.set_trait("report", job.report if state == "done" else None)
        self.set_trait("error", failure and msgspec.to_builtins(failure))
        self.set_trait("state", state)
        if failure:
            ended.set_exception(from_info(failure))
        else:
            ended.set_result(job.report or {})

    def _apply(self, job: Job, lines: list[bytes]) -> Job:
        """Apply some lines to the traits, and return the job with them applied."""
        texts: list[str] = []
        for event, _ in decode(lines):
            job = apply(job, event)
            match event:
                case Phase() | Progress():
                    self.set_trait("phase", job.phase)
                    self.set_trait("progress", (job.done or 0, job.total))
                    self.set_trait("label", job.label or "")
                case Log():
                    texts.append(event.text)
                case Diagnostic():
                    found = msgspec.to_builtins(event)
                    self.set_trait("problems", (*self.problems, found)[-MAX_LINES:])
        if texts:
            self.set_trait("log", (*self.log, *texts)[-MAX_LINES:])
        return job

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r}): {self.state}"
