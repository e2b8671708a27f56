"""Requirements of a package fetch from the package index only."""

from __future__ import annotations

import functools
import tarfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from jupyter_wasmwheel import index
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.checks.dependencies import resolve
from jupyter_wasmwheel.index import Index
from jupyter_wasmwheel.project import source
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.runtime.lock import Lock
from jupyter_wasmwheel.runtime.packages import fetch_newest, index_source
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures.commands import Command
from tests.fixtures.wheel_factory import wheel


def lock() -> Lock:
    info = {"abi_version": "2026_0", "python": "3.14.2", "platform": "emscripten_5_0_3"}
    return Lock(head={"info": info}, packages={})


@pytest.mark.parametrize(
    "address",
    [
        "{file}",
        "http://127.0.0.1:1/secret-1.0-py3-none-any.whl",
        "https://me:password@example.org/secret-1.0-py3-none-any.whl",
        "git+file:///srv/secret",
    ],
)
def test_direct_reference_in_wheel_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    secret = wheel(tmp_path, "py3-none-any", {"secret.py": b""}, name="secret")
    monkeypatch.setattr(Index, "find_wheel", lambda *_: pytest.fail("it was looked for"))
    context = RunContext(store=Store(home=tmp_path / "home"), emit=ignore)
    wanted = Requirement(f"secret @ {address.format(file=secret.as_uri())}")
    resolution = resolve([wanted], [index_source(lock(), context)])
    assert [each.source for each in resolution.dependencies] == ["missing"]
    assert "only the package index is used" in resolution.reasons["secret"]
    assert "password" not in resolution.reasons["secret"]


def test_sdists_of_two_indexes_with_one_name_are_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, seen = Store(home=tmp_path / "home"), []
    for text in ("one", "two"):
        folder = tmp_path / text
        (folder / "plain-1.0").mkdir(parents=True)
        (folder / "plain-1.0/text").write_text(text)
        with tarfile.open(folder / "plain-1.0.tar.gz", "w:gz") as tar:
            tar.add(folder / "plain-1.0", arcname="plain-1.0")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        for name in ("pip_settings", "_settings"):
            monkeypatch.setattr(index, name, functools.cache(getattr(index, name).__wrapped__))
        target = targets.find(targets.default_abi())
        fetched = source.fetch(source.parse("pypi:plain"), target, store, ignore)
        seen.append((fetched.folder / "text").read_text())
    assert seen == ["one", "two"]


def test_wheels_of_two_indexes_with_one_name_are_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, seen = Store(home=tmp_path / "home"), []
    for text in (b"one", b"two", b"one"):
        context = RunContext(store=store, emit=ignore)
        folder = tmp_path / text.decode()
        folder.mkdir(exist_ok=True)
        wheel(folder, "py3-none-any", {"plain.py": text}, name="plain", version="1.0")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        for name in ("pip_settings", "_settings"):
            monkeypatch.setattr(index, name, functools.cache(getattr(index, name).__wrapped__))
        for requirement in ("plain==1.0", "plain"):
            kept = fetch_newest(Requirement(requirement), lock(), context)
            seen.append(read(kept).read("plain.py"))
    assert seen == [b"one", b"one", b"two", b"two", b"one", b"one"]
    offline = RunContext(store=store, emit=ignore, index=Index(offline=True))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert fetch_newest(Requirement("plain"), lock(), offline).name.startswith("plain-1.0")


def test_configuration_file_of_pip_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    before = index.configuration_digest()
    assert index.configuration_digest() == before
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://other.example/simple\n")
    assert index.configuration_digest() != before


def test_modules_in_current_folder_are_not_imported(
    wasmwheel: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pip", "json", "jupyter_wasmwheel", "psutil", "twine", "maturin", "setuptools"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    path = wheel(tmp_path, "py3-none-any", {"plain.py": b""}, name="plain")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert wasmwheel("smoke", path).status == 0
    assert wasmwheel("export", "recipe", "pypi:plain").status != 0
    assert not (tmp_path / "ran").exists()
