"""The parser of the command line, and the commands in it."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

from .. import __version__
from ..api.errors import UsageError

#: The commands, each a module; only the one that runs is imported.
COMMANDS = (
    "doctor",
    "targets",
    "build",
    "audit",
    "smoke",
    "test",
    "check",
    "publish",
    "export",
    "site",
    "snippet",
    "new",
    "demo",
    "cache",
    "completion",
)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors have what, why and fix."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(
            f"{self.prog}: {message}.",
            " ".join(self.format_usage().split()),
            f"Run `{self.prog} --help` to list the options.",
            code="usage.invalid-arguments",
        )


class _CommandParser(_Parser):
    """A command's parser: an unknown argument is its own error, with its own usage."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments, of which none may be unknown."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown


def create_parser(
    command: str | None = None, prog: str = "jupyter wasmwheel"
) -> argparse.ArgumentParser:
    """Return the parser of all commands, or of one of them."""
    parser = _Parser(
        prog=prog,
        description="Build Rust-based Python packages for Pyodide and run them in JupyterLite.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", parser_class=_CommandParser)
    for name in [command] if command in COMMANDS else COMMANDS:
        importlib.import_module(f".{name}", __package__).add(commands)
    return parser
