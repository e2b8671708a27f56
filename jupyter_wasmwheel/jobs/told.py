"""What a command line that runs elsewhere tells: its lines as events, and what they change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: The kinds of events that the command line writes; anything else on its stdout is none.
KINDS = (
    "phase",
    "progress",
    "log",
    "diagnostic",
    "crate_started",
    "crate_finished",
    "report",
    "error",
)


ERROR_FIELDS = ("code", "what", "why", "fix", "status", "counts", "remedies")


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no JSON, and no browser would read it")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The events in lines of the command line's; what is none is left out."""
    for line in lines:
        try:
            event = _DECODER.decode(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and event.get("kind") in KINDS:
            yield event


def changes(event: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a job (database.py) that an event changes."""
    kind = event["kind"]
    if kind == "phase" and event.get("state") == "started":
        return {"phase": event.get("name"), "done": None, "total": None, "label": None}
    if kind == "progress":
        return {key: event.get(key) for key in ("done", "total", "label")}
    if kind == "report":
        report = event.get("report")
        known = report if isinstance(report, dict) else {}
        named = {key: known[key] for key in ("name", "version") if isinstance(known.get(key), str)}
        return {"report": known, **named}
    if kind == "error":
        return {
            "error": {
                key: event.get(key)
                for key in ("code", "what", "why", "fix", "status", "counts", "remedies")
            }
        }
    return {}
