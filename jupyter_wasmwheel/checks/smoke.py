"""Whether wheels import: in their target's Pyodide, in Node.js, with what they require."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from ..errors import CheckError, LimitError, SourceError, ToolchainError
from ..events import Emitter, Log, note
from ..index import Index
from ..process import run
from ..runtime import lock as locks
from ..runtime import packages, snapshot
from ..runtime.lock import Entry, Lock
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..store import Store
from ..wheel import Wheel
from . import dependencies

#: The script that runs in Node.js.
SCRIPT = Path(__file__).with_name("smoke.mjs")

#: The variables that Node.js itself may need to start; the rest is none of the wheel's business.
PASSED_ON = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

#: How many lines of a traceback an error repeats.
LAST_LINES = 6


@dataclass(frozen=True, kw_only=True)
class Smoke:
    """`module` names what was imported; `output` is what Python printed; `seconds` is all of it."""

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
    site_lock: Path | None = None,
    code: str | None = None,
    timeout: float = 120,
) -> Smoke:
    """Import wheels, and run code after that; a CheckError where that fails.

    `timeout` is in seconds, for Node.js alone, and ends in a LimitError. Without `site_lock` the
    requirements come from the runtime's own lock. The wheels' code runs in Node.js, which may read
    nothing but what is needed for it and write nothing; that holds back mistakes, not malice.
    """
    begin = time.monotonic()
    known = snapshot.get(runtime, node, store, emit)
    modules = [name for wheel in wheels for name in modules_to_import(wheel)]
    base = (site_lock or runtime.lock).resolve()
    lock, absent = _lock_of_files(wheels, base, index, store, emit)
    for name, reason in absent.items():
        note(emit, f"{name} is nowhere to be had; trying the import without it. {reason}")
    with tempfile.TemporaryDirectory(prefix="wasmwheel-smoke-") as temporary:
        folder = Path(temporary).resolve()
        lock.write(folder / "pyodide-lock.json")
        request = {
            "runtime": str(runtime.folder.resolve()),
            "memory": str(known.memory.resolve()) if known.memory else None,
            "lock": str(folder / "pyodide-lock.json"),
            "packages": [wheel.canonical_name for wheel in wheels],
            "imports": modules,
            "code": code,
        }
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        readable = [folder, runtime.folder, known.folder, SCRIPT, snapshot.START]
        readable += [Path(entry.file_name) for entry in lock.packages.values()]
        course = _run(_command(node, readable, folder / "request.json"), folder, timeout)
    for text in course.notes:
        note(emit, text)
    _require(course, wheels, runtime, node, absent, timeout, emit)
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


def _lock_of_files(
    wheels: Sequence[Wheel], base: Path, index: Index, store: Store, emit: Emitter
) -> tuple[Lock, dict[str, str]]:
    """A lock of the wheels and all that they need, by absolute paths; what is absent, and why."""
    lock = locks.read(base)
    offered = lock
    for wheel in wheels:
        offered = offered.with_entry(locks.entry_for(wheel, wheel.path.resolve().as_posix(), []))
    absent: dict[str, str] = {}
    for wheel in wheels:
        found = dependencies.resolve(wheel, offered)
        for dependency in found:
            if dependency.source == "missing":
                other = f", but there is {dependency.version}" if dependency.version else ""
                absent[dependency.name] = f"It requires {dependency.requirement}{other}."
        depends = [dependency.name for dependency in found if dependency.source != "missing"]
        offered = offered.with_entry(
            replace(offered.packages[wheel.canonical_name], depends=tuple(depends))
        )
    own = {wheel.canonical_name for wheel in wheels}
    files: dict[str, Entry] = {}
    for entry in offered.closure(own)[0]:
        name: str = canonicalize_name(entry.name)
        try:
            path = (
                Path(entry.file_name)
                if name in own
                else _file(entry, lock, base, index, store, emit)
            )
            files[name] = replace(entry, file_name=path.as_posix())
        except SourceError as error:
            absent[entry.name] = f"{error.what} {error.why}"
    for name, entry in files.items():
        present = tuple(depend for depend in entry.depends if canonicalize_name(depend) in files)
        files[name] = replace(entry, depends=present)
    return replace(lock, packages=files), absent


def _file(entry: Entry, lock: Lock, base: Path, index: Index, store: Store, emit: Emitter) -> Path:
    """The file of a package: beside the lock as in a site, else from the package index."""
    beside = base.parent / entry.file_name
    return beside if beside.is_file() else packages.fetch(entry, lock, index, store, emit).resolve()


def _command(node: Node, readable: Sequence[Path], request: Path) -> list[str | Path]:
    """Node.js with its permission model on: it reads these files and folders, and that is all.

    It starts no process and writes no file; from release 25 on it has no network either.
    """
    newer = int(node.version.partition(".")[0]) >= 24
    permission = "--permission" if newer else "--experimental-permission"
    allowed = [f"--allow-fs-read={path.resolve()}" for path in readable]
    return [node.program, "--no-warnings", permission, *allowed, SCRIPT.resolve(), request]


@dataclass(frozen=True, kw_only=True)
class _Course:
    """What Node.js told and how it ended; `end` is the last event, None where it did not come."""

    started: bool
    output: tuple[str, ...]
    notes: tuple[str, ...]
    end: dict[str, Any] | None
    timed_out: bool
    stderr: str


def _run(command: Sequence[str | Path], folder: Path, timeout: float) -> _Course:
    events: list[dict[str, Any]] = []
    stderr: list[str] = []
    deadline = time.monotonic() + timeout

    def on_line(stream: str, line: str) -> None:
        if stream == "stdout" and line.startswith("{"):
            events.append(json.loads(line))
        else:
            # The source that Node.js quotes may be a line of 1 MB.
            stderr.append(line[:300])

    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    run(
        command,
        cwd=folder,
        env=env,
        on_line=on_line,
        stop_when=lambda: time.monotonic() > deadline,
    )
    return _Course(
        started=any("started" in event for event in events),
        output=tuple(event["out"] for event in events if "out" in event),
        notes=tuple(event["note"] for event in events if "note" in event),
        end=next((event for event in events if "done" in event or "failed" in event), None),
        timed_out=time.monotonic() > deadline,
        stderr="\n".join(stderr[-LAST_LINES:]),
    )


def _require(
    course: _Course,
    wheels: Sequence[Wheel],
    runtime: Runtime,
    node: Node,
    absent: Mapping[str, str],
    timeout: float,
    emit: Emitter,
) -> None:
    """Raise the error of a course that did not end well."""
    names = " and ".join(wheel.name for wheel in wheels)
    if course.end and "done" in course.end:
        return
    if course.end:
        raise _failure(course.end["failed"], names, runtime, absent, emit)
    if course.timed_out:
        raise LimitError(
            f"{names} did not finish importing in Pyodide {runtime.version}.",
            f"It was stopped after {timeout:g} seconds.",
            "Look for what the package does on import: a loop, or waiting for a thread or a "
            "process, which a browser does not have.",
        )
    if not course.started:
        raise ToolchainError(
            f"Pyodide {runtime.version} does not start in Node.js {node.version}.",
            course.stderr or "Node.js gave no reason.",
            "Put another Node.js first on PATH (20 or newer).",
        )
    raise CheckError(
        f"Node.js ended while {names} was imported in Pyodide {runtime.version}.",
        course.stderr or "It gave no reason; the machine's memory may have run out.",
        "Run it again; if it stays so, the package's native code brings the runtime down.",
    )


def _failure(
    failed: Mapping[str, Any],
    names: str,
    runtime: Runtime,
    absent: Mapping[str, str],
    emit: Emitter,
) -> CheckError:
    """The error of an import or of code that raised, with its known causes in words."""
    text = str(failed["text"]).rstrip()
    emit(Log(stream="stderr", text=text))
    cause, fix = _cause(str(failed["type"]), text, absent)
    last_lines = "\n       ".join(text.splitlines()[-LAST_LINES:])
    module = failed["module"]
    what = f"import {module} fails" if module else f"The code fails with {names}"
    return CheckError(f"{what} in Pyodide {runtime.version}.", f"{cause}\n       {last_lines}", fix)


def _cause(kind: str, text: str, absent: Mapping[str, str]) -> tuple[str, str]:
    """Why an import failed and what to do, from the exception's type and its traceback."""
    lacking = re.search(r"No module named '([^']+)'", text)
    if lacking:
        name = lacking[1].partition(".")[0]
        for requirement, reason in absent.items():
            if canonicalize_name(requirement) == canonicalize_name(name):
                return (
                    f"It cannot do without {requirement}, which is not there. {reason}",
                    f"Build {requirement} for this target first, or, where the package can do "
                    f"without it, build with `--make-optional {requirement}`.",
                )
        return (
            f"It imports {name}, which it does not require and which is not in this runtime.",
            f"Add {name} to the package's dependencies, or import it only where it is used.",
        )
    symbol = re.search(r"cannot resolve symbol (\S+)|undefined symbol '([^']+)'", text)
    if symbol:
        return (
            f"The runtime does not have the function {symbol[1] or symbol[2]} that it calls.",
            "`jupyter wasmwheel audit` lists all names that it lacks; leave out the feature or "
            "the crate that calls them.",
        )
    if "PanicException" in text:
        return (
            "Its Rust code panicked; what it said stands in the last lines.",
            "Find the call in the Rust sources. Threads, processes, sockets and clocks of the "
            "system are not there in a browser.",
        )
    if kind == "RuntimeError" and "unreachable" in text:
        return (
            'Its native code aborted (a panic with panic = "abort", or an assertion in C).',
            'Build with panic = "unwind" to see what it says.',
        )
    return (
        f"It raised {kind}.",
        "The last lines say where; the package has to be changed to get past it in a browser.",
    )
