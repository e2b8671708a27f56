"""`jupyter wasmwheel new`: a starter crate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..project import starter
from .answer import Answer, Session, answer


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    rows = [f"  {each.name:<10} {each.about}" for each in starter.templates()]
    parser = commands.add_parser(
        "new",
        parents=[output],
        help="make a starter crate: a small package with Rust in it",
        epilog="\n".join(["templates:", *rows]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument(
        "--template",
        default=starter.DEFAULT,
        metavar="T",
        help=f"what it starts from, see below ({starter.DEFAULT})",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Make a starter crate in the current folder."""
    folder = starter.make(args.name, Path.cwd(), args.template)
    text = f"Made {folder}.\n  Change src/lib.rs, then: jupyter wasmwheel build {args.name}"
    return answer(text, {"folder": str(folder), "module": starter.module_name(args.name)})
