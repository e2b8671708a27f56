"""The package index that the user's pip settings name."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement

from jupyter_wasmwheel import index
from jupyter_wasmwheel.index import Index


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let pip's settings name a folder of releases as the only index."""
    folder = tmp_path_factory.mktemp("releases")
    for name in ("plain-0.9", "plain-1.0", "plain-2.0rc1", "early-0.1a1"):
        (folder / f"{name}.tar.gz").touch()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("pip_settings", "_settings"):
            patch.setattr(index, name, functools.cache(getattr(index, name).__wrapped__))
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))
        yield


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
    releases: None, wanted: str, version: str
) -> None:
    assert Index().find_sdist(Requirement(wanted), (3, 14)).version == version
