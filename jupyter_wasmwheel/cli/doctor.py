"""`jupyter wasmwheel doctor`: what is there to build with, what is missing, and how to mend it."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from ..api.errors import ToolchainError
from ..build import seeds
from ..runtime import targets
from ..toolchain import doctor
from .answer import Answer, Session, answer

MARKS = {"ok": "✓", "optional": "·", "missing": "✗"}


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "doctor", parents=[output], help="say what is there to build with, and what is missing"
    )
    parser.add_argument(
        "--fix",
        action="extend",
        nargs="*",
        choices=doctor.EXTRAS,
        metavar="EXTRA",
        help="install what is missing and can be had without root; with a name, only that: "
        "`emscripten` of the target's version, for packages with C or C++ in them, or a `nightly` "
        "Rust, for projects whose rust-toolchain file asks for one, or `seeds`, with which a new "
        "crate's first build takes a second",
    )
    parser.add_argument(
        "--target", metavar="ABI", default=targets.default_abi(), help="the ABI to build for"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Examine what there is, after mending it if asked."""
    target = targets.find(args.target)
    if args.fix is not None:
        doctor.fix(target, session.store, session.emit, session.downloads, args.fix)
    if "seeds" in (args.fix or ()):
        seeds.prepare(target, session.store, session.emit)
    findings = [*doctor.examine(target, session.store), seeds.examine(target, session.store)]
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.state]} {finding.part}: {finding.text}")
        if finding.fix:
            lines.append(f"    {finding.fix}")
    missing = [finding.part for finding in findings if finding.state == "missing"]
    verdict = f"Missing: {', '.join(missing)}." if missing else "Ready to build for Pyodide "
    lines.append(verdict if missing else f"{verdict}{target.pyodide} ({target.abi}).")
    return answer(
        "\n".join(lines),
        {"ok": not missing, "findings": [dataclasses.asdict(each) for each in findings]},
        # Of an extra that was asked for, an error has said so if it could not be installed.
        status=ToolchainError.status if missing and not args.fix else 0,
    )
