"""The simple index of a site, as pip and the parsers of micropip read it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.errors import SiteError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.site import publish, simple_index
from jupyter_wasmwheel.site.addresses import origin
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.site.publish import NewPackage
from tests.fixtures import site_server
from tests.fixtures.site_factory import publish_one, tiny_wheel


def page(site: Site, name: str = "") -> dict[str, Any]:
    """Return a page, after comparing its two forms."""
    folder = site.folder / "simple" / name
    found: dict[str, Any] = json.loads((folder / "index.json").read_text())
    html = (folder / "index.html").read_text()
    named = [each["filename"] for each in found.get("files", ())]
    for each in named or [project["name"] for project in found["projects"]]:
        assert f">{each}</a>" in html
    return found


def projects(site: Site) -> list[str]:
    return [each["name"] for each in page(site)["projects"]]


def test_published_package_is_listed_with_hash_and_metadata(site: Site, tmp_path: Path) -> None:
    wheel = tiny_wheel(tmp_path, "Tiny_Package", metadata="Requires-Python: >=3.9,<4\n")
    package = publish_one(site, wheel).package
    assert projects(site) == ["tiny-package"]
    (file,) = page(site, "tiny-package")["files"]
    place = (site.folder / "simple/tiny-package" / file["url"]).resolve()
    assert place.read_bytes() == wheel.path.read_bytes()
    metadata = Path(f"{place}.metadata").read_bytes()
    assert b"Name: Tiny_Package" in metadata
    assert file == {
        "filename": wheel.path.name,
        "url": file["url"],
        "hashes": {"sha256": package.sha256},
        "size": package.size,
        "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
        "requires-python": ">=3.9,<4",
    }
    html = (site.folder / "simple/tiny-package/index.html").read_text()
    assert 'data-requires-python="&gt;=3.9,&lt;4"' in html
    assert f"#sha256={package.sha256}" in html


def test_metadata_cannot_add_markup(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path, metadata='Requires-Python: "><script>x</script>\n'))
    assert "<script>" not in (site.folder / "simple/tiny/index.html").read_text()


def test_new_version_replaces_page_and_removal_removes_it(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path, "other"))
    for version in ("1.0", "2.0"):
        publish_one(site, tiny_wheel(tmp_path, version=version))
        assert page(site, "tiny")["versions"] == [version]
    publish.remove(site, "tiny")
    assert projects(site) == ["other"]
    assert not (site.folder / "simple/tiny").exists()


def test_packages_of_pyodide_are_listed_only_with_their_wheel(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path), depends=("attrs",))
    assert projects(site) == ["tiny"]
    publish_one(site, tiny_wheel(tmp_path, "attrs"))
    assert projects(site) == ["attrs", "tiny"]
    publish.remove(site, "attrs")
    assert projects(site) == ["tiny"]


def test_same_wheel_again_changes_no_page(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path))
    before = {path: path.stat().st_ino for path in site.folder.glob("simple/**/*")}
    publish_one(site, tiny_wheel(tmp_path))
    assert {path: path.stat().st_ino for path in site.folder.glob("simple/**/*")} == before


def test_site_without_index_gets_one_for_all_packages(site: Site, tmp_path: Path) -> None:
    for name in ("one", "two"):
        publish_one(site, tiny_wheel(tmp_path, name))
    site.root.remove(simple_index.FOLDER)
    publish.remove(site, "one")
    assert projects(site) == ["two"]
    assert page(site, "two")["versions"] == ["1.0"]


def test_damaged_index_is_reported_and_changes_nothing(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path))
    (site.folder / "simple/index.json").write_text("[")
    with pytest.raises(SiteError) as caught:
        publish_one(site, tiny_wheel(tmp_path, "other"))
    assert caught.value.info.code == "site.invalid-index"
    assert [each.name for each in publish.list_packages(site)] == ["tiny"]


def test_as_many_wheels_as_a_request_can_name_are_published_at_once(
    site: Site, tmp_path: Path
) -> None:
    new = [NewPackage(wheel=tiny_wheel(tmp_path, f"tiny{n}")) for n in range(256)]
    publish.publish(site, new, ignore)
    assert len(projects(site)) == 256


def test_pip_installs_from_served_index(site: Site, tmp_path: Path) -> None:
    wheel = tiny_wheel(tmp_path, tag="py3-none-any", metadata="Requires-Python: >=3.9\n")
    publish_one(site, wheel)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", tmp_path / "got"]
    with site_server.serving(site):
        index = f"{origin(site)}/{site.prefix}/simple"
        subprocess.run(
            [*pip, "--index-url", index, "--require-hashes", "-r", "/dev/stdin"],
            input=f"tiny==1.0 --hash=sha256:{wheel.sha256}",
            text=True,
            check=True,
        )
    assert (tmp_path / "got" / wheel.path.name).read_bytes() == wheel.path.read_bytes()
