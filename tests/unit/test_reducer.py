"""The reducer of jobs, tested with the same fixtures as the panel's."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from jupyter_wasmwheel.api.jobs import Job, replay

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures/reducer").glob("*.json"))


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_reducer_matches_fixture(file: Path) -> None:
    fixture = json.loads(file.read_text(encoding="utf-8"))
    job = msgspec.convert(fixture["job"], Job)
    lines = [json.dumps(event).encode() for event in fixture["events"]]
    assert json.loads(msgspec.json.encode(replay(job, lines))) == fixture["expected"]


def test_reducer_has_fixtures() -> None:
    assert len(FIXTURES) >= 10
