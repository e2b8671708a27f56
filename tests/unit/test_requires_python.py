"""A project that excludes the target's Python is refused before it is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import Retry, SourceError
from jupyter_wasmwheel.project import manifest, requires_python
from jupyter_wasmwheel.runtime import targets

#: A pyproject.toml whose backend has the value elsewhere.
DYNAMIC = '[build-system]\nrequires = ["setuptools"]\n'


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return folder


def require(folder: Path, *, for_site: bool = False) -> None:
    requires_python.require(manifest.read(folder), targets.find("2026_0"), for_site=for_site)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[project]\nname = "x"\nrequires-python = ">=3.9,<3.14"\n'},
        {"pyproject.toml": '[tool.poetry.dependencies]\npython = ">=3.9,<3.14"\n'},
        {"pyproject.toml": DYNAMIC, "setup.cfg": "[options]\r\npython_requires = <3.14\r\n"},
        {"setup.py": "from setuptools import setup\nsetup(name='x', python_requires='==3.13.*')\n"},
        {
            "pyproject.toml": DYNAMIC,
            "PKG-INFO": "Metadata-Version: 2.1\nName: x\nVersion: 1\nRequires-Python: ~=3.13.0\n",
        },
    ],
)
def test_excluded_python_is_refused_with_target_that_fits(
    tmp_path: Path, files: dict[str, str]
) -> None:
    with pytest.raises(SourceError) as raised:
        require(write(tmp_path, files))
    assert raised.value.info.code == "project.python-not-supported"
    assert "Python 3.13" in raised.value.fix
    assert "--target 2025_0" in raised.value.fix
    assert raised.value.info.remedies == (Retry(changes={"target": "2025_0"}),)


def test_excluded_python_of_site_has_no_retry(tmp_path: Path) -> None:
    folder = write(tmp_path, {"setup.py": "setup(python_requires='<3.14')"})
    with pytest.raises(SourceError) as raised:
        require(folder, for_site=True)
    assert "create a site" in raised.value.fix
    assert raised.value.info.remedies == ()


def test_python_of_no_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        require(write(tmp_path, {"setup.py": "setup(python_requires='<3.8')"}))
    assert "Pyodide has no such Python; the targets have 3.13, 3.14, 3.15" in raised.value.fix
    assert raised.value.info.remedies == ()


@pytest.mark.parametrize("value", [">=3.9", "~=3.9", ">=3.14.2", "!=3.14.0", "^3.9", "=>3.9"])
def test_allowed_or_invalid_python_passes(tmp_path: Path, value: str) -> None:
    require(write(tmp_path, {"pyproject.toml": f'[project]\nrequires-python = "{value}"\n'}))


def test_static_metadata_counts_before_other_files(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "x"\nrequires-python = ">=3.9"\n',
        "setup.cfg": "[options]\npython_requires = <3.14\n",
    }
    require(write(tmp_path, files))


@pytest.mark.parametrize("text", ["setup(python_requires=WANTED)", "def (", "import sys"])
def test_setup_py_without_literal_passes(tmp_path: Path, text: str) -> None:
    require(write(tmp_path, {"setup.py": text}))
