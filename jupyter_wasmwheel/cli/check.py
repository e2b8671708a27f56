"""`jupyter wasmwheel check`: check a wheel for PyPI, or against a build's report."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import structs

from .. import wheel
from ..api.errors import CheckError
from ..checks import pypi, verify_report
from ..checks.finding import WheelFinding
from ..runtime import engine, targets
from ..wheel import Wheel
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
        good, bad = f"{read.path.name} matches {args.report}.", f"does not match {args.report}"
    else:
        findings = examine_for_pypi(read, context)
        good, bad = f"{read.path.name} is ready for PyPI.", "is not ready for PyPI"
    problems = [each.check for each in findings if each.state == "problem"]
    last = f"{read.path.name} {bad}: {', '.join(problems)}." if problems else good
    return result(
        "\n".join([*lines(findings), last]),
        {"ok": not problems, "findings": [structs.asdict(each) for each in findings]},
        status=CheckError.status if problems else 0,
    )


def examine_for_pypi(read: Wheel, context: CliContext) -> tuple[WheelFinding, ...]:
    """Check a wheel for PyPI."""
    target = targets.of_wheel(read)
    return pypi.examine(read, target, engine.prepare(target, context.run_context))


def lines(findings: Iterable[WheelFinding]) -> Iterator[str]:
    """Yield findings as text for people."""
    for each in findings:
        yield f"{MARKS[each.state]} {each.check}: {each.text}"
        if each.fix:
            yield f"    {each.fix}"
