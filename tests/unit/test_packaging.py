"""The package's own packaging: the recipe for conda-forge, and files of the repository."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from rattler_build import RattlerBuildError, Stage0Recipe

from jupyter_wasmwheel import __version__

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "packaging/conda-forge/recipe.yaml"

#: Projects whose package on conda-forge has another name than on PyPI.
CONDA_NAMES = {"msgspec": "msgspec-python"}


def test_conda_recipe_is_accepted_by_rattler_build() -> None:
    (variant,) = Stage0Recipe.from_file(RECIPE).render()
    assert variant.recipe.package.name == "jupyter-wasmwheel"


def test_rattler_build_refuses_unknown_field(tmp_path: Path) -> None:
    changed = tmp_path / "recipe.yaml"
    changed.write_text(RECIPE.read_text().replace("requirements:", "requirement:", 1))
    with pytest.raises(RattlerBuildError):
        Stage0Recipe.from_file(changed).render()


def test_conda_recipe_requires_what_pyproject_requires() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    recipe = yaml.safe_load(RECIPE.read_text())
    named = dict(line.partition(" ")[::2] for line in recipe["requirements"]["run"])
    del named["python"]
    expected = {}
    for requirement in project["dependencies"]:
        name, versions = re.fullmatch(r"([\w-]+)(.*)", requirement).groups()
        expected[CONDA_NAMES.get(name, name)] = versions
    assert named == expected


def test_release_bumps_version_in_python_and_front_end() -> None:
    tbump = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["tbump"]
    searched = {
        file["src"]: file["search"].format(current_version=__version__) for file in tbump["file"]
    }
    assert tbump["version"]["current"] == __version__
    assert searched.keys() == {"jupyter_wasmwheel/__init__.py", "labextension/package.json"}
    for name, text in searched.items():
        assert (ROOT / name).read_text().count(text) == 1
    package = json.loads((ROOT / "labextension/package.json").read_text())
    assert package["version"] == __version__


def test_typing_marker_is_tracked() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "jupyter_wasmwheel/py.typed"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert tracked.stdout.strip()
