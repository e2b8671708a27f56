"""The command line, `jupyter wasmwheel`: one module a command."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import sys
import uuid
from collections.abc import Iterator, Sequence

from .. import __version__, config, credentials
from ..api.errors import CanceledError, UsageError, WasmwheelError
from ..api.events import Emitter, JsonLines, Report, error_event, ignore
from ..api.sanitize import redact_all, sanitize
from ..errors.os_errors import from_os_error
from ..process.group import interruptible
from ..process.supervisor import hide_memory
from . import options
from .result import CliContext, CommandResult

#: The commands, each a module here; only the one that is run is loaded.
COMMANDS = (
    "doctor",
    "targets",
    "build",
    "audit",
    "smoke",
    "test",
    "check",
    "export",
    "site",
    "new",
    "demo",
    "cache",
)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors have what, why and fix."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(
            f"{self.prog}: {message}.",
            " ".join(self.format_usage().split()),
            f"Run `{self.prog} --help` for the options.",
            code="usage.invalid-arguments",
        )


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, or of one of its commands alone."""
    top = _Parser(
        prog="jupyter wasmwheel",
        description="Build Rust-based Python packages for Pyodide and run them in JupyterLite.",
    )
    top.add_argument("--version", action="version", version=__version__)
    output = options.output_options()
    commands = top.add_subparsers(metavar="COMMAND", dest="command", parser_class=_Parser)
    for name in [command] if command in COMMANDS else COMMANDS:
        importlib.import_module(f".{name}", __name__).add(commands, output)
    return top


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit status."""
    if arguments is None:
        hide_memory()
        arguments = credentials.read(sys.argv[1:], os.environ)
        if arguments == sys.argv[1:]:
            credentials.redact_command_line(arguments)
    sys.exit(run(arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status: 0, or that of its error."""
    words = list(arguments)
    as_events, as_json = "--events" in words, "--json" in words
    job = os.environ.get("WASMWHEEL_JOB") or uuid.uuid4().hex
    lines = JsonLines(sys.stdout, job)
    try:
        args = parser(words[0] if words else None).parse_args(words)
        if not args.command:
            parser().print_help()
            return UsageError.status
        if args.json and args.events:
            raise UsageError(
                "--json and --events cannot be combined.",
                "--json prints one document at the end, --events lines during the run.",
                "Use only one of them.",
                code="usage.json-and-events",
            )
        with interruptible(), _emitter(args, lines) as emit:
            settings = config.load()
            context = CliContext(
                store=settings.store(),
                emit=emit,
                downloads=settings.downloads(),
                proxy=settings.proxy,
                limits=settings.allowed().with_settings(getattr(args, "limits", ())),
                build_variables=settings.build_variables(),
            )
            result: CommandResult = args.run(args, context)
        error = {"error": result.error.as_json()} if result.error else {}
        if args.events:
            lines(Report(report=result.document))
        elif args.json:
            print(json.dumps(redact_all(result.document | error), indent=2))
        else:
            print(sanitize(result.text), flush=True)
        return _show(result.error, lines if as_events else None) if result.error else result.status
    except WasmwheelError as error:
        return _show(error, lines if as_events else None, as_json)
    except KeyboardInterrupt:
        return _show(CanceledError(), lines if as_events else None, as_json)
    except BrokenPipeError:
        # The reader of our output is gone, as with `| head`: no output can be shown.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 1
    except OSError as error:
        known = from_os_error(error)
        if known is None:
            raise
        return _show(known, lines if as_events else None, as_json)


def _show(error: WasmwheelError, lines: JsonLines | None, as_json: bool = False) -> int:
    """Show an error in each requested form and return its exit status."""
    if lines:
        lines(error_event(error.info))
    elif as_json:
        print(json.dumps({"schema": 1, "error": error.as_json()}, indent=2))
    print(f"{error.what}\n  why: {error.why}\n  fix: {error.fix}", file=sys.stderr)
    return error.status


@contextlib.contextmanager
def _emitter(args: argparse.Namespace, lines: JsonLines) -> Iterator[Emitter]:
    """Yield the emitter: JSON lines for a program, nothing, or a live line for people."""
    if args.events or args.json:
        yield lines if args.events else ignore
        return
    from .display import Display  # slow to load, and only people see it

    with Display(verbose=args.verbose) as display:
        yield display
