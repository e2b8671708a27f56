"""Findings of fuzzing (`python -m tests.fuzz`) are tested again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_fuzzed_input_raises_only_our_errors(name: str) -> None:
    files = [path for path in (CORPUS / name).iterdir() if path.is_file()]
    assert files
    for path in files:
        TARGETS[name](Path(path).read_bytes())
