"""`jupyter wasmwheel test`: build a wheel and run the project's own tests with it in Pyodide."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import msgspec

from ..api.report import BuildReport
from ..api.requests import TestRequest
from . import execution, options
from .format import duration
from .result import CliContext, CommandResult


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "test",
        parents=[output],
        help="build a wheel and run the project's own tests with it in Pyodide",
    )
    options.add_build_options(parser, TestRequest)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Build a wheel and run the project's tests."""
    outcome = execution.run(options.request_from(args, TestRequest), context, args.out)
    return execution.with_text(outcome, summary(msgspec.convert(outcome.document, BuildReport)))


def summary(report: BuildReport) -> str:
    """Return the tests of a report as text for people."""
    assert report.tests
    tests = report.tests
    reasons = Counter(each.reason for each in tests.failures if each.outcome == "unsupported")
    needed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    rows = [
        ("passed", tests.passed, ""),
        ("failed", tests.failed, ""),
        ("crashed", tests.crashed, "Pyodide was terminated"),
        ("timed out", tests.timed_out, ""),
        ("not run", tests.not_run, ""),
        ("unsupported", tests.unsupported, needed),
        ("skipped", tests.skipped, ""),
    ]
    lines = [
        f"{report.name} {report.version}: {tests.collected} tests in Pyodide "
        f"{report.target.pyodide} ({duration(tests.seconds)})"
    ]
    lines += [
        f"  {name:<11} {count}" + (f"  ({more})" if more else "")
        for name, count, more in rows
        if count
    ]
    return "\n".join(lines)
