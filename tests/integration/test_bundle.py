"""A site as a zip: reproducible, and complete without a network."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures import wheel_factory
from tests.fixtures.commands import Command, error_of
from tests.fixtures.notebooks import create_site_with
from tests.fixtures.site_factory import publish_one

CLONE = Path(__file__).parents[2]


def unpack_bundle(wasmwheel: Command, site: Site, folder: Path) -> Path:
    """Return the folder of a site that was bundled and unpacked."""
    packed = folder / "packed.zip"
    ran = wasmwheel("site", "bundle", site.folder, "--out", packed, "--json")
    assert ran.status == 0, ran.stderr
    assert ran.document["size"] == packed.stat().st_size
    with zipfile.ZipFile(packed) as archive:
        assert len(archive.namelist()) == ran.document["files"]
        archive.extractall(folder)
    return folder / site.name


def test_bundle_has_published_packages_and_is_reproducible(
    wasmwheel: Command, store: Store, tmp_path: Path
) -> None:
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    for text in (b"x = 1\n", b"x = 2\n"):
        wheel = wheel_factory.wheel(tmp_path, "py3-none-any", {"only.py": text}, name="only")
        package = publish_one(site, read(wheel), [], ignore).package
    for name in ("one.zip", "other.zip"):
        assert wasmwheel("site", "bundle", site.folder, "--out", tmp_path / name).status == 0
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    folder = unpack_bundle(wasmwheel, site, tmp_path / "elsewhere")
    assert "python3 -m http.server" in (folder / "README.txt").read_text()
    assert (folder / "files" / package.notebook).is_file()
    wheels = [path.parent.name for path in folder.glob("static/pyodide/wheels/*/*.whl")]
    assert wheels == [package.sha256], "and what it replaced is not in it"
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_bundle_rejects_site_that_needs_network(wasmwheel: Command, tmp_path: Path) -> None:
    made = wasmwheel("site", "create", tmp_path / "site", "--cdn")
    assert made.status == 0, made.stderr
    error = error_of(wasmwheel("site", "bundle", tmp_path / "site", "--json", cwd=tmp_path), 7)
    assert "CDN" in error["why"]
    assert not list(tmp_path.glob("*.zip"))


def open_without_network(folder: Path, host: str, notebook: str, *cells: str) -> dict[str, Any]:
    """Return what a browser showed of a notebook without network access."""
    ran = subprocess.run(
        [
            *("unshare", "--map-root-user", "--net"),
            *(sys.executable, "-m", "tests.fixtures.offline_browser"),
            *(folder, host, notebook, folder.parent / f"profile-{host}", *cells),
        ],
        cwd=CLONE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


#: Show the notebooks' folder, as Python sees it; then request the site by HTTP.
WHERE = "import os\nprint(os.getcwd() == '/drive', *[n for n in os.listdir() if n[-5:] == 'ipynb'])"
READ = "import js, urllib.request as by\nprint(by.urlopen(str(js.location.href)).status)"


@pytest.mark.slow
def test_bundle_works_without_network(wasmwheel: Command, store: Store, tmp_path: Path) -> None:
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    crate = starter.create("hello", tmp_path)
    built = wasmwheel(
        *("build", crate, "--site", site.folder, "--out", tmp_path / "dist", "--json"),
        *("--profile", "draft"),
    )
    assert built.status == 0, built.stderr
    folder = unpack_bundle(wasmwheel, site, tmp_path / "elsewhere")
    notebook = "try-hello-0.1.0.ipynb"

    result = open_without_network(folder, "127.0.0.1", notebook, WHERE, READ)
    assert "Hello, you!" in result["shown"][0]
    assert (result["errors"], result["elsewhere"]) == ([], [])
    assert result["page"] == {"secure": True, "isolated": False, "serviceWorker": True}
    assert result["cells"] == [f"True {notebook}", "200"]

    # Use the address of another computer and plain http, as in a classroom.
    result = open_without_network(folder, "10.77.0.1", notebook, WHERE, READ)
    assert "Hello, you!" in result["shown"][0]
    assert (result["errors"], result["elsewhere"]) == ([], [])
    assert result["page"] == {"secure": False, "isolated": False, "serviceWorker": False}
    assert result["cells"] == ["False", "200"]
