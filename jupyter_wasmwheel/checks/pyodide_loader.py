"""The loader of checks: a lock with the packages to load, and the command for Node.js."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..api.errors import ToolchainError
from ..runtime import lock as locks
from ..runtime import node_sandbox, packages, snapshot
from ..runtime.context import RunContext
from ..runtime.engine import Engine
from ..runtime.lock import Lock
from ..runtime.packages import Candidate, PackageSource
from ..runtime.pyodide import Runtime
from ..safe_paths import Root
from ..wheel import Wheel
from . import dependencies

#: The common part of the checks' scripts.
LOAD = Path(__file__).with_name("load.mjs")


def lock_of(runtime: Runtime) -> Lock:
    """Return the lock in a runtime's folder."""
    return locks.read_beneath(_folder_of(runtime))


def lock_of_files(
    wheels: Sequence[Wheel],
    also: Iterable[str],
    runtime: Runtime,
    sources: Sequence[PackageSource],
    context: RunContext,
) -> tuple[Lock, dict[str, str]]:
    """Return a lock of wheels, more packages (`also`) and their dependencies, with absolute paths.

    Also return why others are missing. Dependencies come from the sources, or from the runtime's
    own lock: a file beside it, or the package index's.
    """
    lock = lock_of(runtime)
    own = packages.site_source(lock, _folder_of(runtime), lock)
    asked = [packages.wheel_source(wheels, lock), *sources, own]
    wanted = [Requirement(name) for name in (*(each.name for each in wheels), *also)]
    found = dependencies.resolve(wanted, [_with_files(each, lock, context) for each in asked])
    files = {
        name: replace(each.entry, file_name=each.path.resolve().as_posix())
        for name, each in found.candidates.items()
        if each.path
    }
    for name, entry in files.items():
        present = tuple(depend for depend in entry.depends if canonicalize_name(depend) in files)
        files[name] = replace(entry, depends=present)
    return replace(lock, packages=files), dict(found.reasons)


def _folder_of(runtime: Runtime) -> Root:
    return Root(runtime.folder.resolve())


def _with_files(source: PackageSource, lock: Lock, context: RunContext) -> PackageSource:
    """Return a source that fetches missing files of candidates from the index."""

    def find(requirement: Requirement) -> Candidate | None:
        candidate = source(requirement)
        if candidate is None or candidate.path:
            return candidate
        return replace(candidate, path=packages.fetch(candidate.entry, lock, context))

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
    script: Path, wanted: Mapping[str, Any], lock: Lock, engine: Engine, folder: Path
) -> list[str | Path]:
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
    return node_sandbox.command(engine.node, readable, script, folder / "request.json")


def read_event(line: str) -> dict[str, Any] | None:
    """Return the event in a line of a script's output, or None if it is another text."""
    try:
        event = json.loads(line) if line.startswith("{") else None
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def missing_requirement(text: str, unavailable: Iterable[str]) -> str | None:
    """Return the absent requirement whose module an exception reports as missing.

    The module can have more words, as `_cffi_backend` of cffi.
    """
    found = re.search(r"No module named '([^'.]+)", text)
    module = f"-{canonicalize_name(found[1])}-" if found else ""
    return next((name for name in unavailable if f"-{canonicalize_name(name)}-" in module), None)


def start_error(runtime: str, reason: str) -> ToolchainError:
    """Return the error of a Pyodide that does not start."""
    return ToolchainError(
        f"Could not start {runtime}.",
        reason or "Node.js gave no reason.",
        "Put another Node.js (20 or newer) first on PATH.",
        code="pyodide.start-failed",
    )
