"""`jupyter wasmwheel cache`: what the store keeps, and how to be rid of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .answer import Answer, Session, answer, size

#: What can be made or fetched again with a build; sites, Rust and Emscripten are not among them.
CLEARED = (
    "backends",
    "binaryen",
    "built",
    "headers",
    "lite",
    "node",
    "packages",
    "programs",
    "proofs",
    "pyo3",
    "pyodide",
    "sdists",
    "seeds",
    "shipped",
    "snapshots",
    "sources",
    "sysroots",
    "work",
)


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the commands to the parser."""
    parser = commands.add_parser("cache", help="list or clear what is kept for later builds")
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    listing = actions.add_parser("list", parents=[output], help="what is kept, and how large it is")
    listing.set_defaults(run=run_list)
    clearing = actions.add_parser(
        "clear", parents=[output], help="remove all but sites, Rust and Emscripten"
    )
    clearing.set_defaults(run=run_clear)


def run_list(args: argparse.Namespace, session: Session) -> Answer:
    """List what is kept, a line a kind."""
    home = session.store.home
    folders = sorted(path for path in home.glob("*") if path.is_dir())
    sizes = {path.name: _weigh(path) for path in folders}
    lines = [f"{home}"] + [f"  {name:<10} {size(count):>9}" for name, count in sizes.items()]
    lines.append(f"  {'all':<10} {size(sum(sizes.values())):>9}")
    return answer("\n".join(lines), {"home": str(home), "sizes": sizes})


def run_clear(args: argparse.Namespace, session: Session) -> Answer:
    """Remove what can be made or fetched again; whoever is at work with it is waited for."""
    staging = session.store.home / "staging"
    freed = _weigh(staging)
    with session.store.clearing(session.emit):
        return _clear(session, freed)


def _clear(session: Session, freed: int) -> Answer:
    staging = session.store.home / "staging"
    session.store.sweep()
    freed -= _weigh(staging)
    for name in CLEARED:
        folder = session.store.home / name
        if folder.is_dir():
            freed += _weigh(folder)
            for entry in folder.iterdir():
                session.store.remove(f"{name}/{entry.name}", session.emit)
    return answer(f"Freed {size(freed)}.", {"freed": freed})


def _weigh(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
