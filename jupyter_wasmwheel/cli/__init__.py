"""The command line, `jupyter wasmwheel`: one module for each command."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import uuid
from collections.abc import Iterator, Sequence

from .. import config, credentials
from ..api.errors import UsageError, WasmwheelError
from ..api.events import Emitter, JsonLines, Report, error_event, ignore
from ..api.sanitize import redact_all, sanitize
from ..process.program import run_program
from ..process.supervisor import hide_memory
from .arguments import create_parser
from .result import CliContext, CommandResult


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, and exit with its status."""
    if arguments is None:
        hide_memory()
        arguments = credentials.read(sys.argv[1:], os.environ)
        if arguments == sys.argv[1:]:
            credentials.redact_command_line(arguments)
    sys.exit(run(arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command, and return its exit status."""
    words = list(arguments)
    lines = JsonLines(sys.stdout, os.environ.get("WASMWHEEL_JOB") or uuid.uuid4().hex)

    def fail(error: WasmwheelError) -> int:
        if "--events" in words:
            lines(error_event(error.info))
        elif "--json" in words:
            print(json.dumps({"schema": 1, "error": error.as_json()}, indent=2))
        return _print_error(error)

    return run_program(lambda: _run(words, lines), fail)


def _run(words: list[str], lines: JsonLines) -> int:
    args = create_parser(words[0] if words else None).parse_args(words)
    if not args.command:
        create_parser().print_help()
        return UsageError.status
    if args.json and args.events:
        raise UsageError(
            "--json and --events cannot be combined.",
            "--json prints one document at the end, --events lines during the run.",
            "Use only one of them.",
            code="usage.json-and-events",
        )
    with _emitter(args, lines) as emit:
        settings = config.load()
        context = CliContext(
            store=settings.store(),
            emit=emit,
            downloads=settings.downloads(),
            proxy=settings.proxy,
            limits=settings.resource_limits().with_settings(getattr(args, "limits", ())),
            build_variables=settings.build_variables(),
        )
        result: CommandResult = args.run(args, context)
    if args.events:
        lines(Report(report=result.document))
        if result.error:
            lines(error_event(result.error.info))
    elif args.json:
        error = {"error": result.error.as_json()} if result.error else {}
        print(json.dumps(redact_all(result.document | error), indent=2))
    else:
        print(sanitize(result.text), flush=True)
    return _print_error(result.error) if result.error else result.status


def _print_error(error: WasmwheelError) -> int:
    print(f"{error.what}\n  why: {error.why}\n  fix: {error.fix}", file=sys.stderr)
    return error.status


@contextlib.contextmanager
def _emitter(args: argparse.Namespace, lines: JsonLines) -> Iterator[Emitter]:
    """Yield the emitter: JSON lines, nothing, or a live line for people."""
    if args.events or args.json:
        yield lines if args.events else ignore
        return
    from .display import Display  # slow to import

    with Display(verbose=args.verbose) as display:
        yield display
