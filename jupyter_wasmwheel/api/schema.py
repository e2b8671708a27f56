"""The contract as JSON Schema: `python -m jupyter_wasmwheel.api.schema` writes schema.json.

The front end's types are generated from that file (labextension/scripts/generate-api.mjs).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from . import errors, events, jobs, report, requests

#: The generated file, beside this module.
FILE = Path(__file__).with_name("schema.json")

#: What is described, with all that it refers to.
TYPES: tuple[Any, ...] = (
    requests.BuildRequest,
    requests.TestRequest,
    requests.InstallRequest,
    requests.SiteRequest,
    requests.BundleRequest,
    requests.EditsRequest,
    jobs.Job,
    errors.ErrorInfo,
    report.BuildReport,
    *events.Event.__args__,
)


def document() -> dict[str, Any]:
    """Return the JSON Schema of every type of the contract, under `$defs`."""
    _, definitions = msgspec.json.schema_components(TYPES, ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions}


def text() -> str:
    """Return the text of schema.json."""
    return json.dumps(document(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
