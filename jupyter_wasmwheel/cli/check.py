"""`jupyter wasmwheel check`: whether a wheel is fit for a place where others get it from."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from .. import wheel
from ..checks import pypi
from ..errors import CheckError
from ..runtime import node, pyodide, targets
from .answer import Answer, Session, answer

#: How a finding's state is marked for a person.
MARKS = {"ok": "✓", "problem": "✗", "unknown": "?"}


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "check", parents=[output], help="say whether PyPI should get a wheel"
    )
    parser.add_argument("wheel", type=Path, metavar="WHEEL")
    parser.add_argument(
        "--pypi", action="store_true", required=True, help="check it for PyPI, which needs twine"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Check a wheel against the runtime of the target that its tag names, and against PyPI."""
    read = wheel.read(args.wheel)
    target = targets.of_wheel(read)
    its_node = node.get(session.store, session.emit)
    runtime = pyodide.get(target, its_node, session.store, session.emit)
    place = pypi.Place(
        target=target, runtime=runtime, node=its_node, store=session.store, emit=session.emit
    )
    findings = pypi.examine(read, place)
    lines = []
    for each in findings:
        lines.append(f"{MARKS[each.state]} {each.check}: {each.text}")
        if each.fix:
            lines.append(f"    {each.fix}")
    problems = [each.check for each in findings if each.state == "problem"]
    lines.append(
        f"PyPI should not get {read.path.name}: {', '.join(problems)}."
        if problems
        else f"PyPI can get {read.path.name}."
    )
    return answer(
        "\n".join(lines),
        {"ok": not problems, "findings": [dataclasses.asdict(each) for each in findings]},
        status=CheckError.status if problems else 0,
    )
