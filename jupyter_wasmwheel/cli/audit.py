"""`jupyter wasmwheel audit`: check what a wheel's modules import against the runtime."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from .. import wheel
from ..checks import audit
from ..runtime import targets
from . import runtime
from .result import CliContext, CommandResult, result


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "audit", parents=[output], help="check a wheel against its runtime, without running it"
    )
    parser.add_argument("wheel", type=Path, metavar="WHEEL", help="wheel to check")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Audit a wheel against the runtime of the target that its tag names."""
    read = wheel.read(args.wheel)
    target = targets.of_wheel(read)
    pyodide, node = runtime.prepare(target, context)
    found = audit.audit(read, target, pyodide, node, context.store, context.emit)
    audit.require(found, read, pyodide)
    text = f"{read.path.name}: everything it imports is in Pyodide {pyodide.version}."
    return result(text, {"audit": dataclasses.asdict(found), "pyodide": pyodide.version})
