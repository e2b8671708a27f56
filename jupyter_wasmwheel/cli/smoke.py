"""`jupyter wasmwheel smoke`: import wheels in Pyodide, or run code with them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from .. import wheel
from ..checks import smoke
from ..runtime import engine, targets
from . import options
from .format import duration
from .result import CliContext, CommandResult, result


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = options.add_command(commands, "smoke", run, "import wheels in Pyodide in Node.js")
    parser.add_argument("wheels", type=Path, nargs="+", metavar="WHEEL", help="wheel to import")
    parser.add_argument(
        "-c", dest="code", metavar="CODE", help="Python code to run instead of the import"
    )
    options.add_limits(parser)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Import wheels in the runtime of the target in the tag of the first one."""
    wheels = [wheel.read(path) for path in args.wheels]
    target = targets.of_wheel(wheels[0])
    prepared = engine.prepare(target, context.run_context)
    version = prepared.runtime.version
    done = smoke.smoke(wheels, prepared, context.run_context, code=args.code)
    subject = done.module or wheels[0].path.name
    text = f"{subject} works in Pyodide {version} ({duration(done.seconds)})."
    text = "\n".join((text, *done.remarks))
    if args.code:
        text = done.output.rstrip("\n")
    return result(text, {"smoke": msgspec.to_builtins(done), "pyodide": version})
