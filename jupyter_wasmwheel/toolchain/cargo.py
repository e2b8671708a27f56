"""A reader of cargo's output: progress, diagnostics, and how long each crate took.

`wasmwheel-cargo` (relay.py) writes the compiler's messages to stderr as JSON text sequences
(RFC 7464). Their format is that of cargo's "External tools" reference; the progress bar is the one
that CARGO_TERM_PROGRESS_WHEN=always draws.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ..api.events import CrateFinished, CrateStarted, Diagnostic, Emitter, Level, Log, Progress
from ..api.report import Crate
from .relay import SEPARATOR

#: What makes cargo draw its progress bar, which says how many units there are. Nothing is coloured,
#: though the kernel of a notebook asks all programs for it.
PROGRESS = {
    "CARGO_TERM_PROGRESS_WHEN": "always",
    "CARGO_TERM_PROGRESS_WIDTH": "100",
    "CARGO_TERM_COLOR": "never",
    "CLICOLOR_FORCE": "0",
    "FORCE_COLOR": "",
}

#: How many lines are kept for what a failure means; a build script may say some hundreds.
_KEPT = 1000

_COMPILING = re.compile(r"\s+Compiling (\S+) v(\S+)")
_BLOCKING = re.compile(r"\s+Blocking waiting for file lock on (.+)")
_CLANG = re.compile(r"([^\s:][^:]*):(\d+):(\d+): (?:fatal )?(error|warning): (.+)")
#: What rustc says last, which is no message by itself; it has no code and no place.
_SUMMARY = re.compile(r"aborting due to |could not compile |\d+ warnings? emitted")
_BUILDING = re.compile(r"\s+Building \[[=> ]*\] (\d+)/(\d+)(?:: (.*))?")


#: The levels of rustc's messages that are passed on; `error` may be followed by more, as in "error:
#: internal compiler error", and `failure-note` says where to read more.
_LEVELS: dict[str, Level] = {
    "error": "error",
    "warning": "warning",
    "note": "note",
    "help": "help",
}


class CargoOutputReader:
    """Turns cargo's output into events, line by line, and remembers what the report needs."""

    def __init__(
        self, emit: Emitter, locate: Callable[[str], str], rename: Mapping[str, str] | None = None
    ) -> None:
        self._emit = emit
        self._locate = locate
        self._rename = rename or {}
        self._started: dict[tuple[str, str], float] = {}
        self._ended: dict[tuple[str, str], float] = {}
        self.errors: list[Diagnostic] = []
        self.tail: deque[str] = deque(maxlen=_KEPT)

    @property
    def crates(self) -> tuple[Crate, ...]:
        """The crates that were compiled, in the order in which they were begun."""
        return tuple(
            Crate(name=name, version=version, seconds=round(end - begin, 3))
            for (name, version), begin in self._started.items()
            for end in [self._ended.get((name, version), begin)]
        )

    def __call__(self, stream: str, line: str) -> None:
        """Take one line of output."""
        if line.startswith(SEPARATOR):
            try:
                self._message(json.loads(line[1:]))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self._log(line)
        elif found := _BUILDING.match(line):
            done, total, label = found.groups()
            self._emit(
                Progress(
                    done=int(done), total=int(total), unit="units", label=(label or "").strip()
                )
            )
        elif line.strip():
            if found := _COMPILING.match(line):
                name, version = found.groups()
                if (name, version) not in self._started:
                    self._started[name, version] = time.monotonic()
                    self._emit(CrateStarted(name=name, version=version))
            elif found := _CLANG.match(line):
                self._c_diagnostic(line, *found.groups())
            elif found := _BLOCKING.match(line):
                label = f"waiting for a lock ({found.group(1)})"
                self._emit(Progress(done=0, total=None, unit="units", label=label))
            self._log(line)

    def _log(self, line: str) -> None:
        for private, public in self._rename.items():
            line = line.replace(private, public)
        self.tail.append(line)
        self._emit(Log(stream="stderr", text=line))

    def _message(self, message: dict[str, Any]) -> None:
        if message["reason"] == "compiler-artifact":
            self._artifact(message)
        elif message["reason"] == "compiler-message":
            self._diagnostic(message["message"])

    def _artifact(self, message: dict[str, Any]) -> None:
        """Take the end of a unit; a build script's comes long before its crate's."""
        name, version = _package(message["package_id"])
        begin = self._started.get((name, version))
        if begin is None or message["target"]["kind"] == ["custom-build"]:
            return
        end = self._ended[name, version] = time.monotonic()
        self._emit(CrateFinished(name=name, version=version, seconds=round(end - begin, 3)))

    def _c_diagnostic(
        self, rendered: str, file: str, line: str, column: str, level: str, message: str
    ) -> None:
        """Take a message of the C compiler; its excerpt of the source stays in the log."""
        place = self._locate(file)
        diagnostic = Diagnostic(
            level=_LEVELS[level],
            code=None,
            message=message,
            rendered=rendered.replace(file, place, 1),
            file=place,
            line=int(line),
            column=int(column),
        )
        if level == "error":
            self.errors.append(diagnostic)
        self._emit(diagnostic)

    def _diagnostic(self, message: dict[str, Any]) -> None:
        level = _LEVELS.get(message["level"].partition(":")[0])
        if level is None or _SUMMARY.match(message["message"]):
            return
        primary = next((span for span in message["spans"] if span["is_primary"]), None)
        rendered = message.get("rendered") or message["message"]
        file = None
        if primary:
            file = self._locate(primary["file_name"])
        for span in message["spans"]:
            named = span["file_name"]
            rendered = rendered.replace(f"--> {named}:", f"--> {self._locate(named)}:")
            rendered = rendered.replace(f"::: {named}:", f"::: {self._locate(named)}:")
        for private, public in self._rename.items():
            rendered = rendered.replace(private, public)
        diagnostic = Diagnostic(
            level=level,
            code=(message.get("code") or {}).get("code"),
            message=message["message"],
            rendered=rendered,
            file=file,
            line=primary["line_start"] if primary else None,
            column=primary["column_start"] if primary else None,
        )
        if level == "error":
            self.errors.append(diagnostic)
        self._emit(diagnostic)


def _package(identifier: str) -> tuple[str, str]:
    """The name and version in a package id, `URL#NAME@VERSION` or `URL/NAME#VERSION`."""
    url, _, fragment = identifier.rpartition("#")
    name, at, version = fragment.rpartition("@")
    return (name, version) if at else (url.rstrip("/").rpartition("/")[2], fragment)
