"""`jupyter wasmwheel check`: whether a wheel is fit for PyPI, or the one that a report tells of."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from .. import wheel
from ..api.errors import CheckError
from ..checks import claims, pypi
from ..runtime import node, pyodide, targets
from .answer import Answer, Session, answer

#: How a finding's state is marked for a person.
MARKS = {"ok": "✓", "problem": "✗", "unknown": "?"}


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "check",
        parents=[output],
        help="say whether PyPI should get a wheel, or whether it is the one that a report tells of",
    )
    parser.add_argument("wheel", type=Path, metavar="WHEEL")
    against = parser.add_mutually_exclusive_group(required=True)
    against.add_argument("--pypi", action="store_true", help="check it for PyPI, which needs twine")
    against.add_argument(
        "--report", type=Path, metavar="FILE", help="check it against what `build --json` printed"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Check a wheel for PyPI, or against a report."""
    read = wheel.read(args.wheel)
    if args.report:
        findings = claims.examine(read, claims.read(args.report, read))
        good = f"{read.path.name} is what {args.report} tells of."
        bad = f"{read.path.name} is not what {args.report} tells of"
    else:
        findings = pypi.examine(read, _place(read, session))
        good = f"PyPI can get {read.path.name}."
        bad = f"PyPI should not get {read.path.name}"
    lines = []
    for each in findings:
        lines.append(f"{MARKS[each.state]} {each.check}: {each.text}")
        if each.fix:
            lines.append(f"    {each.fix}")
    problems = [each.check for each in findings if each.state == "problem"]
    lines.append(f"{bad}: {', '.join(problems)}." if problems else good)
    return answer(
        "\n".join(lines),
        {"ok": not problems, "findings": [dataclasses.asdict(each) for each in findings]},
        status=CheckError.status if problems else 0,
    )


def _place(read: wheel.Wheel, session: Session) -> pypi.Place:
    """What a wheel for PyPI is held against: the runtime of the target that its tag names."""
    target = targets.of_wheel(read)
    its_node = node.get(session.store, session.emit)
    runtime = pyodide.get(target, its_node, session.store, session.emit)
    return pypi.Place(
        target=target, runtime=runtime, node=its_node, store=session.store, emit=session.emit
    )
