"""`jupyter wasmwheel demo`: the whole way once, on a starter crate."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .. import pipeline
from ..api.errors import SiteError
from ..api.events import note
from ..build.request import BuildRequest
from ..checks import smoke
from ..index import Index
from ..project import starter
from ..report import Report
from ..runtime import node, targets
from ..site import lite
from . import build
from .answer import Answer, Session, answer
from .site import proxy_of, serve

#: The names of the demo's crate and of its site.
CRATE, SITE = "hello", "demo"


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo", parents=[output], help="make a starter crate, build it, and open it in a notebook"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, session: Session) -> Answer:
    """Make, build, check and publish a starter crate; on a terminal, serve its site."""
    site = _site(session)
    folder = session.store.home / "demo" / CRATE
    if not folder.is_dir():
        starter.make(CRATE, folder.parent)
    note(session.emit, f"The crate is {folder}")
    request = BuildRequest(
        source=str(folder), site=SITE, out=folder.parent / "dist", limits=session.limits
    )
    report = pipeline.run(request, session.store, session.emit)
    text = f"{build.summary(report)}\n  result   {_call(report, session)}"
    notebook = report.published.package.notebook if report.published else None
    if sys.stdout.isatty() and sys.stdin.isatty() and not (args.json or args.events):
        print(text, flush=True)
        serve(site, proxy_of(site, SITE, session), notebook)
        return answer("Stopped.", report.as_json())
    next_step = f"Open it: jupyter wasmwheel site serve {SITE}"
    return answer(f"{text}\n{next_step}", report.as_json())


def _call(report: Report, session: Session) -> str:
    """What a function of the crate answers in the runtime."""
    its_node = node.get(session.store, session.emit)
    code = f"import {CRATE}; print({CRATE}.greet('you'))"
    wheels, runtime = [report.wheel], report.runtime
    done = smoke.smoke(wheels, runtime, its_node, session.store, Index(), session.emit, code=code)
    return f"{CRATE}.greet('you') -> {done.output.strip()!r}"


def _site(session: Session) -> lite.Site:
    """The demo's site, made on the first run."""
    try:
        return lite.find(SITE, session.store)
    except SiteError:
        target = targets.find(targets.default_abi())
        its_node = node.get(session.store, session.emit)
        place = lite.place(SITE, session.store)
        return lite.create(place, target, session.store, its_node, Index(), session.emit)
