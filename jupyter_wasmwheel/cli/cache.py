"""`jupyter wasmwheel cache`: list, clear, pack and unpack the store."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..build import bundle
from ..process.limits import disk_usage
from ..runtime import engine, targets
from ..toolchain import toolchain
from .format import size
from .options import add_command
from .result import CliContext, CommandResult, result

#: The folders that builds fill again. Sites, Rust and Emscripten are not among them.
CLEARED = (
    "backends",
    "binaryen",
    "built",
    "crates",
    "derived",
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


def add(commands: Any) -> None:
    """Add the commands to the parser."""
    parser = commands.add_parser("cache", help="list, clear, pack or unpack the store")
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    add_command(actions, "list", run_list, "list the store's folders and their sizes")
    add_command(actions, "clear", run_clear, "remove everything except sites, Rust and Emscripten")
    parser = add_command(
        actions, "bundle", run_bundle, "pack what builds need on a machine without network access"
    )
    parser.add_argument(
        "--target",
        metavar="ABI",
        default=targets.default_abi(),
        help=f"ABI to build for (default: {targets.default_abi()})",
    )
    parser.add_argument(
        "--with",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        dest="projects",
        help="Rust project whose crates to include (repeatable)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("wasmwheel-store.tar.gz"),
        metavar="FILE",
        help="file to write (default: wasmwheel-store.tar.gz)",
    )
    parser = add_command(actions, "unpack", run_unpack, "import a bundle made by `cache bundle`")
    parser.add_argument("bundle", type=Path, metavar="FILE", help="bundle to import")


def run_list(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """List the folders of the store with their sizes."""
    home = context.store.home
    folders = sorted(path for path in home.glob("*") if path.is_dir())
    sizes = {path.name: disk_usage(path)[0] for path in folders}
    lines = [f"{home}"] + [f"  {name:<10} {size(count):>9}" for name, count in sizes.items()]
    lines.append(f"  {'all':<10} {size(sum(sizes.values())):>9}")
    return result("\n".join(lines), {"home": str(home), "sizes": sizes})


def run_clear(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Remove what can be built or downloaded again, once no build uses it."""
    store = context.store
    with store.clearing(context.emit):
        before, _ = disk_usage(store.home)
        store.remove_leftovers()
        for name in CLEARED:
            for entry in (store.home / name).glob("*"):
                store.remove(f"{name}/{entry.name}", context.emit)
        after, _ = disk_usage(store.home)
    freed = max(before - after, 0)
    return result(f"Freed {size(freed)}.", {"freed": freed})


def run_bundle(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Install the requirements of a build, and pack them."""
    target = targets.find(args.target)
    prepared = engine.prepare(target, context.run_context)
    chosen = toolchain.choose(target, prepared.node, context.run_context)
    assert chosen.rust
    out = args.out.absolute()
    projects = [path.absolute() for path in args.projects]
    packed = bundle.write(
        target, projects, chosen.rust, out, context.run_context, variables=context.build_variables
    )
    text = (
        f"Packed {len(packed.keys)} entries into {packed.path} ({size(packed.size)}).\n"
        "  On the other machine: jupyter wasmwheel cache unpack "
        f"{packed.path.name}, then build with --offline."
    )
    return result(text, {"bundle": str(packed.path), "size": packed.size, "entries": packed.keys})


def run_unpack(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Import a bundle's entries into the store."""
    context.store.home.mkdir(parents=True, exist_ok=True)
    new = bundle.unpack(args.bundle, context.store, context.emit)
    text = f"Imported {len(new)} entries into {context.store.home}; existing ones are unchanged."
    return result(text, {"home": str(context.store.home), "entries": new})
