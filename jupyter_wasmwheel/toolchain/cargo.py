"""A reader of cargo's output: progress, diagnostics, and how long each crate took.

`wasmwheel-cargo` (cargo_wrapper.py) writes the compiler's messages to stderr as JSON text sequences
(RFC 7464). Their format is that of cargo's "External tools" reference; the progress bar is the one
that CARGO_TERM_PROGRESS_WHEN=always draws.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from ..api.events import CrateFinished, CrateStarted, Diagnostic, Emitter, Level, Log, Progress
from ..api.report import Crate
from .cargo_wrapper import SEPARATOR

#: The variables that make cargo draw its progress bar, with the number of units, and without the
#: colors that a notebook's kernel asks all programs for.
PROGRESS = {
    "CARGO_TERM_PROGRESS_WHEN": "always",
    "CARGO_TERM_PROGRESS_WIDTH": "100",
    "CARGO_TERM_COLOR": "never",
    "CLICOLOR_FORCE": "0",
    "FORCE_COLOR": "",
}

#: The places of a diagnostic that are read, and the longest path; a build can print any number.
_MAX_SPANS, _MAX_PATH = 50, 4096

#: How many lines are kept to explain a failure; a build script can print hundreds.
_MAX_LINES = 1000

_COMPILING = re.compile(r"\s+Compiling (\S+) v(\S+)")
#: The line with which cargo says that it waits for another one.
BLOCKING = re.compile(r"\s+Blocking waiting for file lock on (.+)")
_CLANG = re.compile(r"([^\s:][^:]*):(\d{1,9}):(\d{1,9}): (?:fatal )?(error|warning): (.+)")
#: rustc's closing summary, which is not a diagnostic.
_SUMMARY = re.compile(r"aborting due to |could not compile |\d+ warnings? emitted")
_BUILDING = re.compile(r"\s+Building \[[=> ]*\] (\d{1,9})/(\d{1,9})(?:: (.*))?")

#: The levels of rustc's messages that become diagnostics; `failure-note` does not. More can follow,
#: as in "error: internal compiler error".
_LEVELS: dict[str, Level] = {each: each for each in get_args(Level)}


#: Returns the path of a file that a diagnostic names.
Locate = Callable[[str, Path | None], str]


class CargoOutputReader:
    """A reader that turns cargo's output into events, and keeps what the report needs.

    `locate` maps a file's name in a diagnostic to a path, given the folder of the crate, if cargo
    names one; `rename` maps private texts to public ones.
    """

    def __init__(
        self, emit: Emitter, locate: Locate, rename: Mapping[str, str] | None = None
    ) -> None:
        self._emit = emit
        self._locate = locate
        self._rename = rename or {}
        self._started: dict[tuple[str, str], float] = {}
        self._ended: dict[tuple[str, str], float] = {}
        self.errors: list[Diagnostic] = []
        self.tail: deque[str] = deque(maxlen=_MAX_LINES)

    @property
    def crates(self) -> tuple[Crate, ...]:
        """Return the compiled crates, in the order in which they were started."""
        return tuple(
            Crate(name=name, version=version, seconds=round(end - begin, 3))
            for (name, version), begin in self._started.items()
            for end in [self._ended.get((name, version), begin)]
        )

    def __call__(self, stream: str, line: str) -> None:
        """Read one line of output."""
        if line.startswith(SEPARATOR):
            try:
                self._message(json.loads(line[1:]))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self._log(line)
        elif found := _BUILDING.match(line):
            done, total, label = found.groups(default="")
            label = label.strip()
            self._emit(Progress(done=int(done), total=int(total), unit="units", label=label))
        elif line.strip():
            if found := _COMPILING.match(line):
                name, version = found.groups()
                if (name, version) not in self._started:
                    self._started[name, version] = time.monotonic()
                    self._emit(CrateStarted(name=name, version=version))
            elif found := _CLANG.match(line):
                self._c_diagnostic(line, *found.groups())
            elif found := BLOCKING.match(line):
                label = f"waiting for a lock ({found.group(1)})"
                self._emit(Progress(done=0, total=None, unit="units", label=label))
            self._log(line)

    def _log(self, line: str) -> None:
        line = self._renamed(line)
        self.tail.append(line)
        self._emit(Log(stream="stderr", text=line))

    def _message(self, message: dict[str, Any]) -> None:
        if message["reason"] == "compiler-artifact":
            self._artifact(message)
        elif message["reason"] == "compiler-message":
            self._diagnostic(message["message"], Path(message["manifest_path"]).parent)

    def _artifact(self, message: dict[str, Any]) -> None:
        """Finish a crate; its build script has an artifact of its own, long before."""
        name, version = _package(message["package_id"])
        begin = self._started.get((name, version))
        if begin is None or message["target"]["kind"] == ["custom-build"]:
            return
        end = self._ended[name, version] = time.monotonic()
        self._emit(CrateFinished(name=name, version=version, seconds=round(end - begin, 3)))

    def _c_diagnostic(
        self, rendered: str, file: str, line: str, column: str, level: str, message: str
    ) -> None:
        """Report a message of the C compiler; its excerpt of the source stays in the log."""
        path = self._locate(file, None)
        self._report(
            Diagnostic(
                level=_LEVELS[level],
                code=None,
                message=message,
                rendered=rendered.replace(file, path, 1),
                file=path,
                line=int(line),
                column=int(column),
            )
        )

    def _diagnostic(self, message: dict[str, Any], crate: Path) -> None:
        level = _LEVELS.get(message["level"].partition(":")[0])
        if level is None or _SUMMARY.match(message["message"]):
            return
        spans = [
            span for span in message["spans"][:_MAX_SPANS] if len(span["file_name"]) <= _MAX_PATH
        ]
        primary = next((span for span in spans if span["is_primary"]), None)
        rendered = message.get("rendered") or message["message"]
        for span in spans:
            named = span["file_name"]
            for arrow in ("-->", ":::"):
                path = self._locate(named, crate)
                rendered = rendered.replace(f"{arrow} {named}:", f"{arrow} {path}:")
        self._report(
            Diagnostic(
                level=level,
                code=(message.get("code") or {}).get("code"),
                message=message["message"],
                rendered=self._renamed(rendered),
                file=self._locate(primary["file_name"], crate) if primary else None,
                line=primary["line_start"] if primary else None,
                column=primary["column_start"] if primary else None,
            )
        )

    def _report(self, diagnostic: Diagnostic) -> None:
        if diagnostic.level == "error":
            self.errors.append(diagnostic)
        self._emit(diagnostic)

    def _renamed(self, text: str) -> str:
        for private, public in self._rename.items():
            text = text.replace(private, public)
        return text


def _package(identifier: str) -> tuple[str, str]:
    """Return the name and version in a package id, `URL#NAME@VERSION` or `URL/NAME#VERSION`."""
    url, _, fragment = identifier.rpartition("#")
    name, at, version = fragment.rpartition("@")
    return (name, version) if at else (url.rstrip("/").rpartition("/")[2], fragment)
