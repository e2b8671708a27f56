"""`jupyter wasmwheel doctor`: list what building needs, and install what is missing."""

from __future__ import annotations

import argparse
from typing import Any

from ..api.requests import InstallRequest
from ..jobs.execute import examine
from ..runtime import targets
from . import execution, options
from .result import CliContext, CommandResult

MARKS = {"ok": "✓", "optional": "·", "missing": "✗"}


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "doctor", parents=[output], help="list what building needs, and install what is missing"
    )
    options.add_options(parser, InstallRequest)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Examine what is installed, after installing what is missing where that is requested."""
    target = targets.find(args.target or targets.default_abi())
    if args.extras is None:
        outcome = examine(target, context.store)
    else:
        outcome = execution.run(options.request_from(args, InstallRequest), context)
    findings = outcome.document["findings"]
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding['state']]} {finding['part']}: {finding['text']}")
        if finding["fix"]:
            lines.append(f"    {finding['fix']}")
    missing = ", ".join(each["part"] for each in findings if each["state"] == "missing")
    ready = f"Ready to build for Pyodide {target.pyodide} ({target.abi})."
    lines.append(f"Missing: {missing}." if missing else ready)
    return execution.with_text(outcome, "\n".join(lines))
