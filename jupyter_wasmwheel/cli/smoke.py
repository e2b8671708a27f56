"""`jupyter wasmwheel smoke`: import wheels in Pyodide, or run code with them."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from .. import wheel
from ..checks import smoke
from ..index import Index
from ..runtime import targets
from . import options, runtime
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
    pyodide, node = runtime.prepare(target, context)
    done = smoke.smoke(
        *(wheels, pyodide, node, context.store, Index(), context.emit),
        code=args.code,
        limits=context.limits,
    )
    said = f"{done.module} works in Pyodide {pyodide.version} ({duration(done.seconds)})."
    text = done.output.rstrip("\n") if args.code else said
    return result(text, {"smoke": dataclasses.asdict(done), "pyodide": pyodide.version})
