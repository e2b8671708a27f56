"""The contract is declared once, and what is generated from it is not stale."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from jupyter_wasmwheel.api import schema

API = Path(__file__).parents[1] / "labextension/src/api.ts"


def test_schema_is_what_the_structs_give() -> None:
    written = schema.FILE.read_text(encoding="utf-8")
    assert written == schema.text(), "run `python -m jupyter_wasmwheel.api.schema`"


def test_types_of_the_front_end_are_generated_from_this_schema() -> None:
    found = re.search(r"schema\.json sha256: (\w+)", API.read_text(encoding="utf-8"))
    assert found
    now = hashlib.sha256(schema.FILE.read_bytes()).hexdigest()
    assert found.group(1) == now, "run `jlpm build:api` in labextension"
