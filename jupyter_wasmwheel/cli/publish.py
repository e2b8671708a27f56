"""`jupyter wasmwheel publish`: check wheels for PyPI, and upload them to a package index."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import wheel
from ..api.errors import CheckError
from ..api.events import note
from ..api.sanitize import redact
from ..checks import twine
from .check import examine_for_pypi, lines
from .options import add_command
from .result import CliContext, CommandResult, result


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "publish", run, "check wheels for PyPI, and upload them to a package index"
    )
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL", help="wheels to upload")
    parser.add_argument(
        "--repository",
        required=True,
        metavar="NAME|URL",
        help="index to upload to: pypi, testpypi, another name in ~/.pypirc, or its address "
        "(requires twine)",
    )


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Check all wheels, and upload all or none."""
    wheels = [wheel.read(path) for path in args.wheels]
    for each in wheels:
        findings = examine_for_pypi(each, context)
        problems = [finding for finding in findings if finding.state == "problem"]
        if problems:
            raise CheckError(
                f"{each.path.name} is not ready for {redact(args.repository)}.",
                " ".join(finding.text for finding in problems),
                " ".join(finding.fix for finding in problems),
                code="publish.not-ready",
            )
        for line in lines(findings):
            note(context.emit, line)
    twine.upload([each.path for each in wheels], args.repository)
    names = [each.path.name for each in wheels]
    text = f"Uploaded to {redact(args.repository)}:\n" + "\n".join(f"  {name}" for name in names)
    return result(text, {"repository": redact(args.repository), "wheels": names})
