"""`jupyter wasmwheel demo`: create a starter crate, build it, publish it and serve its site."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from .. import wheel
from ..api.errors import SiteError, WasmwheelError
from ..api.events import note
from ..api.report import BuildReport
from ..api.requests import BuildRequest, InstallRequest, SiteRequest
from ..build import seeds
from ..checks import smoke
from ..jobs.execute import execute
from ..project import starter
from ..runtime import engine, targets
from ..site import lite
from . import build
from .options import add_command
from .result import CliContext, CommandResult, with_text
from .site import proxy_of, serve

#: The names of the demo's crate and of its site.
CRATE, SITE = "hello", "demo"


def add(commands: Any) -> None:
    """Add the command to the parser."""
    add_command(commands, "demo", run, "create a starter crate, build it, and serve its notebook")


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Create, build, check and publish a starter crate; on a terminal, serve its site."""
    _create_site(context)
    folder = context.store.home / "demo" / CRATE
    if not folder.is_dir():
        starter.create(CRATE, folder.parent)
    note(context.emit, f"The starter crate is in {folder}.")
    request = BuildRequest(source=str(folder), site=SITE)
    outcome = execute(request, replace(context, out=folder.parent / "dist"))
    report = msgspec.convert(outcome.document, BuildReport)
    text = f"{build.summary(report)}\n  result   {_call(report, context)}"
    _install_seeds(context)
    if sys.stdout.isatty() and sys.stdin.isatty() and not (args.json or args.events):
        print(text, flush=True)
        site = lite.find(SITE, context.store)
        url = report.published.url if report.published else None
        serve(site, proxy_of(site, SITE, context), url)
        return with_text(outcome, "Stopped.")
    return with_text(outcome, f"{text}\nOpen it: jupyter wasmwheel site serve {SITE}")


def _call(report: BuildReport, context: CliContext) -> str:
    """Call a function of the crate in Pyodide, and return the result as text."""
    prepared = engine.prepare(targets.find(report.target.abi), context.run_context)
    code = f"import {CRATE}; print({CRATE}.greet('you'))"
    wheels = [wheel.read(Path(report.wheel))]
    done = smoke.smoke(wheels, prepared, context.run_context, code=code)
    return f"{CRATE}.greet('you') -> {done.output.strip()!r}"


def _install_seeds(context: CliContext) -> None:
    """Compile pyo3 for the other profiles, so that also the first draft of a new crate is quick."""
    if seeds.examine(targets.find(targets.default_abi()), context.store).state == "ok":
        return
    try:
        execute(InstallRequest(extras=("seeds",)), context)
    except WasmwheelError as error:  # the demo has succeeded
        note(context.emit, f"{error.what} {error.why}")


def _create_site(context: CliContext) -> None:
    """Create the demo's site on the first run."""
    try:
        lite.find(SITE, context.store)
    except SiteError:
        execute(SiteRequest(site=SITE), context)
