"""The contract: everything generated from the requests' fields is up to date."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from jupyter_wasmwheel.api import schema

ROOT = Path(__file__).parents[2]
API = ROOT / "labextension/src/api.ts"


def test_schema_matches_structs() -> None:
    written = schema.FILE.read_text(encoding="utf-8")
    assert written == schema.text(), "run `python -m jupyter_wasmwheel.api.schema`"


def test_front_end_types_match_schema() -> None:
    found = re.search(r"schema\.json sha256: (\w+)", API.read_text(encoding="utf-8"))
    assert found
    now = hashlib.sha256(schema.FILE.read_bytes()).hexdigest()
    assert found.group(1) == now, "run `jlpm build:api` in labextension"


def test_options_are_declared_in_few_files() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for top in ("jupyter_wasmwheel", "labextension/src")
        for path in (ROOT / top).rglob("*")
        if path.suffix in (".py", ".ts", ".tsx", ".js", ".mjs", ".json")
        and "jupyter_wasmwheel/labextension" not in path.as_posix()
        and re.search("ignore_lock|ignoreLock", path.read_text(encoding="utf-8"))
    ]
    assert len(found) <= 4, found
