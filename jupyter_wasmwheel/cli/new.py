"""`jupyter wasmwheel new`: create a starter crate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..project import starter
from .options import add_command
from .result import CliContext, CommandResult, result


def add(commands: Any) -> None:
    """Add the command to the parser."""
    rows = [f"  {each.name:<10} {each.about}" for each in starter.templates()]
    parser = add_command(
        commands,
        "new",
        run,
        "create a starter crate: a small Rust-based Python package",
        epilog="\n".join(["templates:", *rows]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="name of the package")
    parser.add_argument(
        "--template",
        default=starter.DEFAULT,
        metavar="TEMPLATE",
        help=f"template to start from, see below (default: {starter.DEFAULT})",
    )


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Create a starter crate in the current folder."""
    folder = starter.create(args.name, Path.cwd(), args.template)
    text = f"Created {folder}.\n  Edit src/lib.rs, then: jupyter wasmwheel build {args.name}"
    return result(text, {"folder": str(folder), "module": starter.module_name(args.name)})
