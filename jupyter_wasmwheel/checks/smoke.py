"""The import check ("smoke"): import wheels in their target's Pyodide, in Node.js."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import asdict

from ..api.errors import CheckError, Retry, WasmwheelError
from ..api.events import Log, note
from ..api.report import Smoke
from ..errors import known_errors
from ..process.limits import ResourceMonitor
from ..process.run import Command, run
from ..runtime import packages, pyodide
from ..runtime.context import RunContext
from ..runtime.engine import Engine
from ..runtime.packages import PackageSource
from ..wheel import Wheel
from . import import_plan, pyodide_loader
from .import_plan import ImportStep
from .pyodide_loader import LoadedPackages

#: The script that runs in Node.js, and the one that it runs in Pyodide.
SMOKE_SCRIPT = Path(__file__).with_name("smoke.mjs")
IMPORTER = Path(__file__).with_name("module_importer.py")

#: The remedy for an import that exceeds a limit.
LIMIT_FIX = (
    "Check what the package does on import: a loop, or waiting for a thread or a process, which a "
    "browser does not have."
)

#: How many characters are kept of what a package prints on import, and of what given code prints.
MAX_OUTPUT_LENGTH, MAX_CODE_OUTPUT_LENGTH = 100_000, 50_000_000

#: How many lines of a traceback an error contains.
MAX_TRACEBACK_LINES = 6

#: How many events of a run are kept: a wheel has fewer modules.
MAX_EVENTS = 10_000


def smoke(
    wheels: Sequence[Wheel],
    engine: Engine,
    context: RunContext,
    *,
    sources: Sequence[PackageSource] | None = None,
    code: str | None = None,
) -> Smoke:
    """Import wheels, or run code with them, in the sandbox of Node.js.

    Requirements come from `sources`, by default the package index.
    """
    begin = time.monotonic()
    steps: list[ImportStep] = []
    if code is None:
        steps = [step for wheel in wheels for step in import_plan.plan(wheel)]
    original = engine.runtime.read_lock()
    extra_packages = pyodide_loader.packages_imported_by(code, original) if code else ()
    if sources is None:
        sources = [packages.index_source(original, context, cdn=True)]
    loaded = pyodide_loader.lock_of_files(wheels, extra_packages, engine.runtime, sources, context)
    for name, reason in loaded.unavailable.items():
        text = f"{name} is not available for Pyodide; trying the import without it. {reason}"
        note(context.emit, text)
    names = " and ".join(wheel.name for wheel in wheels)
    check = _Check(names=names, loaded=loaded, engine=engine, context=context)
    session = check.run(steps, code)
    remarks = [] if code else [*_remarks(wheels)]
    failure = session.failure if code is None else None
    needed = failure and check.absent_package(failure["text"])
    if failure and needed:
        remarks.append(
            f"{failure['step']['name']} was not imported as a whole: it requires {needed}, which "
            f"could not be downloaded from {urlsplit(pyodide.CDN).netloc}."
        )
        session = check.run([each.as_optional() for each in steps], code)
    check.raise_if_failed(session)
    for text in session.all("note"):
        note(context.emit, text)
    passed = session.all("passed")
    if len(passed) + len(session.all("remark")) < len(steps):
        raise _runtime_error(session, names, engine.label)
    extensions = tuple(step.name for step in steps if step.member)
    whole = [step.name for step in steps if not step.member and step.name in passed]
    if code is None:
        remarks += [text for text in session.all("remark") if not check.absent_package(text)]
    return Smoke(
        ok=True,
        module=", ".join(whole or extensions),
        seconds=time.monotonic() - begin,
        output="".join(f"{line}\n" for line in session.all("out")),
        extensions=extensions,
        remarks=tuple(remarks),
        not_downloaded=tuple(sorted({*loaded.not_downloaded.values()})) if needed else (),
    )


def _remarks(wheels: Iterable[Wheel]) -> Iterator[str]:
    for wheel in wheels:
        if not wheel.imports:
            yield f"{wheel.name} contains no module to import."
        for name in import_plan.skipped(wheel):
            yield (
                f"{wheel.path.name} contains a top-level {name}, which is not imported. Exclude it "
                "from the package: others install a module of that name too."
            )


class _Session(Struct, frozen=True, kw_only=True):
    """The events of a run of Node.js (smoke.mjs), and the end of its other output."""

    events: Sequence[Mapping[str, Any]]
    stderr: str

    def all(self, kind: str) -> list[Any]:
        """Return the values of all events of a kind."""
        return [event[kind] for event in self.events if kind in event]

    @property
    def failure(self) -> Mapping[str, Any] | None:
        """Return the step that failed, with the type and the text of its exception."""
        return next((each for each in self.all("failed") if isinstance(each, dict)), None)


class _Check(Struct, frozen=True, kw_only=True):
    """Runs of an import check, whose wheels have `names`."""

    names: str
    loaded: LoadedPackages
    engine: Engine
    context: RunContext

    def run(self, steps: Sequence[ImportStep], code: str | None) -> _Session:
        """Run steps or code in a new Node.js."""
        with tempfile.TemporaryDirectory(prefix="wasmwheel-smoke-") as temporary:
            folder = Path(temporary).resolve()
            importer = IMPORTER.read_text(encoding="utf-8")
            wanted = {"steps": [asdict(step) for step in steps], "code": code, "importer": importer}
            lock, subject = self.loaded.lock, f"The import of {self.names} with {self.engine.label}"
            allowed = self.context.allow_network
            command = pyodide_loader.command(
                SMOKE_SCRIPT, wanted, lock, self.engine, folder, allow_network=allowed
            )
            monitor = ResourceMonitor("smoke", self.context.limits, folder, subject, LIMIT_FIX)
            kept = MAX_OUTPUT_LENGTH if code is None else MAX_CODE_OUTPUT_LENGTH
            return _run_session(command, monitor, kept)

    def absent_package(self, text: str) -> str | None:
        """Return the package of Pyodide that an exception reports as missing, if any."""
        modules = self.loaded.not_downloaded
        return pyodide_loader.missing_requirement(text, modules.values(), modules)

    def raise_if_failed(self, session: _Session) -> None:
        """Raise the error of a run that did not end well."""
        failure = session.failure
        if failure:
            for text in session.all("note"):
                note(self.context.emit, text)
            for text in (*session.all("out"), *failure["text"].splitlines()):
                self.context.emit(Log(stream="stderr", text=text))
            label, unavailable = self.engine.label, self.loaded.unavailable
            raise _import_error(session, failure, self.names, label, unavailable)
        if not session.all("done"):
            raise _runtime_error(session, self.names, self.engine.label)


def _run_session(command: Command, monitor: ResourceMonitor, max_length: int) -> _Session:
    """Run Node.js, and keep its events and `max_length` characters of what Python prints."""
    events: list[dict[str, Any]] = []
    parts: list[str] = []
    stderr: deque[str] = deque(maxlen=MAX_TRACEBACK_LINES)
    printed = 0

    def on_line(stream: str, line: str) -> None:
        nonlocal printed
        event = pyodide_loader.read_event(line) if stream == "stdout" else None
        if event is None:
            stderr.append(line[:300])  # Node.js can quote a line of 1 MB
            return
        is_part = "part" in event
        if is_part or "out" in event:
            text, kept = str(event["part" if is_part else "out"]), max(0, max_length - printed)
            printed += len(text)
            if kept:
                parts.append(text[:kept])
        elif event and len(events) < MAX_EVENTS:
            events.append(event)
        if parts and not is_part:
            end_line()

    def end_line() -> None:
        events.append({"out": "".join(parts)})
        parts.clear()

    run(command, on_line=on_line, monitor=monitor)
    if parts:
        end_line()
    if printed > max_length:
        text = f"It printed {printed:,} characters; all after {max_length:,} are omitted."
        events.append({"out": text})
    return _Session(events=events, stderr="\n".join(stderr))


def _runtime_error(session: _Session, names: str, runtime: str) -> WasmwheelError:
    """Return the error of a session that ended before its result."""
    if not session.all("started"):
        return pyodide_loader.start_error(runtime, session.stderr)
    return CheckError(
        f"{names} crashed {runtime}.",
        session.stderr or "It gave no reason; the machine may be out of memory.",
        "Run it again. If it fails again, the package's native code crashes the runtime.",
        code="import.runtime-ended",
        remedies=[Retry()],
    )


def _import_error(
    session: _Session,
    failure: Mapping[str, Any],
    names: str,
    runtime: str,
    unavailable: Mapping[str, str],
) -> WasmwheelError:
    """Return the error of an import or of code that raised an exception, with a known cause."""
    step, kind, text = failure["step"], failure["type"], failure["text"]
    frames = [line for line in text.splitlines() if "<frozen importlib" not in line]
    last_lines = "\n       ".join(frames[-MAX_TRACEBACK_LINES:])
    subject = f"import {step['name']}" if step else f"The code given for {names}"
    if step and step["kind"] == "library":
        subject = f"Loading {step['member']}"
    # A module that cannot be linked is reported when its package is loaded, before the import.
    output = [*session.all("note"), *session.all("out"), f"{kind}: {text}"]
    if name := pyodide_loader.missing_requirement(text, unavailable):
        # A pattern in known_errors.toml matches this line.
        output.append(f"The requirement {name} is absent: {unavailable[name]}")
    unavailable_note = (
        f" These requirements are not available: {', '.join(unavailable)}." if unavailable else ""
    )
    known = known_errors.match(
        "import",
        "\n".join(output),
        subject=subject,
        runtime=runtime,
        unavailable_note=unavailable_note,
    )
    error = (
        known[0]
        if known
        else CheckError(
            f"{subject} failed in {runtime}.",
            f"It raised {kind}.",
            "Change the package at the last lines of the traceback, so that it works in a browser.",
            code="import.failed",
        )
    )
    return error.with_why(f"{error.why}\n       {last_lines}")
