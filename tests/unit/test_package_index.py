"""The package index, as the user's own pip settings have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from jupyter_wasmwheel import index
from jupyter_wasmwheel.index import Index


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("plain", "1.0"),
        ("plain>=1", "1.0"),
        ("plain>=2.0rc1", "2.0rc1"),
        ("plain==2.0rc1", "2.0rc1"),
        ("early", "0.1a1"),
    ],
)
def test_prerelease_is_chosen_only_if_named_or_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, version: str
) -> None:
    for name in ("plain-0.9", "plain-1.0", "plain-2.0rc1", "early-0.1a1"):
        (tmp_path / f"{name}.tar.gz").touch()
    for name in ("pip_settings", "_settings"):
        monkeypatch.setattr(index, name, getattr(index, name).__wrapped__)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert Index().find_sdist(Requirement(wanted), (3, 14)).version == version
