"""`jupyter wasmwheel test`: a project's own tests, with its wheel, in the real Pyodide."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from .. import pipeline
from ..build.request import TestRequest
from ..checks.tests import TIMEOUT
from ..report import Report
from . import build
from .answer import Answer, Session, answer, duration


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "test",
        parents=[output],
        help="build a wheel and run the project's own tests with it, in the real Pyodide",
    )
    parser.add_argument(
        "-k", "--select", metavar="EXPRESSION", help="run only the tests that match, as pytest's -k"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"how long each test may take ({TIMEOUT:g})",
    )
    build.add_choices(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Build and test what the arguments ask for."""
    request = TestRequest(**build.choices(args, session), select=args.select, timeout=args.timeout)
    report = pipeline.test(request, session.store, session.emit)
    assert report.tests
    error = report.tests.error(f"{report.wheel.name} {report.wheel.version}")
    return answer(summary(report), report.as_json(), error=error)


def summary(report: Report) -> str:
    """What a person wants to know of the tests in a report."""
    assert report.tests
    tests = report.tests
    reasons = Counter(each.reason for each in tests.failures if each.outcome == "unsupported")
    asked_for = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    rows = [
        ("passed", tests.passed, ""),
        ("failed", tests.failed, ""),
        ("crashed", tests.crashed, "they brought the runtime down"),
        ("timed out", tests.timed_out, ""),
        ("not run", tests.not_run, ""),
        ("unsupported", tests.unsupported, asked_for),
        ("skipped", tests.skipped, ""),
    ]
    return "\n".join(
        [
            f"{report.wheel.name} {report.wheel.version}: {tests.collected} tests in Pyodide "
            f"{report.runtime.version} ({duration(tests.seconds)})",
            *(
                f"  {name:<11} {count}" + (f"  ({more})" if more else "")
                for name, count, more in rows
                if count
            ),
        ]
    )
