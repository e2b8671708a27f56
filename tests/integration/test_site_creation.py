"""Creating sites with JupyterLite and Pyodide in them, and adding packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from jupyter_wasmwheel.api.errors import (
    SiteError,
    SourceError,
    WasmwheelError,
)
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.runtime import lock, pyodide
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.site import contents, lite, publish, wheels
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store
from tests.fixtures.site_factory import create_site, publish_one, rows, tiny_wheel


def create(folder: Path, store: Store, abi: str = "2026_0", **options: Any) -> Site:
    return create_site(folder, store, abi, **options)


def test_offline_site_is_complete(tmp_path: Path, store: Store) -> None:
    site = create(tmp_path / "site", store, packages=("attrs",))
    assert lite.find(str(site.folder), store) == site
    assert pyodide.runtime_in(site.lock.parent, store).version == site.pyodide
    entries = lock.read(site.lock).packages
    assert {"ipython", "micropip", "piplite", "comm", "requests", "pyodide-http", "attrs"} <= {
        *entries
    }
    for entry in entries.values():
        path = site.lock.parent / entry.file_name
        assert wheels.hash_of(path) == entry.sha256
        assert all(canonicalize_name(name) in entries for name in entry.depends)
    settings = json.loads((site.folder / "jupyter-lite.json").read_text())
    text = json.dumps(settings["jupyter-config-data"]["litePluginSettings"])
    assert "://" not in text
    extensions = settings["jupyter-config-data"]["federated_extensions"]
    names = ["@jupyterlite/pyodide-kernel-extension", "jupyter-wasmwheel"]
    assert [one["name"] for one in extensions] == names
    assert list(tmp_path.iterdir()) == [site.folder]


def test_cdn_site_is_small_and_accepts_packages(tmp_path: Path, store: Store) -> None:
    site = create(tmp_path / "site", store, cdn=True)
    assert not list(site.folder.rglob("pyodide.asm.wasm"))
    settings = json.loads((site.folder / "jupyter-lite.json").read_text())
    kernel = settings["jupyter-config-data"]["litePluginSettings"][lite.PLUGIN]
    assert kernel["pyodideUrl"] == "./static/pyodide/kernel-start.mjs"
    options = kernel["loadPyodideOptions"]
    assert options["lockFileURL"] == "./static/pyodide/pyodide-lock.json"
    cdn = pyodide.CDN.format(version=site.pyodide)
    assert options["wasmwheel"] == {"pyodide": f"{cdn}pyodide.mjs", "http": "urllib"}
    before = rows(site)["rpds-py"]
    assert before["file_name"].startswith(cdn)
    assert len(rows(site)) > 300
    publish_one(site, tiny_wheel(tmp_path, name="rpds_py"), [], ignore)
    assert rows(site)["rpds-py"]["file_name"].startswith("wheels/")
    publish.remove(site, "rpds-py")
    assert rows(site)["rpds-py"] == before


def test_packages_are_added_later_with_dependencies(tmp_path: Path, store: Store) -> None:
    site = create(tmp_path / "site", store)
    context = RunContext(store=store, emit=ignore)
    brought = publish.add_packages(site, ["beautifulsoup4"], context)
    assert brought == ["beautifulsoup4", "soupsieve", "typing-extensions"]
    assert publish.add_packages(site, ["BeautifulSoup4"], context) == []
    assert publish.list_packages(site) == []
    with pytest.raises(SourceError, match=r"Could not add markupsafe.* \(required by jinja2\)"):
        publish.add_packages(site, ["jinja2", "attrs"], context)
    assert publish.add_packages(site, ["attrs"], context) == ["attrs"]


def test_site_create_rejects_target_without_kernel(tmp_path: Path, store: Store) -> None:
    with pytest.raises(SiteError, match="JupyterLite does not support 2026_5") as caught:
        create(tmp_path / "site", store, abi="2026_5")
    assert "smoke" in caught.value.fix
    assert not (tmp_path / "site").exists()


def test_site_create_rejects_nonempty_folder(site: Site, store: Store) -> None:
    with pytest.raises(SiteError, match="A site already exists"):
        create(site.folder, store)
    with pytest.raises(SiteError, match="is not empty"):
        create(site.folder / "static", store)


def test_failed_site_create_leaves_nothing(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(contents, "initialize", full)
    with pytest.raises(OSError, match="No space"):
        create(tmp_path / "site", store)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "'", "../x", "no-such-package-as-this-one-anywhere"])
def test_site_create_rejects_invalid_package(tmp_path: Path, store: Store, name: str) -> None:
    with pytest.raises(WasmwheelError) as caught:
        create(tmp_path / "site", store, packages=(name,))
    assert caught.value.status in (2, 3)
    assert list(tmp_path.iterdir()) == []
