"""`jupyter wasmwheel audit`: check what a wheel's modules import against the runtime."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from .. import wheel
from ..checks import audit
from ..runtime import engine, targets
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
    prepared = engine.prepare(target, context.run)
    pyodide = prepared.runtime
    found = audit.audit(read, target, prepared)
    audit.raise_if_failed(found, read, pyodide)
    text = f"{read.path.name}: everything it imports is in Pyodide {pyodide.version}."
    return result(text, {"audit": msgspec.to_builtins(found), "pyodide": pyodide.version})
