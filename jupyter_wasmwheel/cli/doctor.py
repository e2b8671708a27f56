"""`jupyter wasmwheel doctor`: list the requirements of builds, and install missing ones."""

from __future__ import annotations

import argparse
from typing import Any

from ..api.requests import InstallRequest
from ..jobs.execute import examine, execute
from ..runtime import targets
from . import options
from .result import CliContext, CommandResult, with_text

#: The mark of each state of a requirement.
MARKS = {"ok": "✓", "optional": "·", "missing": "✗"}


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = options.add_command(
        commands, "doctor", run, "list the requirements of builds, and install missing ones"
    )
    options.add_options(parser, InstallRequest)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Install missing requirements if requested, and list all of them."""
    target = targets.find(args.target or targets.default_abi())
    if args.extras is None:
        outcome = examine(target, context.store)
    else:
        outcome = execute(options.request_from(args, InstallRequest), context)
    findings = outcome.document["findings"]
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding['state']]} {finding['part']}: {finding['text']}")
        if finding["fix"]:
            lines.append(f"    {finding['fix']}")
    missing = ", ".join(each["part"] for each in findings if each["state"] == "missing")
    ready = f"Ready to build for Pyodide {target.pyodide} ({target.abi})."
    lines.append(f"Missing: {missing}." if missing else ready)
    return with_text(outcome, "\n".join(lines))
