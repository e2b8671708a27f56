"""`jupyter wasmwheel check`: check a wheel for PyPI, or against a build's report."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from .. import wheel
from ..api.errors import CheckError
from ..checks import pypi, verify_report
from ..runtime import engine, targets
from .result import CliContext, CommandResult, result

#: The mark of each state of a finding.
MARKS = {"ok": "✓", "problem": "✗", "unknown": "?"}


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "check",
        parents=[output],
        help="check a wheel for PyPI, or against the report of a build",
    )
    parser.add_argument("wheel", type=Path, metavar="WHEEL", help="wheel to check")
    against = parser.add_mutually_exclusive_group(required=True)
    against.add_argument("--pypi", action="store_true", help="check it for PyPI (requires twine)")
    against.add_argument(
        "--report", type=Path, metavar="FILE", help="check it against what `build --json` printed"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Check a wheel for PyPI, or against a report."""
    read = wheel.read(args.wheel)
    if args.report:
        findings = verify_report.examine(read, verify_report.read(args.report, read))
        good = f"{read.path.name} is what {args.report} tells of."
        bad = f"{read.path.name} is not what {args.report} tells of"
    else:
        target = targets.of_wheel(read)
        findings = pypi.examine(read, target, engine.prepare(target, context.run))
        good = f"PyPI can get {read.path.name}."
        bad = f"PyPI should not get {read.path.name}"
    lines = []
    for each in findings:
        lines.append(f"{MARKS[each.state]} {each.check}: {each.text}")
        if each.fix:
            lines.append(f"    {each.fix}")
    problems = [each.check for each in findings if each.state == "problem"]
    lines.append(f"{bad}: {', '.join(problems)}." if problems else good)
    return result(
        "\n".join(lines),
        {"ok": not problems, "findings": [dataclasses.asdict(each) for each in findings]},
        status=CheckError.status if problems else 0,
    )
