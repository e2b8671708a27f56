"""A site gets a package together with its built dependencies, or nothing."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import CheckError, SiteError
from jupyter_wasmwheel.api.events import Event, Log, ignore
from jupyter_wasmwheel.pipeline import publish_wheels
from jupyter_wasmwheel.runtime import pyodide
from jupyter_wasmwheel.site import lite, publish
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store
from tests.fixtures.commands import Command
from tests.fixtures.projects import INNER, MODULE, create_c_project, create_pure_project
from tests.fixtures.site_factory import create_site, tiny_wheel
from tests.fixtures.wheel_factory import wheel

PURE = "py3-none-any"


@pytest.fixture(scope="module")
def prepared(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a site with a published package."""
    folder = tmp_path_factory.mktemp("site")
    site = create_site(folder / "site", store, cdn=True)
    kept = wheel(folder, PURE, {"kept.py": b""}, name="kept")
    publish_wheels([kept], site, store, ignore)
    return site.folder


@pytest.fixture
def site(prepared: Path, tmp_path: Path) -> Site:
    """Copy that site."""
    return lite.read_site(Path(shutil.copytree(prepared, tmp_path / "site", symlinks=True)))


def files(site: Site) -> dict[str, str]:
    """Return a site's folders and the hashes of its files, except for file locks."""
    return {
        str(path.relative_to(site.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in site.folder.rglob("*")
        if "locks" not in path.parts
    }


def does_not_compile(folder: Path, site: Site) -> Path:
    project = create_c_project(folder, "plain")
    (project / "plain/_inner.c").write_text("#error no such thing\n")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "plain"\n'
        f'version = "1.0"\ndependencies = ["{INNER}"]\n'
    )
    return project


def does_not_import(folder: Path, site: Site) -> Path:
    code = f"import {MODULE}\nraise RuntimeError\n"
    return create_pure_project(folder, needs=f'"{INNER}"', code=code)


def cannot_be_listed(folder: Path, site: Site) -> Path:
    """Put a folder in place of the notebook, which is written after the dependency's."""
    (site.folder / "files/try-plain-1.0.ipynb").mkdir()
    return create_pure_project(folder, needs=f'"{INNER}"', code=f"import {MODULE}\n")


@pytest.mark.parametrize(
    ("prepare", "status"), [(does_not_compile, 5), (does_not_import, 6), (cannot_be_listed, 7)]
)
def test_failed_build_after_dependency_leaves_site_unchanged(
    prepare: Callable[[Path, Site], Path],
    status: int,
    site: Site,
    links: Path,
    tmp_path: Path,
    wasmwheel: Command,
) -> None:
    project = prepare(tmp_path / "outer", site)
    before = files(site)
    ran = wasmwheel(
        *("build", project, "--with-dependencies", "--site", site.folder, "--events"),
        *("--profile", "draft", "--out", tmp_path / "dist"),
        env={"PIP_FIND_LINKS": str(links)},
    )
    assert ran.status == status, ran.stderr
    assert list((tmp_path / "dist").glob(f"{MODULE}-1.0-*.whl")), "the dependency was built"
    assert files(site) == before


def test_wheels_are_published_together_in_dependency_order(
    site: Site, store: Store, tmp_path: Path
) -> None:
    inner = wheel(tmp_path, PURE, {"inner.py": b""}, name="inner")
    outer = wheel(tmp_path, PURE, {"outer.py": b"import inner"}, name="outer", requires=["inner"])
    done = publish_wheels([inner, outer], site, store, ignore)
    assert [each.package.name for each in done] == ["inner", "outer"]
    assert {each.name for each in publish.list_packages(site)} == {"inner", "kept", "outer"}
    entry = site.read_lock().get("outer")
    assert entry
    assert entry.depends == ("inner",)


def test_publish_says_what_offline_site_cannot_import(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = create_site(tmp_path / "offline", store)
    monkeypatch.setattr(pyodide, "CDN", "http://127.0.0.1:9/{version}/")
    emitted: list[Event] = []
    path = wheel(tmp_path, PURE, {"matrix.py": b"import scipy"}, name="matrix", requires=["scipy"])
    publish_wheels([path], offline, store, emitted.append)
    notes = [event.text for event in emitted if isinstance(event, Log)]
    (told,) = [text for text in notes if "the site cannot import" in text]
    assert told.startswith("scipy could not be downloaded, so the site cannot import matrix.")


def test_wheels_with_one_failure_are_not_published(
    site: Site, store: Store, tmp_path: Path
) -> None:
    good = wheel(tmp_path, PURE, {"good.py": b""}, name="good")
    bad = wheel(tmp_path, PURE, {"bad.py": b"raise RuntimeError"}, name="bad")
    foreign = tiny_wheel(tmp_path, tag="cp313-cp313-pyemscripten_2025_0_wasm32").path
    before = files(site)
    with pytest.raises(CheckError):
        publish_wheels([good, bad], site, store, ignore)
    with pytest.raises(SiteError):
        publish_wheels([good, foreign], site, store, ignore)
    assert files(site) == before
