"""The options of the commands: those of a request (api/requests.py), and the shared ones."""

from __future__ import annotations

import argparse
import typing
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from ..api import requests
from ..api.requests import Option
from .result import CommandResult

Request = TypeVar("Request", bound=msgspec.Struct)


def add_command(
    commands: Any, name: str, run: Callable[..., CommandResult], help: str, **settings: Any
) -> argparse.ArgumentParser:
    """Add a command with the options that all commands have."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, **settings)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")
    parser.add_argument("--events", action="store_true", help="print events as JSON lines")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also show the output of the tools"
    )
    return parser


def add_build_options(parser: argparse.ArgumentParser, kind: type[msgspec.Struct]) -> None:
    """Add the options of a request that builds a wheel, and its output folder."""
    add_options(parser, kind)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to put the wheel into (default: dist)"
    )
    add_limits(parser)


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the option for the limits of builds, imports and tests."""
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="limits",
        help="limit to change, for example build.memory=8GB, import.time=5m or test.processes=50 "
        "(repeatable)",
    )


def add_options(
    parser: argparse.ArgumentParser,
    kind: type[msgspec.Struct],
    *,
    only: Collection[str] | None = None,
) -> None:
    """Add an option for each field of a kind of request, or for some of them."""
    hints = typing.get_type_hints(kind, include_extras=True)
    defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
    for name, option in requests.options(kind).items():
        if only is None or name in only:
            settings = _settings(option, hints[name], defaults[name])
            if option.flags:
                parser.add_argument(*option.flags, dest=name, **settings)
            else:
                parser.add_argument(name, **settings)


def _settings(option: Option, hint: Any, default: Any) -> dict[str, Any]:
    """Return the settings of argparse for a field; an omitted option is None."""
    settings: dict[str, Any] = {"help": option.help.replace("%", "%%")}
    kind = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
    if kind is bool:
        return settings | {"action": "store_true"}
    choices = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
    if typing.get_origin(kind) is tuple:
        entry = typing.get_args(kind)[0]
        if typing.get_origin(entry) is Literal:
            choices = typing.get_args(entry)
            settings |= {"action": "extend", "nargs": "*"}
        else:
            settings |= {"action": "append"} if option.flags else {"nargs": "+"}
    if option.separator:
        settings |= {"action": "append"}
    if kind is float:
        settings["type"] = _number(hint)
    if choices:
        settings["choices"] = choices
    if default and (kind is float or choices):
        settings["help"] += f" (default: {default})"
    return settings | {"metavar": option.metavar or "|".join(choices) or None}


def _number(hint: Any) -> Callable[[str], float]:
    """Return a function that parses a number within the bounds of a field."""

    def read(text: str) -> float:
        try:
            number: float = msgspec.convert(float(text), hint)
        except msgspec.ValidationError as error:
            raise argparse.ArgumentTypeError(f"{error}, got {text}") from error
        return number

    read.__name__ = "number"
    return read


def request_from(args: argparse.Namespace, kind: type[Request]) -> Request:
    """Return the request for parsed arguments; omitted ones have their default."""
    given = {
        name: _value(value, option)
        for name, option in requests.options(kind).items()
        if (value := getattr(args, name, None)) is not None
    }
    return kind(**given)


def _value(value: Any, option: Option) -> Any:
    """Return the value of a field for that of a parsed option, which can be a list."""
    if isinstance(value, list):
        return option.separator.join(value) if option.separator else tuple(value)
    return value
