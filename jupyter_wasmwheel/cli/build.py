"""`jupyter wasmwheel build`: build a wheel, check it, and publish it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from ..api.report import BuildReport
from ..api.requests import BuildRequest
from ..jobs.execute import execute
from . import options
from .format import duration, phase, size
from .result import CliContext, CommandResult, with_text


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = options.add_command(
        commands, "build", run, "build a wheel for Pyodide, check it, and publish it to a site"
    )
    options.add_build_options(parser, BuildRequest)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Build a wheel."""
    outcome = execute(options.request_from(args, BuildRequest), replace(context, out=args.out))
    return with_text(outcome, summary(msgspec.convert(outcome.document, BuildReport)))


def summary(report: BuildReport) -> str:
    """Return a report as text for people."""
    return _matrix(report) if report.targets else _one(report)


def _matrix(report: BuildReport) -> str:
    """Return a table with a row for each target."""
    rows = [["target", "pyodide", "python", "size", "time", "import", "wheel"]]
    for row in report.targets:
        known = [row.target.abi, row.target.pyodide, row.target.python]
        rows.append([*known, *(_cells(row.report) if row.report else ["", "", "failed", ""])])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def _cells(report: BuildReport) -> list[str]:
    """Return the cells of a target with a wheel."""
    imported = "works" if report.smoke else "skipped"
    seconds = duration(sum(each.seconds for each in report.phases))
    return [size(report.size), seconds, imported, Path(report.wheel).name]


def _one(report: BuildReport) -> str:
    times = ", ".join(f"{phase(each.name)} {duration(each.seconds)}" for each in report.phases)
    lines = [
        Path(report.wheel).name,
        f"  size     {size(report.size)}",
        f"  wheel    {report.wheel}",
        f"  time     {duration(sum(each.seconds for each in report.phases))}: {times}",
    ]
    if report.smoke:
        lines.append(
            f"  import   {report.smoke.module} works in Pyodide {report.target.pyodide}"
            f" ({duration(report.smoke.seconds)})"
        )
    lines += [f"  edited   {patch.summary}" for patch in report.patches]
    for each in report.dependencies:
        if each.source == "missing":
            lines.append(f"  needs    {each.requirement}, not available for Pyodide")
        elif not each.needed_by:
            lines.append(f"  needs    {each.requirement}, from {each.source}")
    lines += [f"  built    {Path(each.wheel).name}" for each in report.built_along]
    if report.published:
        lines.append(f"  site     {report.published.site}")
        lines.append(f"  notebook {report.published.url}")
    return "\n".join(lines)
