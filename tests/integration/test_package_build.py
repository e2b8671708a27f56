"""The project's own wheel and sdist: reproducible, with the front end inside."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from jupyter_wasmwheel import __version__

ROOT = Path(__file__).parents[2]

#: The built front end, which git does not track.
FRONT_END = "jupyter_wasmwheel/labextension"


def copy_checkout(folder: Path) -> Path:
    """Copy the tracked files and the built front end."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    shutil.copytree(ROOT / FRONT_END, folder / FRONT_END)
    return folder


def build(folder: Path, *options: str) -> dict[str, bytes]:
    """Build the wheel and the sdist of a checkout; return their bytes by file name."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", "dist", *options],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1780000000"},
        check=True,
    )
    return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}


def test_two_builds_in_two_folders_give_same_bytes(tmp_path: Path) -> None:
    first, second = (build(copy_checkout(tmp_path / name)) for name in ("first", "a second"))
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_checkout(tmp_path_factory.mktemp("checkout"))
    build(folder)
    return folder / "dist"


def test_wheel_contains_front_end_and_typing_marker(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    data = f"jupyter_wasmwheel-{__version__}.data/data"
    assert "jupyter_wasmwheel/py.typed" in names
    extension = f"{data}/share/jupyter/labextensions/jupyter-wasmwheel"
    assert f"{extension}/package.json" in names
    assert any(name.startswith(f"{extension}/static/remoteEntry.") for name in names)
    assert f"{data}/etc/jupyter/jupyter_server_config.d/jupyter_wasmwheel.json" in names


def test_sdist_contains_built_front_end(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert f"{FRONT_END}/package.json" in names
    assert "pyproject.toml" in names
    assert not [name for name in names if "node_modules" in name]
