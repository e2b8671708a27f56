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


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "smoke", parents=[output], help="import wheels in Pyodide, in Node.js"
    )
    parser.add_argument("wheels", type=Path, nargs="+", metavar="WHEEL", help="wheel to import")
    parser.add_argument("-c", dest="code", metavar="CODE", help="Python code to run instead")
    options.add_limits(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Import wheels in the runtime of the target that the first one's tag names."""
    wheels = [wheel.read(path) for path in args.wheels]
    target = targets.of_wheel(wheels[0])
    prepared = engine.prepare(target, context.run)
    version = prepared.runtime.version
    done = smoke.smoke(wheels, prepared, context.run, code=args.code)
    said = f"{done.module} works in Pyodide {version} ({duration(done.seconds)})."
    text = done.output.rstrip("\n") if args.code else said
    return result(text, {"smoke": msgspec.to_builtins(done), "pyodide": version})
