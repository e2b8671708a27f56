"""What is loaded into a runtime for a check, and the Node.js that it is loaded in."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from ..errors import SourceError
from ..events import Emitter
from ..index import Index
from ..runtime import confined, packages, snapshot
from ..runtime import lock as locks
from ..runtime.lock import Entry, Lock
from ..runtime.node import Node
from ..runtime.pyodide import Runtime
from ..runtime.snapshot import Snapshot
from ..store import Store
from ..wheel import Wheel
from . import dependencies

#: What the scripts of the checks have in common.
LOAD = Path(__file__).with_name("load.mjs")


def lock_of_files(
    wheels: Sequence[Wheel],
    also: Iterable[str],
    base: Path,
    index: Index,
    store: Store,
    emit: Emitter,
) -> tuple[Lock, dict[str, str]]:
    """A lock of wheels, of packages beside them, and all that they need; what is absent, and why.

    The files are named by absolute paths. `also` are names in the lock `base`.
    """
    lock = locks.read(base)
    absent: dict[str, str] = {}
    offered = lock
    for wheel in wheels:
        offered = offered.with_entry(locks.entry_for(wheel, wheel.path.resolve().as_posix(), []))
    for wheel in wheels:
        depends = []
        for dependency in dependencies.resolve(wheel, offered):
            if dependency.source != "missing":
                depends.append(dependency.name)
                continue
            other = f", but there is {dependency.version}" if dependency.version else ""
            absent[dependency.name] = f"{wheel.name} requires {dependency.requirement}{other}."
        entry = offered.packages[wheel.canonical_name]
        offered = offered.with_entry(replace(entry, depends=tuple(depends)))
    own = {wheel.canonical_name for wheel in wheels}
    files: dict[str, Entry] = {}
    for entry in offered.closure([*own, *also])[0]:
        name: str = canonicalize_name(entry.name)
        try:
            is_file = name in own
            path = entry.file_name if is_file else _file(entry, lock, base, index, store, emit)
        except SourceError as error:
            absent[entry.name] = f"{error.what} {error.why}"
        else:
            files[name] = replace(entry, file_name=Path(path).as_posix())
    for name, entry in files.items():
        present = tuple(depend for depend in entry.depends if canonicalize_name(depend) in files)
        files[name] = replace(entry, depends=present)
    return replace(lock, packages=files), absent


def imported_by(code: str, lock: Lock) -> list[str]:
    """The packages that a notebook would load for code, by the imports in it."""
    try:
        statements = list(ast.walk(ast.parse(code)))
    except SyntaxError:
        # The runtime's Python may be newer than this one; it will say what is wrong.
        return []
    modules = {
        name.name for node in statements if isinstance(node, ast.Import) for name in node.names
    }
    modules |= {node.module or "" for node in statements if isinstance(node, ast.ImportFrom)}
    names = modules | {module.partition(".")[0] for module in modules}
    return [entry.name for entry in lock.packages.values() if names & set(entry.imports)]


def _file(entry: Entry, lock: Lock, base: Path, index: Index, store: Store, emit: Emitter) -> Path:
    """The file of a package: beside the lock as in a site, else from the package index."""
    beside = base.parent / entry.file_name
    return beside if beside.is_file() else packages.fetch(entry, lock, index, store, emit).resolve()


def command(
    script: Path,
    wanted: Mapping[str, Any],
    lock: Lock,
    runtime: Runtime,
    known: Snapshot,
    node: Node,
    folder: Path,
) -> list[str | Path]:
    """The command that runs a script of the checks in Node.js, which may read what it needs.

    What the script is asked for is written into `folder`, with the lock of what it loads.
    """
    lock.write(folder / "pyodide-lock.json")
    request = {
        "runtime": str(runtime.folder.resolve()),
        "memory": str(known.memory.resolve()) if known.memory else None,
        "lock": str(folder / "pyodide-lock.json"),
        "packages": sorted(lock.packages),
        **wanted,
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    readable = [folder, runtime.folder, known.folder, script, LOAD, snapshot.START]
    readable += [Path(entry.file_name) for entry in lock.packages.values()]
    return confined.command(node, readable, script, folder / "request.json")
