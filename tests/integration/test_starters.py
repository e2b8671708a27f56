"""Starter crates: each builds, passes its tests, and works in a browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.build import seeds
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import node, targets
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import toolchain
from tests.fixtures.commands import Command, error_of
from tests.fixtures.notebooks import create_site_with, open_served_notebook

TEMPLATES = {each.name: each.about for each in starter.templates()}


def test_help_describes_each_template(wasmwheel: Command) -> None:
    shown = wasmwheel("new", "--help").stdout
    assert len(TEMPLATES) >= 6
    for name, about in TEMPLATES.items():
        assert f"{name} " in shown
        assert about in shown


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        ("{", "not valid JSON"),
        ('{"nbformat": 3, "worksheets": []}', "not a notebook in format 4"),
    ],
)
def test_invalid_notebook_is_reported_before_build(
    wasmwheel: Command, tmp_path: Path, content: str | None, why: str
) -> None:
    crate = starter.create("hello", tmp_path)
    notebook = crate / "notebooks/try.ipynb"
    notebook.unlink()
    if content is not None:
        notebook.write_text(content)
    error = error_of(wasmwheel("build", crate, "--json"), 3)
    assert "Invalid demo notebook notebooks/try.ipynb" in error["what"]
    assert why in error["why"]


def test_notebook_outside_project_is_rejected(wasmwheel: Command, tmp_path: Path) -> None:
    crate = starter.create("hello", tmp_path)
    shutil.copy(crate / "notebooks/try.ipynb", tmp_path / "secret.ipynb")
    (crate / "notebooks/try.ipynb").unlink()
    (crate / "notebooks/try.ipynb").symlink_to(tmp_path / "secret.ipynb")
    assert "outside the project" in error_of(wasmwheel("build", crate, "--json"), 3)["why"]


@pytest.fixture(scope="module")
def seed(store: Store) -> None:
    """Build the seed of release builds once, so that pyo3 is not compiled six times."""
    target, node_js = targets.find(targets.default_abi()), node.ensure_node(store, ignore)
    seeds.build_seed(
        target,
        toolchain.choose(target, node_js, RunContext(store=store, emit=ignore)),
        "release",
        store,
        ignore,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("seed")
@pytest.mark.parametrize("template", TEMPLATES)
def test_starter_crate_works_from_build_to_notebook(
    wasmwheel: Command, store: Store, tmp_path: Path, template: str
) -> None:
    crate = starter.create("my-first", tmp_path, template)
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    out = ("--out", tmp_path / "dist")
    built = wasmwheel("build", crate, "--site", site.folder, *out, "--events")
    assert built.status == 0, built.stderr
    assert [event for event in built.events if event["kind"] == "diagnostic"] == []
    report = built.events[-1]["report"]
    assert report["smoke"]["module"] == "my_first"

    tested = wasmwheel("test", crate, *out, "--json")
    assert tested.status == 0, tested.stderr
    tests = tested.document["tests"]
    assert tests["passed"] == tests["collected"] > 0

    cells = json.loads((crate / "notebooks/try.ipynb").read_text())["cells"]
    with open_served_notebook(site, report["published"]["url"], tmp_path / "profile") as tab:
        assert "my-first" in tab.page.locator(".jp-MarkdownOutput h1").inner_text()
        tab.run_all()
        shown = tab.results()
        assert len(shown) == sum(cell["cell_type"] == "code" for cell in cells)
        assert sum(map(bool, shown)) >= 2
        assert tab.errors() == []
        tab.page.screenshot(path=tmp_path / "notebook.png")
        tab.run(len(shown) - 1, "1 / 0")
        assert len(tab.errors()) == 1, "and one would have been seen"
