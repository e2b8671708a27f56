"""`jupyter wasmwheel audit`: check the imports of a wheel's modules against the runtime."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from .. import wheel
from ..checks import audit
from ..runtime import engine, targets
from .options import add_command
from .result import CliContext, CommandResult, result


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "audit", run, "check a wheel against its runtime, without running it"
    )
    parser.add_argument("wheel", type=Path, metavar="WHEEL", help="wheel to check")


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Audit a wheel against the runtime of the target in its tag."""
    read = wheel.read(args.wheel)
    target = targets.of_wheel(read)
    prepared = engine.prepare(target, context.run_context)
    found = audit.audit(read, target, prepared)
    audit.raise_if_failed(found, read, prepared.runtime)
    version = prepared.runtime.version
    text = f"{read.path.name}: Pyodide {version} has everything that it imports."
    return result(text, {"audit": msgspec.to_builtins(found), "pyodide": version})
