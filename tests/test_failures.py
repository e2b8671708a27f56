"""The well-known failures: each is recognised in what was really said, and told with a remedy."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_wasmwheel import failures
from jupyter_wasmwheel.failures import Failure

#: The words that each stage gives along.
WORDS = {"build": {"project": "hello 0.1.0", "said": "It said so."}}


@pytest.mark.parametrize("failure", failures.known(), ids=lambda failure: failure.name)
def test_each_is_told_first_of_all_for_its_example(failure: Failure) -> None:
    words = WORDS[failure.stage]
    told = failures.recognise(failure.stage, failure.example, **words)[0]
    expected = failure.told(failure.example, **words)
    assert expected
    assert str(told) == str(expected)
    assert told.status == failure.status
    for part in (told.what, told.why, told.fix):
        assert part.strip()


def test_none_is_seen_in_a_build_that_went_well(starter_events: list[dict[str, Any]]) -> None:
    said = "\n".join(event["text"] for event in starter_events if event["kind"] == "log")
    assert "Compiling pyo3" in said
    assert not failures.recognise("build", said, **WORDS["build"])
