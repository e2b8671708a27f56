"""`jupyter wasmwheel smoke`: import wheels in their runtime, or run code with them."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from .. import wheel
from ..checks import smoke
from ..index import Index
from ..runtime import node, pyodide, targets
from . import build
from .answer import Answer, Session, answer, duration


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "smoke", parents=[output], help="import wheels in the real Pyodide, in Node.js"
    )
    parser.add_argument("wheels", type=Path, nargs="+", metavar="WHEEL")
    parser.add_argument("-c", dest="code", metavar="CODE", help="run this instead of the import")
    build.add_limits(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Import wheels in the runtime of the target that the first one's tag names."""
    wheels = [wheel.read(path) for path in args.wheels]
    target = targets.of_wheel(wheels[0])
    its_node = node.get(session.store, session.emit)
    runtime = pyodide.get(target, its_node, session.store, session.emit)
    done = smoke.smoke(
        *(wheels, runtime, its_node, session.store, Index(), session.emit),
        code=args.code,
        limits=session.limits,
    )
    said = f"{done.module} works in Pyodide {runtime.version} ({duration(done.seconds)})."
    text = done.output.rstrip("\n") if args.code else said
    return answer(text, {"smoke": dataclasses.asdict(done), "pyodide": runtime.version})
