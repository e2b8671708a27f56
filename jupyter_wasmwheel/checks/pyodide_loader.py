"""The loader of checks: a lock with the packages to load, and the command for Node.js."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Required, TypedDict

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..api.errors import SourceError, ToolchainError
from ..process.confine import Confinement
from ..process.run import Command
from ..runtime import lock as locks
from ..runtime import node_sandbox, packages, snapshot
from ..runtime.context import RunContext
from ..runtime.engine import Engine
from ..runtime.lock import Entry, Lock
from ..runtime.packages import Candidate, PackageSource
from ..runtime.pyodide import Runtime
from ..safe_paths import Root
from ..wheel import Wheel
from . import dependencies

#: The common part of the checks' scripts.
LOAD = Path(__file__).with_name("load.mjs")


class LoadedPackages(Struct, frozen=True, kw_only=True):
    """The packages that a check loads: a lock with absolute paths.

    `unavailable` says why requirements are missing. Pyodide has some of these, but they could not
    be downloaded: `not_downloaded` names them by their modules.
    """

    lock: Lock
    unavailable: Mapping[str, str]
    not_downloaded: Mapping[str, str]


def lock_of_files(
    wheels: Sequence[Wheel],
    also: Iterable[str],
    runtime: Runtime,
    sources: Sequence[PackageSource],
    context: RunContext,
) -> LoadedPackages:
    """Return wheels, more packages (`also`) and their dependencies, to be loaded.

    Dependencies come from the sources, or from the runtime's own lock: a file beside it, or one
    that is downloaded.
    """
    lock = runtime.read_lock()
    own = packages.site_source(lock, _folder_of(runtime), lock)
    asked = [packages.wheel_source(wheels, lock), *sources, own]
    wanted = [Requirement(name) for name in (*(each.name for each in wheels), *also)]
    failed: dict[str, Entry] = {}
    filled = [_with_files(each, lock, context, failed) for each in asked]
    found = dependencies.resolve(wanted, filled)
    files = {
        name: replace(each.entry, file_name=each.path.resolve().as_posix())
        for name, each in found.candidates.items()
        if each.path
    }
    for name, entry in files.items():
        present = tuple(depend for depend in entry.depends if canonicalize_name(depend) in files)
        files[name] = replace(entry, depends=present)
    return LoadedPackages(
        lock=replace(lock, packages=files),
        unavailable=found.reasons,
        not_downloaded={
            module.partition(".")[0]: name
            for name in found.reasons
            if (known := failed.get(canonicalize_name(name)))
            for module in known.imports
        },
    )


def _folder_of(runtime: Runtime) -> Root:
    return Root(runtime.folder.resolve())


def _with_files(
    source: PackageSource, lock: Lock, context: RunContext, failed: dict[str, Entry]
) -> PackageSource:
    """Return a source that downloads missing files of candidates, and records those that fail."""

    def find(requirement: Requirement) -> Candidate | None:
        candidate = source(requirement)
        if candidate is None or candidate.path:
            return candidate
        try:
            path = packages.fetch(candidate.entry, lock, context)
        except SourceError:
            if requirement.specifier.contains(candidate.entry.version, prereleases=True):
                failed[canonicalize_name(requirement.name)] = candidate.entry
            raise
        return replace(candidate, path=path)

    return find


def packages_imported_by(code: str, lock: Lock) -> list[str]:
    """Return the packages that a notebook would load for the imports in code."""
    try:
        statements = list(ast.walk(ast.parse(code)))
    except SyntaxError:
        return []  # the runtime's Python can be newer than this one, and reports real errors
    modules = {
        name.name for node in statements if isinstance(node, ast.Import) for name in node.names
    }
    modules |= {
        f"{node.module}.{name.name}"
        for node in statements
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    }
    names = {
        module.rsplit(".", cut)[0] for module in modules for cut in range(module.count(".") + 1)
    }
    return [entry.name for entry in lock.packages.values() if names & set(entry.imports)]


def command(
    script: Path,
    wanted: Mapping[str, Any],
    lock: Lock,
    engine: Engine,
    folder: Path,
    *,
    allow_network: bool = False,
) -> Command:
    """Return the command that runs a script of the checks in the sandbox of Node.js.

    Write the script's request and the lock of what it loads to `folder`.
    """
    runtime, known = engine.runtime, engine.snapshot
    lock.write(folder / locks.FILE)
    request = {
        "runtime": str(runtime.folder.resolve()),
        "memory": str(known.memory.resolve()) if known.memory else None,
        "lock": str(folder / locks.FILE),
        "packages": sorted(lock.packages),
        **wanted,
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    readable = [folder, *runtime.files, known.folder, script, LOAD, snapshot.START]
    readable += [Path(entry.file_name) for entry in lock.packages.values()]
    words = [script.resolve(), folder / "request.json"]
    allowed = Confinement(readable=tuple(readable), network=allow_network)
    return node_sandbox.command(engine.node, words, folder, allowed)


class Failure(TypedDict):
    """What failed to import (`step`), or the code, with its exception."""

    step: dict[str, Any] | None
    type: str
    text: str


class TestEnd(TypedDict, total=False):
    """The end of a test, or of pytest; those of a failed test have all fields."""

    id: Required[str]
    outcome: Required[str]
    message: str
    errors: list[str]
    text: str
    file: str | None
    line: int | None


class PytestEnd(TypedDict):
    """The end of pytest."""

    status: int
    text: str


class ScriptEvent(TypedDict, total=False):
    """An event of smoke.mjs or tests.mjs, which a package's code can send as well."""

    started: bool
    note: str
    out: str
    part: str
    passed: str
    remark: str
    failed: Failure | str
    done: bool
    collected: list[str]
    begin: str
    end: TestEnd
    ended: PytestEnd


def read_event(line: str) -> dict[str, Any] | None:
    """Return the event in a line of a script's output, or None if it is another text."""
    try:
        return dict(_EVENT.decode(line)) if line.startswith("{") else None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


_EVENT = msgspec.json.Decoder(ScriptEvent)


def missing_requirement(
    text: str, unavailable: Iterable[str], modules: Mapping[str, str] = MappingProxyType({})
) -> str | None:
    """Return the absent requirement whose module an exception reports as missing.

    `modules` names requirements by their modules. A module can have more words than its
    requirement, as `_cffi_backend` of cffi.
    """
    for found in re.finditer(r"No module named '([^'.]+)", text):
        if found[1] in modules:
            return modules[found[1]]
        words = f"-{canonicalize_name(found[1])}-"
        for name in unavailable:
            if f"-{canonicalize_name(name)}-" in words:
                return name
    return None


def start_error(runtime: str, reason: str) -> ToolchainError:
    """Return the error of a Pyodide that does not start."""
    return ToolchainError(
        f"Could not start {runtime}.",
        reason or "Node.js gave no reason.",
        "Put another Node.js (20 or newer) first on PATH.",
        code="pyodide.start-failed",
    )
