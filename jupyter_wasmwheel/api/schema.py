"""The contract as JSON Schema: `python -m jupyter_wasmwheel.api.schema` writes schema.json.

The front end's types are generated from that file (labextension/scripts/generate-api.mjs).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec

from . import answers, errors, events, jobs, report, requests

#: The generated file.
FILE = Path(__file__).with_name("schema.json")

#: The types to describe, in addition to all that they refer to.
TYPES: tuple[Any, ...] = (
    *get_args(requests.PostedRequest),
    requests.EditsRequest,
    requests.StarterRequest,
    jobs.Job,
    errors.ErrorInfo,
    report.BuildReport,
    *get_args(events.Event),
    answers.Toolchain,
    answers.Targets,
    answers.Project,
    answers.Edits,
    answers.Templates,
    answers.Starter,
    answers.Site,
    answers.Package,
    answers.Snippet,
)

#: The choices that get a name, in their order, which msgspec does not keep.
CHOICES: dict[str, Any] = {
    "Profile": requests.Profile,
    "Linker": requests.Linker,
    "HttpPolicy": requests.HttpPolicy,
    "FrontEnd": requests.FrontEnd,
    "Extra": errors.Extra,
    "State": jobs.State,
    "JobKind": jobs.JobKind,
    "PhaseName": events.PhaseName,
}

#: The unions that get a name.
UNIONS: dict[str, Any] = {
    "PostedRequest": requests.PostedRequest,
    "Event": events.Event,
    "Remedy": errors.Remedy,
}


def document() -> dict[str, Any]:
    """Return the JSON Schema of every type of the contract, under `$defs`.

    Requests can omit fields with a default; all other objects have every field.
    """
    _, definitions = msgspec.json.schema_components(TYPES, ref_template="#/$defs/{name}")
    for name, definition in definitions.items():
        if not name.endswith("Request"):
            definition["required"] = list(definition["properties"])
    named = {name: {"title": name, "enum": list(get_args(each))} for name, each in CHOICES.items()}
    in_order = {frozenset(get_args(each)): get_args(each) for each in CHOICES.values()}
    for name, union in UNIONS.items():
        refs = [{"$ref": f"#/$defs/{member.__name__}"} for member in get_args(union)]
        named[name] = {"title": name, "anyOf": refs}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": _reordered(definitions, in_order) | named,
    }


def _reordered(schema: Any, in_order: dict[frozenset[Any], Any]) -> Any:
    """Return a schema with the named choices in their declared order."""
    if isinstance(schema, list):
        return [_reordered(each, in_order) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: in_order.get(frozenset(value), value) if key == "enum" else _reordered(value, in_order)
        for key, value in schema.items()
    }


def text() -> str:
    """Return the text of schema.json."""
    return json.dumps(document(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
