"""`jupyter wasmwheel cache`: what the store keeps, and how to be rid of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..build import bundle
from ..runtime import node, pyodide, snapshot, targets
from ..toolchain import toolchain
from .answer import Answer, Session, answer, size

#: What can be made or fetched again with a build; sites, Rust and Emscripten are not among them.
CLEARED = (
    "backends",
    "binaryen",
    "built",
    "crates",
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
    bundling = actions.add_parser(
        "bundle", parents=[output], help="pack what a machine without a network needs to build"
    )
    bundling.add_argument(
        "--target",
        metavar="ABI",
        default=targets.default_abi(),
        help=f"what it is to build for ({targets.default_abi()})",
    )
    bundling.add_argument(
        "--with",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        dest="projects",
        help="a Rust project whose crates are packed too, besides those of the starter crates",
    )
    bundling.add_argument(
        "--out",
        type=Path,
        default=Path("wasmwheel-store.tar.gz"),
        metavar="FILE",
        help="where to put it (wasmwheel-store.tar.gz)",
    )
    bundling.set_defaults(run=run_bundle)
    unpacking = actions.add_parser(
        "unpack", parents=[output], help="put what another machine packed into one's own store"
    )
    unpacking.add_argument("bundle", type=Path, metavar="FILE")
    unpacking.set_defaults(run=run_unpack)


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


def run_bundle(args: argparse.Namespace, session: Session) -> Answer:
    """Get ready what a build needs, and pack it."""
    target, store, emit = targets.find(args.target), session.store, session.emit
    its_node = node.get(store, emit)
    runtime = pyodide.get(target, its_node, store, emit)
    snapshot.get(runtime, its_node, store, emit)
    chosen = toolchain.choose(target, its_node, store, emit)
    assert chosen.rust, "it was asked for"
    out = args.out.absolute()
    projects = [path.absolute() for path in args.projects]
    made = bundle.write(target, projects, chosen.rust, store, out, emit)
    text = (
        f"Packed {len(made.keys)} entries into {made.path} ({size(made.size)}).\n"
        "  On the other machine: jupyter wasmwheel cache unpack "
        f"{made.path.name}, then build with --offline."
    )
    return answer(text, {"bundle": str(made.path), "size": made.size, "entries": made.keys})


def run_unpack(args: argparse.Namespace, session: Session) -> Answer:
    """Put a bundle's entries into the store."""
    session.store.home.mkdir(parents=True, exist_ok=True)
    new = bundle.unpack(args.bundle, session.store, session.emit)
    text = f"Put {len(new)} entries into {session.store.home}; what was there already was kept."
    return answer(text, {"home": str(session.store.home), "entries": new})


def _weigh(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
