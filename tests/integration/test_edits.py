"""Builds with recipes and optional requirements."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.commands import Command
from tests.fixtures.recipe_projects import HEAD, PLAIN, RECIPE, create_plain_project, recipe_file


def test_make_optional_changes_wheel_and_keeps_source(wasmwheel: Command, tmp_path: Path) -> None:
    project = create_plain_project(tmp_path / "plain", PLAIN)
    ran = wasmwheel(
        *("build", project, "--events", "--make-optional", "Never_heard.of-this"),
        *("--out", tmp_path / "dist"),
    )
    assert ran.status == 0, ran.stderr
    report = ran.events[-1]["report"]
    (patch,) = report["patches"]
    assert patch["file"] == "pyproject.toml"
    assert '\n-dependencies = ["never-heard-of-this", "packaging"]\n' in patch["diff"]
    assert '\n+dependencies = ["packaging"]\n' in patch["diff"]
    assert [each["name"] for each in report["dependencies"]] == ["packaging"]
    assert "Edited: pyproject.toml (+2 -1)." in " ".join(e.get("text", "") for e in ran.events)
    with zipfile.ZipFile(report["wheel"]) as wheel:
        metadata = wheel.read("plain-1.0.dist-info/METADATA").decode()
    assert re.search(r"Requires-Dist: never-heard-of-this\s*; extra == .never-heard", metadata)
    assert (project / "pyproject.toml").read_text() == HEAD + PLAIN


def test_named_recipe_for_other_package_is_rejected(wasmwheel: Command, tmp_path: Path) -> None:
    project = create_plain_project(tmp_path / "plain", PLAIN)
    for text in ('name = "other"\nversions = ">=1"\n', 'name = "plain"\nversions = "<1"\n'):
        ran = wasmwheel("build", project, "--json", "--recipe", recipe_file(tmp_path, text))
        assert ran.status == 3, ran.stderr
        assert ran.document["error"]["code"] == "recipe.wrong-package"
    ran = wasmwheel("build", project, "--json", "--recipe", tmp_path / "none.toml")
    assert ran.status == 2
    assert ran.document["error"]["code"] == "recipe.not-found"


def test_unchanged_edits_compile_nothing_again(
    wasmwheel: Command, crate: Path, tmp_path: Path
) -> None:
    recipe = recipe_file(
        tmp_path,
        'name = "hello"\nversions = ""\n[[replace]]\nof = "crate"\nfile = "src/lib.rs"\n'
        "why = 'To greet aloud.'\nold = 'in your browser.'\nnew = 'IN YOUR BROWSER.'\n",
    )
    before = (crate / "src/lib.rs").read_text()

    def build(recipe: str | Path) -> tuple[dict[str, Any], str]:
        ran = wasmwheel(
            *("build", crate, "--json", "--profile", "draft", "--recipe", recipe),
            *("--no-cache", "--out", tmp_path / "dist"),
        )
        assert ran.status == 0, ran.stderr
        code = "import hello; print(hello.greet('x'))"
        said = wasmwheel("smoke", ran.document["wheel"], "-c", code)
        return ran.document, said.stdout

    report, said = build(recipe)
    assert "IN YOUR BROWSER." in said
    (patch,) = report["patches"]
    assert patch["file"] == "src/lib.rs"
    assert "\n+" in patch["diff"]
    assert report["recipe"]["name"] == "hello"
    assert (crate / "src/lib.rs").read_text() == before
    report, said = build(recipe)
    assert report["crates"] == []
    assert "IN YOUR BROWSER." in said
    report, said = build("none")
    assert [each["name"] for each in report["crates"]] == ["hello"]
    assert report["patches"] == []
    assert report["recipe"] is None
    assert "in your browser." in said


@pytest.mark.slow
def test_recipe_sets_features_and_cfgs_and_patches_crate(
    wasmwheel: Command, crate: Path, tmp_path: Path
) -> None:
    with (crate / "pyproject.toml").open("a") as pyproject:
        pyproject.write("\n[tool.maturin]\nlocked = true\n")
    manifest = crate / "Cargo.toml"
    text = manifest.read_text().replace("[dependencies]", '[dependencies]\nitoa = "=1.0.15"')
    manifest.write_text(text + '\n[features]\ndefault = ["quiet"]\nloud = []\nquiet = []\n')
    source = crate / "src/lib.rs"
    text = source.read_text().replace('"Hello, {name}!', '"{}{}{}{} {name}!')
    parts = ['cfg!(feature = "loud")', 'cfg!(feature = "quiet")', "cfg!(calm)"]
    parts.append("itoa::Buffer::new().format(7)")
    text = text.replace('in your browser.")', f'in your browser.", {", ".join(parts)})')
    source.write_text(text)
    recipe = recipe_file(
        tmp_path,
        'name = "hello"\nversions = ""\n[cargo]\nfeatures = ["loud"]\ndefault-features = false\n'
        "cfg = ['calm']\n[[replace]]\nof = 'dependency:itoa'\nfile = 'src/lib.rs'\n"
        "why = 'To count differently.'\n"
        "old = 'let string = i.write('\n"
        "new = 'if I::MAX_STR_LEN > 0 { return \"eight\"; } let string = i.write('\n",
    )
    words = ("build", crate, "--json", "--no-cache", "--recipe", recipe)
    words = (*words, "--profile", "draft", "--out", tmp_path / "dist")
    ran = wasmwheel(*words)
    assert ran.status == 0, ran.stderr
    said = wasmwheel("smoke", ran.document["wheel"], "-c", "import hello; print(hello.greet('x'))")
    assert said.stdout.startswith("truefalsetrueeight x!")
    assert [patch["file"] for patch in ran.document["patches"]] == ["itoa-1.0.15/src/lib.rs"]
    again = wasmwheel(*words)
    assert again.document["crates"] == []
    recipe.write_text(recipe.read_text().replace("dependency:itoa", "dependency:mio"))
    ran = wasmwheel(*words)
    assert ran.status == 3
    assert "edits the crate mio" in ran.document["error"]["why"]


def test_recipe_data_is_published_and_removed_with_package(
    wasmwheel: Command, tmp_path: Path
) -> None:
    project = create_plain_project(
        tmp_path / "plain", PLAIN.replace('"never-heard-of-this", "packaging"', "")
    )
    ranks = f"a {secrets.token_hex()}\n"  # which no store has yet
    (tmp_path / "ranks.txt").write_text(ranks)
    sha256 = hashlib.sha256(ranks.encode()).hexdigest()
    url = "http://127.0.0.1:9/ranks.txt"
    data = f"[[data]]\nurl = '{url}'\nsha256 = '{sha256}'\nwhy = 'The ranks.'\n"
    recipe = recipe_file(tmp_path, RECIPE + data)
    site = tmp_path / "site"
    assert wasmwheel("site", "create", site).status == 0
    words = ("build", project, "--recipe", recipe, "--site", site, "--out", tmp_path / "dist")
    ran = wasmwheel(*words)
    assert ran.status == 0, ran.stderr
    assert f"{url} is not shipped with the site" in ran.stderr
    recipe.write_text(RECIPE + data + "file = 'ranks.txt'\n")
    assert wasmwheel(*words).status == 0
    lock = json.loads((site / "static/pyodide/pyodide-lock.json").read_text())
    shipped = lock["packages"]["plain"]["tool"]["wasmwheel"]["data"]
    place = site / "static/pyodide" / shipped.pop(url)
    assert not shipped
    assert place.read_text() == ranks
    assert wasmwheel("site", "remove", site, "plain").status == 0
    assert not place.exists()
    recipe.write_text(RECIPE + data.replace(sha256, 64 * "0") + "file = 'ranks.txt'\n")
    ran = wasmwheel(*words)
    assert ran.status == 3
    assert "ranks.txt does not match" in ran.stderr
