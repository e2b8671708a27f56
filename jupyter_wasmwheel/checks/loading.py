"""What is loaded into a runtime for a check, and the Node.js that it is loaded in."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..api.events import Emitter
from ..beneath import Root
from ..index import Index
from ..runtime import lock as locks
from ..runtime import node_sandbox, packages, snapshot
from ..runtime.lock import Lock
from ..runtime.node import Node
from ..runtime.packages import Offer, Shelf
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
    base: Root,
    index: Index,
    store: Store,
    emit: Emitter,
    shelves: Sequence[Shelf] = (),
) -> tuple[Lock, dict[str, str]]:
    """A lock of wheels, of packages beside them, and all that they need; what is absent, and why.

    The files are named by absolute paths. `also` are names in the lock of the folder `base`. What
    the wheels need is on the shelves given, or in that lock: beside it as in a site, or on the
    package index.
    """
    lock = locks.read_beneath(base)
    own = packages.of_wheels(wheels, lock)
    shelves = [own, *shelves, _of_lock(lock, base, index, store, emit)]
    wanted = [Requirement(name) for name in (*(each.name for each in wheels), *also)]
    found = dependencies.resolve(wanted, shelves)
    files = {
        name: replace(offer.entry, file_name=offer.path.resolve().as_posix())
        for name, offer in found.offers.items()
        if offer.path
    }
    for name, entry in files.items():
        present = tuple(depend for depend in entry.depends if canonicalize_name(depend) in files)
        files[name] = replace(entry, depends=present)
    absent = dict(found.reasons)
    for each in found.without_file:
        absent.setdefault(each.name, f"Only Pyodide's CDN has {each.name} {each.version}.")
    return replace(lock, packages=files), absent


def _of_lock(lock: Lock, base: Root, index: Index, store: Store, emit: Emitter) -> Shelf:
    """The shelf of what a lock names: its files are beside it as in a site, or on the index."""
    beside = packages.of_site(lock, base, lock)

    def shelf(requirement: Requirement) -> Offer | None:
        offer = beside(requirement)
        if offer is None or offer.path:
            return offer
        return replace(offer, path=packages.fetch(offer.entry, lock, index, store, emit))

    return shelf


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
    return node_sandbox.command(node, readable, script, folder / "request.json")
