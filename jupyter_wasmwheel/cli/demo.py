"""`jupyter wasmwheel demo`: create a starter crate, build it, publish it and serve its site."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from .. import wheel
from ..api.errors import SiteError
from ..api.events import note
from ..api.report import BuildReport
from ..api.requests import BuildRequest, SiteRequest
from ..checks import smoke
from ..project import starter
from ..runtime import engine, targets
from ..site import lite
from . import build, execution
from .result import CliContext, CommandResult
from .site import proxy_of, serve

#: The names of the demo's crate and of its site.
CRATE, SITE = "hello", "demo"


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo", parents=[output], help="create a starter crate, build it, and open it in a notebook"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Create, build, check and publish a starter crate; on a terminal, serve its site."""
    _create_site(context)
    folder = context.store.home / "demo" / CRATE
    if not folder.is_dir():
        starter.create(CRATE, folder.parent)
    note(context.emit, f"The crate is {folder}")
    request = BuildRequest(source=str(folder), site=SITE)
    outcome = execution.run(request, context, folder.parent / "dist")
    report = msgspec.convert(outcome.document, BuildReport)
    text = f"{build.summary(report)}\n  result   {_call(report, context)}"
    if sys.stdout.isatty() and sys.stdin.isatty() and not (args.json or args.events):
        print(text, flush=True)
        site = lite.find(SITE, context.store)
        url = report.published.url if report.published else None
        serve(site, proxy_of(site, SITE, context), url)
        return execution.with_text(outcome, "Stopped.")
    return execution.with_text(outcome, f"{text}\nOpen it: jupyter wasmwheel site serve {SITE}")


def _call(report: BuildReport, context: CliContext) -> str:
    """Return what a function of the crate returns in Pyodide."""
    prepared = engine.prepare(targets.find(report.target.abi), context.run)
    code = f"import {CRATE}; print({CRATE}.greet('you'))"
    wheels = [wheel.read(Path(report.wheel))]
    done = smoke.smoke(wheels, prepared, context.run, code=code)
    return f"{CRATE}.greet('you') -> {done.output.strip()!r}"


def _create_site(context: CliContext) -> None:
    """Create the demo's site on the first run."""
    try:
        lite.find(SITE, context.store)
    except SiteError:
        execution.run(SiteRequest(site=SITE), context)
