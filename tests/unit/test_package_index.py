"""The package index that the user's pip settings name."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from jupyter_wasmwheel import index
from jupyter_wasmwheel.api.errors import SourceError, UsageError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.index import Index
from jupyter_wasmwheel.runtime import packages
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.runtime.lock import Entry, Lock
from jupyter_wasmwheel.store import Store
from tests.fixtures.download_server import serving


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


INFO = {"abi_version": "2026_0", "python": "3.14.2", "platform": "emscripten_5_0_3"}


def test_package_that_only_cdn_has_is_fetched_with_its_hash(releases: None, tmp_path: Path) -> None:
    served, data = tmp_path / "served", b"the wheel of Pyodide"
    served.mkdir()
    name = "only-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl"
    (served / name).write_bytes(data)
    entry = Entry(
        name="only",
        version="1.0",
        file_name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        imports=("only",),
        depends=(),
        extra={},
    )
    with serving(served) as cdn:
        lock = Lock(head={"info": INFO}, packages={"only": entry}, files_url=f"{cdn.url}/")
        context = RunContext(store=Store(home=tmp_path / "store"), emit=ignore)
        assert packages.fetch(entry, lock, context).read_bytes() == data
        other = RunContext(store=Store(home=tmp_path / "other"), emit=ignore)
        cdn.garble("only")
        with pytest.raises(SourceError) as raised:
            packages.fetch(entry, lock, other)
    assert raised.value.info.code == "pyodide.package-not-available"
    assert "does not match its hash" in raised.value.why


def test_unreachable_host_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Index()
    with pytest.raises(SourceError):
        asked.download("http://127.0.0.1:9/a.whl", None, tmp_path)
    monkeypatch.setattr(Index, "_client", None)
    with pytest.raises(SourceError) as raised:
        asked.download("http://127.0.0.1:9/b.whl", None, tmp_path)
    assert (raised.value.info.code, raised.value.what) == (
        "index.download-failed",
        "Could not fetch b.whl.",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("index-url = https://user:word81c7@example.org\n", "no section headers"),
        ("[global]\nindex-url\n", "parsing errors"),
        ("[global]\ntimeout = soon\n", "'soon'"),
        ("[download]\ndefault-timeout = soon\n", "timeout is 'soon', which is no number"),
    ],
    ids=["no section", "no value", "global number", "number of command"],
)
def test_invalid_configuration_of_pip_is_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    monkeypatch.delenv("PIP_DEFAULT_TIMEOUT", raising=False)
    file = tmp_path / "pip.conf"
    file.write_text(text)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    for name in ("pip_settings", "_settings"):
        monkeypatch.setattr(index, name, functools.cache(getattr(index, name).__wrapped__))
    with pytest.raises(UsageError, match=r"^pip's configuration") as caught:
        index.pip_settings()
    assert caught.value.info.code == "index.invalid-configuration"
    assert why in caught.value.info.why
    assert "word81c7" not in caught.value.info.why
