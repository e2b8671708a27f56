"""`jupyter wasmwheel audit`: what a wheel's modules import, against what the runtime provides."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from .. import wheel
from ..checks import audit
from ..runtime import node, pyodide, targets
from .answer import Answer, Session, answer


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "audit", parents=[output], help="check a wheel against its runtime, without running it"
    )
    parser.add_argument("wheel", type=Path, metavar="WHEEL")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Audit a wheel against the runtime of the target that its tag names."""
    read = wheel.read(args.wheel)
    target = targets.of_wheel(read)
    its_node = node.get(session.store, session.emit)
    runtime = pyodide.get(target, its_node, session.store, session.emit)
    found = audit.audit(read, target, runtime, its_node, session.store, session.emit)
    audit.require(found, read, runtime)
    text = f"{read.path.name}: everything it imports is in Pyodide {runtime.version}."
    return answer(text, {"audit": dataclasses.asdict(found), "pyodide": runtime.version})
