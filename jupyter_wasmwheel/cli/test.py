"""`jupyter wasmwheel test`: build a wheel and run the project's own tests with it in Pyodide."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import msgspec
from msgspec.structs import replace

from ..api.report import BuildReport
from ..api.requests import TestRequest
from ..jobs.execute import execute
from . import options
from .format import duration
from .result import CliContext, CommandResult, with_text


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = options.add_command(
        commands, "test", run, "build a wheel and run the project's own tests with it in Pyodide"
    )
    options.add_build_options(parser, TestRequest)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Build a wheel and run the project's tests."""
    outcome = execute(options.request_from(args, TestRequest), replace(context, out=args.out))
    return with_text(outcome, summary(msgspec.convert(outcome.document, BuildReport)))


def summary(report: BuildReport) -> str:
    """Return the results of a report's tests as text for people."""
    assert report.tests
    tests = report.tests
    reasons = Counter(each.reason for each in tests.failures if each.outcome == "unsupported")
    unsupported = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    rows = [
        ("passed", tests.passed, ""),
        ("failed", tests.failed, ""),
        ("crashed", tests.crashed, "Pyodide was terminated"),
        ("timed out", tests.timed_out, ""),
        ("not run", tests.not_run, ""),
        ("unsupported", tests.unsupported, unsupported),
        ("skipped", tests.skipped, ""),
    ]
    count = f"{tests.collected} test" + ("" if tests.collected == 1 else "s")
    lines = [
        f"{report.name} {report.version}: {count} in Pyodide "
        f"{report.target.pyodide} ({duration(tests.seconds)})"
    ]
    lines += [
        f"  {name:<11} {count}" + (f"  ({more})" if more else "")
        for name, count, more in rows
        if count
    ]
    return "\n".join(lines)
