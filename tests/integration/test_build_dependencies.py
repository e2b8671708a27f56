"""Dependencies that are not available for Pyodide: reported, or built with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.project import manifest
from tests.fixtures.commands import Command
from tests.fixtures.projects import INNER, MODULE, create_pure_project


def test_missing_dependency_is_reported_before_build(
    wasmwheel: Command, tmp_path: Path, links: Path
) -> None:
    project = create_pure_project(
        tmp_path / "outer", needs=f'"{INNER}"', code=f"import {MODULE} as inner\n"
    )
    env = {"PIP_FIND_LINKS": str(links)}
    ran = wasmwheel("build", project, "--events", "--out", tmp_path / "dist", env=env)
    assert ran.status == 6
    notes = [e["seq"] for e in ran.events if "--with-dependencies builds it" in e.get("text", "")]
    packed = [e["seq"] for e in ran.events if e.get("name") == "package"]
    assert len(notes) == 1
    assert notes[0] < packed[0]
    assert INNER in ran.events[-1]["why"]
    assert "--with-dependencies" in ran.events[-1]["fix"]


def test_missing_dependency_is_built(wasmwheel: Command, tmp_path: Path, links: Path) -> None:
    project = create_pure_project(
        tmp_path / "outer", needs=f'"{INNER}"', code=f"import {MODULE} as inner\n"
    )
    ran = wasmwheel(
        *("build", project, "--with-dependencies", "--json", "--out", tmp_path / "dist"),
        env={"PIP_FIND_LINKS": str(links)},
    )
    assert ran.status == 0, ran.stderr
    (along,) = ran.document["built_along"]
    assert (along["name"], along["smoke"]["ok"]) == (INNER, True)
    assert Path(along["wheel"]).is_file()
    assert [(one["name"], one["from"]) for one in ran.document["dependencies"]] == [
        (INNER, "built")
    ]
    smoke = ("smoke", ran.document["wheel"], along["wheel"])
    said = wasmwheel(*smoke, "-c", "import plain; print(plain.inner.describe()[1])")
    assert said.stdout.strip() == "4", said.stderr


@pytest.mark.slow
def test_built_dependency_is_published(wasmwheel: Command, tmp_path: Path, links: Path) -> None:
    site = tmp_path / "site"
    assert wasmwheel("site", "create", site).status == 0
    project = create_pure_project(
        tmp_path / "outer",
        needs=f'"{INNER}", "shellingham"',
        code=f"import {MODULE}, shellingham\n",
    )
    ran = wasmwheel(
        *("build", project, "--with-dependencies", "--json", "--site", site),
        *("--out", tmp_path / "dist"),
        env={"PIP_FIND_LINKS": str(links)},
    )
    assert ran.status == 0, ran.stderr
    assert {one["name"]: one["from"] for one in ran.document["dependencies"]} == {
        INNER: "built",
        "shellingham": "pypi",
    }
    listed = wasmwheel("site", "list", site, "--json").document["packages"]
    assert {one["name"] for one in listed} == {"plain", INNER}
    assert list((site / "static/pyodide/packages").rglob("shellingham-*.whl"))


@pytest.mark.parametrize(
    ("pyproject", "info", "requires"),
    [
        ('[project]\ndependencies = ["a>=1"]\n', "", ["a>=1"]),
        ('[project]\nname = "x"\n', "", []),
        ('[project]\ndynamic = ["dependencies"]\n', "", None),
        ("", "Metadata-Version: 2.2\nRequires-Dist: b\n", ["b"]),
        ("", "Metadata-Version: 2.2\nDynamic: Requires-Dist\n", None),
        ("", "Metadata-Version: 2.1\nRequires-Dist: b\n", None),
        ('[project]\ndynamic = ["dependencies"]\n', "Metadata-Version: 2.4\n", []),
    ],
)
def test_static_requirements_are_read_before_build(
    tmp_path: Path, pyproject: str, info: str, requires: list[str] | None
) -> None:
    (tmp_path / "pyproject.toml").write_text(pyproject)
    if info:
        (tmp_path / "PKG-INFO").write_text(info)
    found = manifest.requirements(tmp_path)
    assert found == requires or list(map(str, found or ())) == requires
