"""Builds by the project's own backend: hooks, requirements, profiles, several modules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.backends import BACKENDS
from tests.fixtures.commands import Command
from tests.fixtures.layouts import LAYOUTS
from tests.fixtures.projects import create_pure_project, write_files

LIBRARY = """
use pyo3::prelude::*;
#[pyfunction]
fn twice(n: i64) -> i64 { 2 * n }
#[pymodule]
mod NAME { #[pymodule_export] use super::twice; }
"""


def crate(name: str, more: str = "") -> str:
    return (
        f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
        f'[lib]\nname = "{name}"\ncrate-type = ["cdylib"]\n'
        f'[dependencies]\npyo3 = "0.30"\n{more}'
    )


def build(wasmwheel: Command, project: Path, *words: str) -> dict[str, Any]:
    out = project.parent / "out"
    ran = wasmwheel("build", project, "--json", "--profile", "draft", "--out", out, *words)
    assert ran.status == 0, ran.stderr
    return ran.document


def members(wheel: str) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def run(wasmwheel: Command, wheel: str, code: str) -> str:
    return wasmwheel("smoke", wheel, "-c", code).stdout.strip()


MATURIN = '[build-system]\nrequires = ["maturin>=1,<2"]\nbuild-backend = "maturin"\n'
PROJECT = '[project]\nname = "wrapped"\nversion = "1.0"\n'


@pytest.mark.usefixtures("draft_seed")
def test_wrapped_maturin_builds_same_bytes_as_maturin(wasmwheel: Command, workbench: Path) -> None:
    project = write_files(
        workbench / "wrapped",
        {
            "pyproject.toml": MATURIN + PROJECT,
            "Cargo.toml": crate("wrapped"),
            "src/lib.rs": LIBRARY.replace("NAME", "wrapped"),
            "hooks/own.py": "from maturin import *\n",
        },
    )
    direct = members(build(wasmwheel, project, "--no-cache")["wheel"])
    system = MATURIN.replace('backend = "maturin"', 'backend = "own"\nbackend-path = ["hooks"]')
    (project / "pyproject.toml").write_text(system + PROJECT)
    assert members(build(wasmwheel, project, "--no-cache")["wheel"]) == direct


@pytest.mark.usefixtures("draft_seed")
def test_settings_of_maturin_reach_build(wasmwheel: Command, workbench: Path) -> None:
    settings = (
        "[tool.maturin]\n"
        'features = ["own"]\nprofile = "dist"\nlocked = true\nstrip = true\n'
        'compatibility = "manylinux2014"\ninclude = ["notes.txt"]\n'
    )
    more = "[features]\nown = []\ngiven = []\nset = []\n"
    more += '[profile.dist]\ninherits = "release"\nlto = "fat"\n'
    both = 'if cfg!(all(feature = "own", feature = "given", feature = "set")) { n * 2 } else { 0 }'
    project = write_files(
        workbench / "settings",
        {
            "pyproject.toml": MATURIN + PROJECT + settings,
            "Cargo.toml": crate("wrapped", more),
            "src/lib.rs": LIBRARY.replace("NAME", "wrapped").replace("2 * n", both),
            "notes.txt": "included\n",
        },
    )
    words = ("--features", "given", "--ignore-lock", "-C", "build-args=--features=set")
    report = build(wasmwheel, project, *words)
    assert "notes.txt" in members(report["wheel"])
    assert run(wasmwheel, report["wheel"], "import wrapped; print(wrapped.twice(4))") == "8"


SHOWS_SETTINGS = """
from pathlib import Path
from flit_core import buildapi
from flit_core.buildapi import *

def build_wheel(folder, config_settings=None, metadata=None):
    module = Path("plain/__init__.py")
    module.write_text(f"'A package.'\\nSETTINGS = {config_settings!r}\\n")
    return buildapi.build_wheel(folder, None, metadata)
"""


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ([], "None"),
        (["-C", "strict"], "{'strict': ''}"),
        (["-C", "a=x=y", "--config-setting", "b=1", "-C", "b=2"], "{'a': 'x=y', 'b': ['1', '2']}"),
    ],
)
def test_backend_gets_settings_of_command(
    wasmwheel: Command, tmp_path: Path, words: list[str], settings: str
) -> None:
    project = create_pure_project(tmp_path / "plain")
    manifest = project / "pyproject.toml"
    own = '"shows"\nbackend-path = ["hooks"]'
    manifest.write_text(manifest.read_text().replace('"flit_core.buildapi"', own))
    write_files(project, {"hooks/shows.py": SHOWS_SETTINGS})
    report = build(wasmwheel, project, *words)
    assert run(wasmwheel, report["wheel"], "import plain; print(plain.SETTINGS)") == settings


HOOK = """
import shutil, subprocess
from pathlib import Path
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        subprocess.run(["cargo", "build", "--release"], check=True, cwd=self.root)
        module = Path(self.root, "hooked/native.abi3.so")
        shutil.copy(Path(self.root, "target/release/libnative.so"), module)
        build_data.update(pure_python=False, infer_tag=True)
        build_data["artifacts"].append("hooked/native.abi3.so")
"""


@pytest.mark.usefixtures("draft_seed")
def test_build_hook_that_calls_cargo_gets_module_for_target(
    wasmwheel: Command, workbench: Path
) -> None:
    project = write_files(
        workbench / "hooked",
        {
            "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\n'
            'build-backend = "hatchling.build"\n[project]\nname = "hooked"\nversion = "1.0"\n'
            '[tool.hatch.build.targets.wheel]\npackages = ["hooked"]\n'
            "[tool.hatch.build.targets.wheel.hooks.custom]\n",
            "hatch_build.py": HOOK,
            "hooked/__init__.py": "from .native import twice\n",
            "Cargo.toml": crate("native").replace(
                '"0.30"', '{ version = "0.30", features = ["abi3-py311"] }'
            ),
            "src/lib.rs": LIBRARY.replace("NAME", "native"),
        },
    )
    report = build(wasmwheel, project)
    assert "cp314-cp314-pyemscripten" in report["wheel"]
    assert run(wasmwheel, report["wheel"], "import hooked; print(hooked.twice(4))") == "8"


@pytest.mark.usefixtures("draft_seed")
@pytest.mark.parametrize("backend", BACKENDS)
def test_build_system_compiles_for_target(
    backend: str, wasmwheel: Command, workbench: Path
) -> None:
    report = build(wasmwheel, write_files(workbench / backend, BACKENDS[backend]))
    assert "cp314-cp314-pyemscripten" in report["wheel"]
    assert run(wasmwheel, report["wheel"], "import sample; print(sample.add(40, 2))") == "42"


def why_not_built(wasmwheel: Command, folder: Path, backend: str, file: str, line: str) -> str:
    """Return the cause of the error of a project, one of whose files gets another line."""
    files = BACKENDS[backend]
    ran = wasmwheel("build", write_files(folder, files | {file: files[file] + line}), "--json")
    assert ran.status == 5, ran.stderr
    return str(ran.document["error"]["why"])


def last_line(backend: str, file: str) -> int:
    """Return the number of the line that is added."""
    return len(BACKENDS[backend][file].splitlines()) + 1


@pytest.mark.parametrize(
    ("backend", "file", "line"),
    [
        ("scikit-build-core", "CMakeLists.txt", "find_package(absent REQUIRED)\n"),
        ("meson-python", "meson.build", "dependency('absent')\n"),
    ],
)
def test_configuration_error_of_build_system_is_named(
    backend: str, file: str, line: str, wasmwheel: Command, tmp_path: Path
) -> None:
    why = why_not_built(wasmwheel, tmp_path, backend, file, line)
    assert f"{file}:{last_line(backend, file)}" in why
    assert "absent" in why


@pytest.mark.parametrize(
    ("backend", "file", "line"),
    [
        ("scikit-build-core", "rust/src/lib.rs", "fn broken() -> i64 { nothing }\n"),
        ("meson-python", "native.c", "int broken(void) { return nothing; }\n"),
    ],
)
def test_compile_error_of_build_system_names_file_of_user(
    backend: str, file: str, line: str, wasmwheel: Command, tmp_path: Path
) -> None:
    why = why_not_built(wasmwheel, tmp_path, backend, file, line)
    assert f"{tmp_path / file}:{last_line(backend, file)}:" in why


def test_crate_beside_pure_project_is_ignored(wasmwheel: Command, tmp_path: Path) -> None:
    project = write_files(
        tmp_path / "beside",
        {
            "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\n'
            'build-backend = "hatchling.build"\n[project]\nname = "beside"\nversion = "1.0"\n',
            "beside/__init__.py": "",
            "Cargo.toml": '[package]\nname = "tool"\nversion = "0.1.0"\n',
            "src/main.rs": "fn main() {}\n",
        },
    )
    assert build(wasmwheel, project)["wheel"].endswith("py3-none-any.whl")


WRAPPER = """
from setuptools import build_meta
from setuptools.build_meta import *

def get_requires_for_build_wheel(config_settings=None):
    return [*build_meta.get_requires_for_build_wheel(config_settings), "setuptools-rust>=1.11"]
"""


@pytest.mark.slow
@pytest.mark.usefixtures("draft_seed")
def test_several_modules_of_crates_that_backend_requires_late(
    wasmwheel: Command, workbench: Path
) -> None:
    top = write_files(
        workbench / "several folders",
        {
            "second/Cargo.toml": crate("second"),
            "second/src/lib.rs": LIBRARY.replace("NAME", "second"),
            "own/native/Cargo.toml": crate("first"),
            "own/native/src/lib.rs": LIBRARY.replace("NAME", "first"),
            "own/support/wrapper.py": WRAPPER,
            "own/duo/__init__.py": "from . import first, second\n",
            "own/pyproject.toml": '[build-system]\nrequires = ["setuptools>=77"]\n'
            'build-backend = "wrapper"\nbackend-path = ["support"]\n'
            '[project]\nname = "duo"\nversion = "1.0"\n'
            '[tool.setuptools]\npackages = ["duo"]\n'
            '[[tool.setuptools-rust.ext-modules]]\ntarget = "duo.first"\n'
            'path = "native/Cargo.toml"\n'
            '[[tool.setuptools-rust.ext-modules]]\ntarget = "duo.second"\n'
            'path = "../second/Cargo.toml"\n',
        },
    )
    report = build(wasmwheel, top / "own")
    code = "import duo; print(duo.first.twice(1), duo.second.twice(2))"
    assert run(wasmwheel, report["wheel"], code) == "2 4"


@pytest.mark.slow
@pytest.mark.usefixtures("draft_seed")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_wheel_has_files_and_metadata_of_pip(
    layout: str, wasmwheel: Command, workbench: Path, tmp_path: Path
) -> None:
    folder, files = LAYOUTS[layout]
    project = write_files(workbench / layout, files) / folder
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, "."],
        cwd=shutil.copytree(workbench / layout, tmp_path / "host") / folder,
        env=os.environ | {"CARGO_TARGET_DIR": str(workbench / "target-of-host")},
        check=True,
    )
    [expected] = tmp_path.glob("*.whl")
    built = build(wasmwheel, project, "--no-smoke")["wheel"]
    assert contents(built) == contents(str(expected))


#: The modules, and the files that name a platform or list the others.
APART = (".so", "/WHEEL", "/RECORD", "/wasmwheel.json", ".cyclonedx.json")


def contents(wheel: str) -> dict[str, bytes | None]:
    """Return the members of a wheel with their bytes, or None for those that name the platform."""
    found = members(wheel)
    return {
        re.sub(r"(native|sample)\.[^/]*so$", r"\1", name): None if name.endswith(APART) else data
        for name, data in found.items()
        if not name.endswith("/wasmwheel.json")
    }
