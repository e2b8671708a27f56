"""A project's own tests: where they are, and what they require."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from jupyter_wasmwheel.checks import test_environment
from jupyter_wasmwheel.project import suite
from jupyter_wasmwheel.wheel import read
from tests.fixtures.projects import create_project
from tests.fixtures.wheel_factory import wheel


@pytest.mark.parametrize(
    ("files", "paths"),
    [
        ({"tests/test_a.py": ""}, ("tests",)),
        ({"test/test_a.py": "", "other/test_b.py": ""}, ("test",)),
        ({"tests/rust.rs": "", "python/checks/a_test.py": ""}, ("python/checks",)),
        (
            {
                "plain/tests/test_a.py": "",
                "plain/tests/deep/test_b.py": "",
                "benches/test_speed.py": "",
            },
            ("plain/tests",),
        ),
        ({"pytest.ini": "[pytest]\ntestpaths = t*", "test_it/a.py": "", "tests/test_b.py": ""}, ()),
        (
            {
                "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["spec"]',
                "spec/a.py": "",
            },
            (),
        ),
        (
            {
                "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["gone"]',
                "tests/test_a.py": "",
            },
            ("tests",),
        ),
    ],
)
def test_suite_uses_configured_paths_then_usual_ones(
    tmp_path: Path, files: dict[str, str], paths: tuple[str, ...]
) -> None:
    assert suite.find(create_project(tmp_path, files)).paths == paths


def test_suite_reads_requirements_from_groups_and_files(tmp_path: Path) -> None:
    found = suite.find(
        create_project(
            tmp_path,
            {
                "pyproject.toml": """
[dependency-groups]
Test = ["one>=1", {include-group = "more"}]
more = ["two", {include-group = "test"}]
dev = ["tool"]
""",
                "tests/test_a.py": "import hypothesis\n@pytest.mark.asyncio\nasync def test(): ...",
                "tests/requirements.txt": "three==3 --hash=sha256:00  # said\n-r more.txt\n-e .\n",
                "tests/more.txt": "four; python_version > '3'\nhttps://example.invalid/five.whl\n",
                "requirements-dev.txt": "other-tool\n-r ../../outside.txt",
            },
        )
    )
    names = [requirement.name for requirement in found.requirements]
    assert names == ["one", "two", "three", "four"]
    assert [requirement.name for requirement in found.development] == ["tool", "other-tool"]
    assert [companion.name for companion in found.companions] == ["pytest-asyncio", "hypothesis"]


def test_suite_next_to_package_includes_whole_package(tmp_path: Path) -> None:
    found = suite.find(
        create_project(tmp_path / "plain", {"tests/test_a.py": "", "plain/own.py": "mine"})
    )
    members = {"plain/_native.so": b"compiled", "plain/own.py": b"packed", "other.py": b""}
    test_environment.pack(
        found, read(wheel(tmp_path, "py3-none-any", members)), tmp_path / "tree.zip"
    )
    with zipfile.ZipFile(tmp_path / "tree.zip") as tree:
        assert tree.read("plain/_native.so") == b"compiled"
        assert tree.read("plain/own.py") == b"mine"
        assert "other.py" not in tree.namelist()
