"""Known failures: how each looks in the output of a tool, and the error it stands for.

What a tool or a runtime prints when it fails is text that others wrote. An entry of
`known_errors.toml` matches such a text by a pattern, and explains it with its remedy.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any, Literal

import msgspec

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

#: Where an error shows: in the output of git or of a build, in an audit's findings, in an import.
Stage = Literal["git", "build", "audit", "import"]

_ERRORS = {
    kind.status: kind
    for kind in (SourceError, ToolchainError, CompileError, CheckError, LimitError)
}


@dataclass(frozen=True, kw_only=True)
class KnownError:
    """A pattern in a tool's output, and the error it stands for.

    `what`, `why` and `fix` are templates: `$crate` stands for the pattern's group of that name, or
    for a value that the stage passes. `example` is real output, and `command` what printed it.
    `retry` has an option for each button that runs the request again with it, empty for the same
    request; `install` names extras to install, for the `target` that the stage passes.
    """

    name: str
    stage: Stage
    pattern: re.Pattern[str]
    status: int
    what: str
    why: str
    fix: str
    example: str
    command: str
    code: str
    retry: tuple[str, ...] = ()
    install: tuple[Extra, ...] = ()

    def match(self, text: str, **values: str) -> WasmwheelError | None:
        """Return the error that the text stands for, or None where the pattern is not in it."""
        found = self.pattern.search(text)
        if not found:
            return None
        values |= {name: value.strip() for name, value in found.groupdict("").items()}
        what, why, fix = (Template(each).substitute(values) for each in self._parts)
        return _ERRORS[self.status](
            what, why, fix, code=self.code, remedies=tuple(self._remedies(values))
        )

    def _remedies(self, values: Mapping[str, str]) -> Iterator[Remedy]:
        if self.install:
            yield Install(extras=tuple(self.install), target=values.get("target"))
        for word in self.retry:
            yield Retry(changes=_changes(Template(word).substitute(values)))

    @property
    def _parts(self) -> tuple[str, str, str]:
        return self.what, self.why, self.fix


@functools.cache
def load() -> tuple[KnownError, ...]:
    """Return all known errors, the most specific ones of each stage first."""
    text = resources.files(__package__).joinpath("known_errors.toml").read_text(encoding="utf-8")
    return tuple(
        KnownError(
            **{"stage": stage, "name": name, "code": f"{stage}.{name}", **shared, **row}
            | {"pattern": _compiled(row)}
        )
        for stage, table in tomllib.loads(text).items()
        for shared in [{key: value for key, value in table.items() if not isinstance(value, dict)}]
        for name, row in table.items()
        if isinstance(row, dict)
    )


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


def _compiled(row: dict[str, Any]) -> re.Pattern[str]:
    return re.compile(row["pattern"], re.MULTILINE)


def match(stage: Stage, text: str, **values: str) -> list[WasmwheelError]:
    """Return the errors of a stage that match the text, the most specific one first."""
    matches = [each.match(text, **values) for each in load() if each.stage == stage]
    return [error for error in matches if error]
