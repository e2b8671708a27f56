"""Known failures: how each looks in the output of a tool, and the error it stands for.

What a tool or a runtime prints when it fails is text that others wrote. An entry of
`known_errors.toml` matches such a text by a pattern, and explains it with its remedy.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any, Literal

from . import (
    CheckError,
    CompileError,
    LimitError,
    SourceError,
    ToolchainError,
    WasmwheelError,
)

#: Where a failure shows: in the words of git or of a build, in an audit's findings, in an import.
Stage = Literal["git", "build", "audit", "import"]

_ERRORS = {
    kind.status: kind
    for kind in (SourceError, ToolchainError, CompileError, CheckError, LimitError)
}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A known failure.

    `what`, `why` and `fix` are templates: `$crate` stands for the pattern's group of that name, or
    for a word that the stage gives. `example` is what was really said, and `command` what said it.
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

    def told(self, text: str, **words: str) -> WasmwheelError | None:
        """The error that a text means, if it is this failure's."""
        found = self.pattern.search(text)
        if not found:
            return None
        known = words | {name: value.strip() for name, value in found.groupdict("").items()}
        what, why, fix = (Template(each).substitute(known) for each in self._parts)
        return _ERRORS[self.status](what, why, fix)

    @property
    def _parts(self) -> tuple[str, str, str]:
        return self.what, self.why, self.fix


@functools.cache
def known() -> tuple[Failure, ...]:
    """Every known failure; of those that a text shows, the first one says most."""
    text = resources.files(__package__).joinpath("known_errors.toml").read_text(encoding="utf-8")
    return tuple(
        Failure(**{"stage": stage, "name": name, **shared, **row, "pattern": _compiled(row)})
        for stage, table in tomllib.loads(text).items()
        for shared in [{key: value for key, value in table.items() if not isinstance(value, dict)}]
        for name, row in table.items()
        if isinstance(row, dict)
    )


def _compiled(row: dict[str, Any]) -> re.Pattern[str]:
    return re.compile(row["pattern"], re.MULTILINE)


def recognise(stage: Stage, text: str, **words: str) -> list[WasmwheelError]:
    """The errors of all failures of a stage that a text shows, the one that says most first."""
    told = [each.told(text, **words) for each in known() if each.stage == stage]
    return [error for error in told if error]
