"""Whether wheels import: in their target's Pyodide, in Node.js, with what they require."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from ..api.errors import CheckError, ToolchainError, WasmwheelError
from ..api.events import Emitter, Log, note
from ..beneath import Root
from ..errors import known_errors
from ..index import Index
from ..process.limits import DEFAULT, Limits, ResourceMonitor
from ..process.run import run
from ..runtime import lock as locks
from ..runtime import node_sandbox, packages, snapshot
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..store import Store
from ..wheel import Wheel
from . import loading

#: The script that runs in Node.js.
SCRIPT = Path(__file__).with_name("smoke.mjs")

#: What may help where an import takes too much.
ADVICE = (
    "Look for what the package does on import: a loop, or waiting for a thread or a process, which "
    "a browser does not have."
)

#: How many lines of a traceback an error repeats.
LAST_LINES = 6


@dataclass(frozen=True, kw_only=True)
class Smoke:
    """`module` names what can be imported; `output` is what was printed; `seconds` is all of it."""

    ok: bool
    module: str
    seconds: float
    output: str


def smoke(
    wheels: Sequence[Wheel],
    runtime: Runtime,
    node: Node,
    store: Store,
    index: Index,
    emit: Emitter,
    *,
    site: Root | None = None,
    beside: Sequence[Wheel] = (),
    code: str | None = None,
    limits: Limits = DEFAULT,
) -> Smoke:
    """Import wheels, or run code with them; a CheckError where that fails.

    A LimitError where Node.js takes more than it may. With `site`, the folder of a site's lock, the
    requirements come from there, else from the runtime's own lock. The wheels' code runs in
    Node.js, which may read nothing but what is needed for it and write nothing; that holds back
    mistakes, not malice.
    """
    begin = time.monotonic()
    known = snapshot.get(runtime, node, store, emit)
    modules = [name for wheel in wheels for name in modules_to_import(wheel)]
    base = site or Root(runtime.folder.resolve())
    original = locks.read_beneath(base)
    also = loading.imported_by(code, original) if code else ()
    shelves = [packages.of_wheels(beside, original)]
    if site is None:
        shelves.append(packages.of_index(original, index, store, emit))
    lock, absent = loading.lock_of_files(wheels, also, base, index, store, emit, shelves)
    for name, reason in absent.items():
        note(emit, f"{name} is nowhere to be had; trying the import without it. {reason}")
    names = " and ".join(wheel.name for wheel in wheels)
    where = f"Pyodide {runtime.version} in Node.js {node.version}"
    with tempfile.TemporaryDirectory(prefix="wasmwheel-smoke-") as temporary:
        folder = Path(temporary).resolve()
        wanted = {"imports": modules if code is None else [], "code": code}
        command = loading.command(SCRIPT, wanted, lock, runtime, known, node, folder)
        monitor = ResourceMonitor(
            "smoke", limits, folder, f"The import of {names} with {where}", ADVICE
        )
        course = _run(command, folder, monitor)
    for text in course.notes:
        note(emit, text)
    if course.failure:
        for text in (*course.output, *course.failure.text.splitlines()):
            emit(Log(stream="stderr", text=text))
        raise _raised(course, course.failure, names, where, absent)
    if not course.done:
        raise _broken_off(course, names, where)
    return Smoke(
        ok=True,
        module=", ".join(modules),
        seconds=time.monotonic() - begin,
        output="".join(f"{line}\n" for line in course.output),
    )


def modules_to_import(wheel: Wheel) -> tuple[str, ...]:
    """The public top-level modules of a wheel, and the private ones that are compiled."""
    compiled = {extension.name for extension in wheel.extension_modules}
    return tuple(name for name in wheel.imports if not name.startswith("_") or name in compiled)


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """What an import raised, or the code where `module` is None; `text` ends with a traceback."""

    module: str | None
    type: str
    text: str


@dataclass(frozen=True, kw_only=True)
class _Course:
    """What Node.js told, how far it came, and how it ended."""

    started: bool
    done: bool
    failure: _Failure | None
    output: tuple[str, ...]
    notes: tuple[str, ...]
    stderr: str


def _run(command: Sequence[str | Path], folder: Path, monitor: ResourceMonitor) -> _Course:
    events: list[dict[str, Any]] = []
    stderr: list[str] = []

    def on_line(stream: str, line: str) -> None:
        if stream == "stdout" and line.startswith("{"):
            events.append(json.loads(line))
        else:
            # The source that Node.js quotes may be a line of 1 MB.
            stderr.append(line[:300])

    run(command, cwd=folder, env=node_sandbox.environment(), on_line=on_line, monitor=monitor)
    failed = next((event["failed"] for event in events if "failed" in event), None)
    return _Course(
        started=any("started" in event for event in events),
        done=any("done" in event for event in events),
        failure=_Failure(**failed) if failed else None,
        output=tuple(event["out"] for event in events if "out" in event),
        notes=tuple(event["note"] for event in events if "note" in event),
        stderr="\n".join(stderr[-LAST_LINES:]),
    )


def _broken_off(course: _Course, names: str, where: str) -> WasmwheelError:
    """The error of a course that came to no end."""
    if not course.started:
        return ToolchainError(
            f"No start of {where}.",
            course.stderr or "Node.js gave no reason.",
            "Put another Node.js first on PATH (20 or newer).",
        )
    return CheckError(
        f"{names} ended {where}.",
        course.stderr or "It gave no reason; the machine's memory may have run out.",
        "Run it again; if it stays so, the package's native code brings the runtime down.",
    )


def _raised(
    course: _Course, failure: _Failure, names: str, where: str, absent: Mapping[str, str]
) -> CheckError:
    """The error of an import or of code that raised, with its known causes in words."""
    frames = [line for line in failure.text.splitlines() if "<frozen importlib" not in line]
    last_lines = "\n       ".join(frames[-LAST_LINES:])
    subject = f"import {failure.module}" if failure.module else f"The code given for {names}"
    # A module that cannot be linked says so when its package is loaded; its import fails later.
    said = [*course.notes, *course.output, f"{failure.type}: {failure.text}"]
    said += _lacking(failure, absent)
    left_out = f" Of its requirements these are not there: {', '.join(absent)}." if absent else ""
    known = known_errors.match(
        "import", "\n".join(said), subject=subject, where=where, left_out=left_out
    )
    error = known[0] if known else _unknown(failure, subject, where)
    return CheckError(error.what, f"{error.why}\n       {last_lines}", error.fix)


def _lacking(failure: _Failure, absent: Mapping[str, str]) -> Iterator[str]:
    """The requirement that a module which is not there belongs to, as known_errors.toml has it."""
    lacking = re.search(r"No module named '([^'.]+)", failure.text)
    for name, reason in absent.items():
        if lacking and canonicalize_name(name) == canonicalize_name(lacking[1]):
            yield f"The requirement {name} is absent: {reason}"


def _unknown(failure: _Failure, subject: str, where: str) -> CheckError:
    return CheckError(
        f"{subject} fails with {where}.",
        f"It raised {failure.type}.",
        "The last lines say where; the package has to be changed to get past it in a browser.",
    )
