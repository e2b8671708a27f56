"""`jupyter wasmwheel check`: check a wheel for PyPI, or against a build's report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from msgspec import structs

from .. import wheel
from ..api.errors import CheckError
from ..checks import pypi, verify_report
from ..runtime import engine, targets
from .options import add_command
from .result import CliContext, CommandResult, result

#: The mark of each state of a finding.
MARKS = {"ok": "✓", "problem": "✗", "unknown": "?"}


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "check", run, "check a wheel for PyPI, or against the report of a build"
    )
    parser.add_argument("wheel", type=Path, metavar="WHEEL", help="wheel to check")
    against = parser.add_mutually_exclusive_group(required=True)
    against.add_argument("--pypi", action="store_true", help="check it for PyPI (requires twine)")
    against.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="check it against a report of `build --json`",
    )


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Check a wheel for PyPI, or against a report."""
    read = wheel.read(args.wheel)
    if args.report:
        findings = verify_report.examine(read, verify_report.read(args.report, read))
        good = f"{read.path.name} matches {args.report}."
        bad = f"{read.path.name} does not match {args.report}"
    else:
        target = targets.of_wheel(read)
        findings = pypi.examine(read, target, engine.prepare(target, context.run_context))
        good = f"{read.path.name} is ready for PyPI."
        bad = f"{read.path.name} is not ready for PyPI"
    lines = []
    for each in findings:
        lines.append(f"{MARKS[each.state]} {each.check}: {each.text}")
        if each.fix:
            lines.append(f"    {each.fix}")
    problems = [each.check for each in findings if each.state == "problem"]
    lines.append(f"{bad}: {', '.join(problems)}." if problems else good)
    return result(
        "\n".join(lines),
        {"ok": not problems, "findings": [structs.asdict(each) for each in findings]},
        status=CheckError.status if problems else 0,
    )
