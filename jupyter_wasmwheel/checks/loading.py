"""What is loaded into a runtime for a check: wheels, with the files of all that they need."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name

from ..errors import SourceError
from ..events import Emitter
from ..index import Index
from ..runtime import lock as locks
from ..runtime import packages
from ..runtime.lock import Entry, Lock
from ..store import Store
from ..wheel import Wheel
from . import dependencies


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
