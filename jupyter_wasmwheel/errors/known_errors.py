"""Known errors: patterns in the output of tools, each with an explanation and its remedies.

They are declared in `known_errors.toml`.
"""

from __future__ import annotations

import functools
import re
import tomllib
import typing
from importlib import resources
from string import Template
from typing import Literal

import msgspec
from msgspec import Struct

from ..api.errors import (
    CheckError,
    CompileError,
    Extra,
    Install,
    LimitError,
    Remedy,
    Retry,
    SourceError,
    ToolchainError,
    WasmwheelError,
)
from ..api.requests import BuildRequest, options

#: Where an error occurs: in git, in a build, in an audit, or in an import.
Stage = Literal["git", "build", "audit", "import"]

_ERRORS = {
    kind.status: kind
    for kind in (SourceError, ToolchainError, CompileError, CheckError, LimitError)
}


class KnownError(Struct, frozen=True, kw_only=True):
    """A pattern in a tool's output, and the error that it means.

    `what`, `why` and `fix` are templates for the pattern's groups and the values of the stage.
    Each of `retry` is an option of the command line, or empty to repeat the request unchanged. An
    option whose value turns out to be empty is not offered.
    """

    stage: Stage
    code: str
    pattern: str
    status: int
    what: str
    why: str
    fix: str
    retry: tuple[str, ...] = ()
    install: tuple[Extra, ...] = ()

    def match(self, text: str, **values: str) -> WasmwheelError | None:
        """Return the error that the text means, or None if the pattern is not in it."""
        found = re.search(self.pattern, text, re.MULTILINE)
        if not found:
            return None
        values |= {name: value.strip() for name, value in found.groupdict("").items()}

        def filled(template: str) -> str:
            return Template(template).substitute(values)

        words = [filled(word) for word in self.retry]
        remedies: list[Remedy] = [
            Retry(changes=_changes(word)) for word in words if not word.endswith("=")
        ]
        if self.install:
            remedies.insert(0, Install(extras=tuple(self.install), target=values.get("target")))
        return _ERRORS[self.status](
            *map(filled, (self.what, self.why, self.fix)), code=self.code, remedies=remedies
        )


@functools.cache
def load() -> tuple[KnownError, ...]:
    """Return all known errors, the most specific ones of each stage first."""
    text = resources.files(__package__).joinpath("known_errors.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    found = []
    for stage in typing.get_args(Stage):
        table = tables[stage]
        shared = {key: value for key, value in table.items() if not isinstance(value, dict)}
        for code, row in table.items():
            if isinstance(row, dict):
                found.append(KnownError(stage=stage, code=code, **(shared | row)))
    return tuple(found)


def match(stage: Stage, text: str, **values: str) -> list[WasmwheelError]:
    """Return the errors of a stage that match the text, the most specific one first."""
    matches = [each.match(text, **values) for each in load() if each.stage == stage]
    return [error for error in matches if error]


def _changes(word: str) -> dict[str, bool | str | tuple[str, ...]]:
    """Return the fields of a build request that an option changes: `--offline=false`."""
    if not word:
        return {}
    flag, _, value = word.partition("=")
    (name,) = (name for name, each in options(BuildRequest).items() if flag in each.flags)
    default = msgspec.structs.asdict(BuildRequest(source=""))[name]
    if isinstance(default, bool):
        return {name: value != "false"}
    return {name: (value,) if isinstance(default, tuple) else value}
