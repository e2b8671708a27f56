"""`jupyter wasmwheel cache`: list, clear, pack and unpack the store."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..build import bundle
from ..runtime import engine, targets
from ..toolchain import toolchain
from .format import size
from .result import CliContext, CommandResult, result

#: What a build makes or downloads again; sites, Rust and Emscripten are not among them.
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
    parser = commands.add_parser("cache", help="list, clear, pack or unpack the store")
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    listing = actions.add_parser("list", parents=[output], help="list what is kept, and its size")
    listing.set_defaults(run=run_list)
    clearing = actions.add_parser(
        "clear", parents=[output], help="remove all but sites, Rust and Emscripten"
    )
    clearing.set_defaults(run=run_clear)
    bundling = actions.add_parser(
        "bundle", parents=[output], help="pack what builds need on a machine without network access"
    )
    bundling.add_argument(
        "--target",
        metavar="ABI",
        default=targets.default_abi(),
        help=f"ABI to build for (default: {targets.default_abi()})",
    )
    bundling.add_argument(
        "--with",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        dest="projects",
        help="Rust project whose crates to pack too (repeatable)",
    )
    bundling.add_argument(
        "--out",
        type=Path,
        default=Path("wasmwheel-store.tar.gz"),
        metavar="FILE",
        help="file to write (default: wasmwheel-store.tar.gz)",
    )
    bundling.set_defaults(run=run_bundle)
    unpacking = actions.add_parser(
        "unpack", parents=[output], help="import a bundle made by `cache bundle`"
    )
    unpacking.add_argument("bundle", type=Path, metavar="FILE", help="bundle to import")
    unpacking.set_defaults(run=run_unpack)


def run_list(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """List what is kept by kind."""
    home = context.store.home
    folders = sorted(path for path in home.glob("*") if path.is_dir())
    sizes = {path.name: _weigh(path) for path in folders}
    lines = [f"{home}"] + [f"  {name:<10} {size(count):>9}" for name, count in sizes.items()]
    lines.append(f"  {'all':<10} {size(sum(sizes.values())):>9}")
    return result("\n".join(lines), {"home": str(home), "sizes": sizes})


def run_clear(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Remove what can be built or downloaded again, once no build uses it."""
    staging = context.store.home / "staging"
    freed = _weigh(staging)
    with context.store.clearing(context.emit):
        return _clear(context, freed)


def _clear(context: CliContext, freed: int) -> CommandResult:
    staging = context.store.home / "staging"
    context.store.remove_leftovers()
    freed -= _weigh(staging)
    for name in CLEARED:
        folder = context.store.home / name
        if folder.is_dir():
            freed += _weigh(folder)
            for entry in folder.iterdir():
                context.store.remove(f"{name}/{entry.name}", context.emit)
    return result(f"Freed {size(freed)}.", {"freed": freed})


def run_bundle(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Install what a build needs, and pack it."""
    target = targets.find(args.target)
    prepared = engine.prepare(target, context.run)
    chosen = toolchain.choose(target, prepared.node, context.run)
    assert chosen.rust, "it is a part of the toolchain by default"
    out = args.out.absolute()
    projects = [path.absolute() for path in args.projects]
    made = bundle.write(
        target, projects, chosen.rust, out, context.run, variables=context.build_variables
    )
    text = (
        f"Packed {len(made.keys)} entries into {made.path} ({size(made.size)}).\n"
        "  On the other machine: jupyter wasmwheel cache unpack "
        f"{made.path.name}, then build with --offline."
    )
    return result(text, {"bundle": str(made.path), "size": made.size, "entries": made.keys})


def run_unpack(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Import a bundle's entries into the store."""
    context.store.home.mkdir(parents=True, exist_ok=True)
    new = bundle.unpack(args.bundle, context.store, context.emit)
    text = f"Imported {len(new)} entries into {context.store.home}; existing ones are unchanged."
    return result(text, {"home": str(context.store.home), "entries": new})


def _weigh(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
