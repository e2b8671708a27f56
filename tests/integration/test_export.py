"""Exports for other build tools, checked with those tools."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from jupyter_wasmwheel.api.report import CargoSettings
from jupyter_wasmwheel.export import package, workflow
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store
from tests.fixtures.commands import Command, error_of
from tests.fixtures.git_server import Repository, fetch_source
from tests.fixtures.projects import create_pure_project

RECIPE = """
name = "hello"
[cargo]
features = ["without-threads"]
default-features = false
cfg = ["tokio_unstable"]
[[replace]]
file = "src/lib.rs"
why = "Someone else is greeted."
old = "Hello, {name}!"
new = "Good day, {name}! ${{ secrets }}"
"""


def export_files(wasmwheel: Command, form: str, *words: str | Path) -> dict[str, str]:
    """Return the files of an export by their paths."""
    ran = wasmwheel("export", form, *words, "--json")
    assert ran.status == 0, ran.stderr
    return {each["path"]: each["text"] for each in ran.document["files"]}


def loaded(text: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def test_export_of_folder_writes_recipe(wasmwheel: Command, crate: Path) -> None:
    ((path, text),) = export_files(wasmwheel, "recipe", crate).items()
    assert path == "hello/meta.yaml"
    assert loaded(text) == {
        "package": {"name": "hello", "version": "0.1.0", "tag": ["rust"], "top-level": ["hello"]},
        "source": {"path": str(crate)},
        "requirements": {"executable": ["rustup"]},
        "test": {"imports": ["hello"]},
        "about": {
            "PyPI": "https://pypi.org/project/hello",
            "summary": "Functions written in Rust.",
        },
    }
    assert wasmwheel("export", "recipe", crate).stdout == text


def test_export_of_package_names_sdist_on_pypi(wasmwheel: Command, store: Store) -> None:
    ((path, text),) = export_files(wasmwheel, "recipe", "pypi:rpds-py==0.30.0").items()
    recipe = loaded(text)
    sdist = fetch_source("pypi:rpds-py==0.30.0", store).archive
    assert sdist
    assert path == "rpds-py/meta.yaml"
    assert recipe["source"] == {
        "url": "https://files.pythonhosted.org/packages/source/r/rpds_py/rpds_py-0.30.0.tar.gz",
        "sha256": hashlib.sha256(sdist.read_bytes()).hexdigest(),
    }
    assert recipe["package"]["top-level"] == ["rpds"]
    assert recipe["about"]["license"] == "MIT"


def test_export_lists_requirements_for_browser(wasmwheel: Command, tmp_path: Path) -> None:
    needs = (
        '"micropip>=0.1", "pywin32; sys_platform == \'win32\'", "never-heard-of-this", '
        "\"attrs; platform_system == 'Emscripten'\""
    )
    project = create_pure_project(tmp_path / "plain", needs=needs)
    ((_, text),) = export_files(wasmwheel, "recipe", project).items()
    recipe = loaded(text)
    assert recipe["requirements"] == {"run": ["micropip", "never-heard-of-this", "attrs"]}
    assert "tag" not in recipe["package"]
    assert "does not have never-heard-of-this: add recipes first" in text
    ran = wasmwheel("export", "recipe", project, "--make-optional", "attrs", "--json")
    assert "with edits" in error_of(ran, 2)["what"]


def test_export_writes_edits_as_patch(wasmwheel: Command, store: Store, tmp_path: Path) -> None:
    out = tmp_path / "packages"
    words = ("export", "recipe", "pypi:tiktoken", "--make-optional", "requests")
    assert "--out" in wasmwheel(*words).stderr
    ran = wasmwheel(*words, "--out", out)
    assert ran.status == 0, ran.stderr
    recipe = loaded((out / "tiktoken/meta.yaml").read_text())
    (patch,) = recipe["source"]["patches"]
    assert recipe["requirements"]["run"] == ["regex"]
    unpacked = tmp_path / "unpacked"
    shutil.copytree(
        fetch_source(f"pypi:tiktoken=={recipe['package']['version']}", store).folder, unpacked
    )
    apply = ["git", "apply", "-p1", str(out / "tiktoken" / patch)]
    subprocess.run(apply, cwd=unpacked, check=True)
    assert 'requests = ["requests"]' in (unpacked / "pyproject.toml").read_text()
    again = wasmwheel(*words, "--out", out, "--json")
    assert error_of(again, 2)["code"] == "export.file-exists"


def test_workflow_pins_versions_for_repository(wasmwheel: Command, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "project")
    starter.create("hello", repository.folder)
    ((path, text),) = export_files(wasmwheel, "workflow", repository.folder / "hello").items()
    assert path == "hello-pyodide.yml"
    job = loaded(text)["jobs"]["pyodide"]
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert [name.partition("@")[0] for name in used] == [
        "actions/checkout",
        "pypa/cibuildwheel",
        "actions/upload-artifact",
    ]
    assert all(name.partition("@")[2][1:] for name in used)
    (build,) = (step for step in job["steps"] if step.get("uses", "").startswith("pypa/"))
    target = targets.find(targets.default_abi())
    assert build["with"] == {"package-dir": "hello"}
    assert build["env"]["CIBW_PLATFORM"] == "pyodide"
    assert build["env"]["CIBW_PYODIDE_VERSION"] == target.pyodide
    assert build["env"]["CIBW_TEST_COMMAND"] == 'python -c "import hello"'
    assert job["env"] == {"RUSTUP_TOOLCHAIN": f"{target.rust}.0"}


def test_workflow_applies_same_edits_and_cargo_arguments(
    wasmwheel: Command, crate: Path, tmp_path: Path
) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    words = ("--recipe", tmp_path / "recipe.toml", "--features", "loud")
    ((_, text),) = export_files(wasmwheel, "workflow", crate, *words).items()
    steps = loaded(text)["jobs"]["pyodide"]["steps"]
    (edit,) = (step for step in steps if step.get("name", "").startswith("Edit"))
    # Replace GitHub's expressions with their values, as GitHub does.
    script = edit["run"].replace("${{ '${{' }}", "${{")
    subprocess.run(["bash", "-e", "-c", script], cwd=crate, check=True)
    assert "Good day, {name}! ${{ secrets }}" in (crate / "src/lib.rs").read_text()
    (build,) = (step for step in steps if step.get("uses", "").startswith("pypa/"))
    environment = build["env"]["CIBW_ENVIRONMENT"]
    assert "--features loud --features without-threads --no-default-features" in environment
    assert "-sWASM_BIGINT --cfg tokio_unstable" in environment


def test_workflow_fetches_other_repository(wasmwheel: Command, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "elsewhere")
    starter.create("hello", repository.folder)
    commit = repository.commit("Begin")
    made = package.Package(
        name="hello",
        version="0.1.0",
        target=targets.find("2026_0"),
        backend="maturin",
        origin=package.Commit(
            url=repository.folder.as_uri(), commit=commit, folder=PurePosixPath("hello")
        ),
        requires=(),
        lacking=(),
        modules=("hello",),
        summary="",
        home="",
        license="",
        patches=(),
        cargo=CargoSettings(),
    )
    steps = workflow.document(made)["jobs"]["pyodide"]["steps"]
    subprocess.run(["bash", "-e", "-c", steps[0]["run"]], cwd=tmp_path, check=True)
    (build,) = (step for step in steps if step.get("uses", "").startswith("pypa/"))
    assert (tmp_path / build["with"]["package-dir"] / "pyproject.toml").is_file()


def test_export_rejects_unreachable_source(
    wasmwheel: Command, store: Store, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "repository")
    create_pure_project(repository.folder / "inside")
    repository.commit("Begin")
    source = f"git+{repository.folder}#subdirectory=inside"
    error = error_of(wasmwheel("export", "recipe", source, "--json"), 2)
    assert "others cannot fetch" in error["what"]
    error = error_of(wasmwheel("export", "workflow", repository.folder / "inside", "--json"), 2)
    assert error["code"] == "export.workflow-not-needed"
    sdist = fetch_source("pypi:rpds-py==0.30.0", store).archive
    error = error_of(wasmwheel("export", "recipe", str(sdist), "--json"), 2)
    assert "pypi:rpds-py==0.30.0" in error["fix"]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with pyodide-build and this cibuildwheel.

    Only pyodide-build's model of a recipe is used, which needs few of its requirements.
    """
    folder = tmp_path_factory.mktemp("tools")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*install, "--no-deps", "--ignore-requires-python", "pyodide-build>=0.39"], check=True
    )
    named = f"cibuildwheel=={workflow.releases()['cibuildwheel']}"
    subprocess.run([*install, "attrs", "cattrs", "ruamel.yaml", named], check=True)
    return python


@pytest.mark.slow
@pytest.mark.parametrize("source", ["folder", "pypi:rpds-py", "pypi:tiktoken", "pypi:orjson"])
def test_recipe_is_accepted_by_pyodide_build(
    wasmwheel: Command, tools: Path, crate: Path, tmp_path: Path, source: str
) -> None:
    named = str(crate) if source == "folder" else source
    words = ("export", "recipe", named, "--features", "x", "--out", tmp_path)
    words = words if source != "pypi:tiktoken" else (*words[:3], *words[5:])
    ran = wasmwheel(*words)
    assert ran.status == 0, ran.stderr
    code = (
        "import sys; from pathlib import Path; from pyodide_build.recipe.spec import MetaConfig; "
        "spec = MetaConfig.from_yaml(Path(sys.argv[1])); assert spec.is_rust_package(); "
        "print(spec.package.name, *spec.test.imports)"
    )
    done = subprocess.run(
        [tools, "-c", code, ran.stdout.splitlines()[0]], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] in ("hello", source.removeprefix("pypi:"))


@pytest.mark.slow
@pytest.mark.parametrize("abi", [target.abi for target in targets.all_targets()])
def test_options_are_accepted_by_cibuildwheel(
    wasmwheel: Command, tools: Path, crate: Path, abi: str
) -> None:
    ((_, text),) = export_files(wasmwheel, "workflow", crate, "--target", abi).items()
    steps = loaded(text)["jobs"]["pyodide"]["steps"]
    (build,) = (step for step in steps if step.get("uses", "").startswith("pypa/"))
    options: dict[str, str] = build["env"]
    done = subprocess.run(
        [tools, "-m", "cibuildwheel", "--print-build-identifiers", crate],
        env={**os.environ, **options},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [options["CIBW_BUILD"]], done.stderr
    code = (
        "import json, tomllib; from cibuildwheel.util import resources as r; "
        "rows = tomllib.loads(r.BUILD_PLATFORMS.read_text())['pyodide']['python_configurations']; "
        "names = json.loads((r.PATH / 'cibuildwheel.schema.json').read_text())['properties']; "
        "print(json.dumps([rows, list(names)]))"
    )
    said = subprocess.run([tools, "-c", code], capture_output=True, text=True, check=True).stdout
    rows, names = json.loads(said)
    (row,) = (row for row in rows if row["identifier"] == options["CIBW_BUILD"])
    assert row["default_pyodide_version"] == options["CIBW_PYODIDE_VERSION"]
    known = {f"CIBW_{name.upper().replace('-', '_')}" for name in names}
    assert set(options) - {"CIBW_PLATFORM"} <= known
