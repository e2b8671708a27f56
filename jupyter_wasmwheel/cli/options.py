"""Command-line options made from the fields of a request (api/requests.py), and back."""

from __future__ import annotations

import argparse
import typing
from collections.abc import Collection
from typing import Any, Literal, TypeVar

import msgspec

from ..api import requests
from ..api.requests import Option

Request = TypeVar("Request", bound=msgspec.Struct)


def add_options(
    parser: argparse.ArgumentParser, kind: type[msgspec.Struct], *, omit: Collection[str] = ()
) -> None:
    """Add an option for each field of a kind of request; positional arguments come first."""
    declared = [each for each in requests.options(kind).items() if each[0] not in omit]
    hints = typing.get_type_hints(kind)
    defaults = {
        field.name: field.default for field in msgspec.structs.fields(kind) if not field.required
    }
    for name, option in sorted(declared, key=lambda each: bool(each[1].flags)):
        if option.flags:
            _add_flag(parser, name, option, hints[name], defaults[name])
        else:
            parser.add_argument(name, metavar=option.metavar, help=option.help)


def _add_flag(
    parser: argparse.ArgumentParser, name: str, option: Option, hint: Any, default: Any
) -> None:
    shared: dict[str, Any] = {"dest": name, "help": option.help}
    if hint is bool:
        parser.add_argument(*option.flags, action="store_true", **shared)
        return
    shared["metavar"] = option.metavar or None
    if typing.get_origin(hint) is tuple:
        parser.add_argument(*option.flags, action="append", default=[], **shared)
        return
    if typing.get_origin(hint) is Literal:
        shared["choices"] = typing.get_args(hint)
    elif hint is float:
        shared["type"] = float
        shared["help"] += f" (default: {default:g})"
    parser.add_argument(*option.flags, default=default, **shared)


def request_from(args: argparse.Namespace, kind: type[Request]) -> Request:
    """Return the request that parsed arguments ask for."""
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name in requests.options(kind)
        if (value := getattr(args, name, None)) is not None
    }
    return kind(**given)
