"""Seeds: which crates compile the same as a starter crate, and what of them is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_wasmwheel.build import seeds
from jupyter_wasmwheel.project import starter
from tests.fixtures.projects import write_files


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return starter.create("own", tmp_path)


def edit(crate: Path, old: str, new: str, name: str = "Cargo.toml") -> None:
    path = crate / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "own"', 'name = "other"'),
        ('version = "0.1.0"', 'version = "0.2.0"'),
        ('edition = "2021"', 'edition = "2024"\ndescription = "Mine"'),
        ('crate-type = ["cdylib"]', 'crate-type = ["cdylib", "rlib"]'),
    ],
)
def test_crate_with_other_metadata_is_plain(own: Path, old: str, new: str) -> None:
    edit(own, old, new)
    assert starter.is_plain(own)


def test_manifest_can_begin_with_byte_order_mark(own: Path) -> None:
    path = own / "Cargo.toml"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert starter.is_plain(own)


def test_module_can_have_a_name_and_a_python_source(own: Path) -> None:
    more = '[tool.maturin]\nmodule-name = "own.native"\npython-source = "python"\n'
    edit(own, "[tool.wasmwheel]", f"{more}[tool.wasmwheel]", "pyproject.toml")
    assert starter.is_plain(own)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('pyo3 = "0.30"', 'pyo3 = "0.29"'),
        ('pyo3 = "0.30"', 'pyo3 = { path = "../pyo3" }'),
        ('pyo3 = "0.30"', 'pyo3 = "0.30"\nserde = "1"'),
        ('pyo3 = "0.30"', 'pyo3 = "0.30"\n[build-dependencies]\ncc = "1"'),
        ('pyo3 = "0.30"', 'pyo3 = "0.30"\n[profile.release]\nopt-level = "z"'),
        ('pyo3 = "0.30"', 'pyo3 = "0.30"\n[patch.crates-io]\npyo3 = { path = "../pyo3" }'),
        ('edition = "2021"', 'edition = "2021"\nbuild = "src/attack.rs"'),
        ('edition = "2021"', 'edition = "2021"\nworkspace = ".."'),
        ('edition = "2021"', 'edition = "2021"\nmetadata.maturin.x = "y"'),
        ('crate-type = ["cdylib"]', "proc-macro = true"),
        ('crate-type = ["cdylib"]', 'crate-type = ["cdylib"]\npath = "../other.rs"'),
        ('crate-type = ["cdylib"]', 'crate-type = ["proc-macro"]'),
    ],
)
def test_crate_that_compiles_more_is_not_plain(own: Path, old: str, new: str) -> None:
    edit(own, old, new)
    assert not starter.is_plain(own)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[tool.wasmwheel]", '[tool.maturin]\nconfig = ["x"]\n[tool.wasmwheel]'),
        ("[tool.wasmwheel]", '[tool.maturin]\nrustc-args = ["x"]\n[tool.wasmwheel]'),
        ("[tool.wasmwheel]", "[tool.maturin]\nunknown = 1\n[tool.wasmwheel]"),
        ("[tool.wasmwheel]", "[tool.other]\nx = 1\n[tool.wasmwheel]"),
        ('build-backend = "maturin"', 'build-backend = "own"\nbackend-path = ["."]'),
        ('build-backend = "maturin"', 'build-backend = "maturin"\nbackend-path = ["."]'),
        ('requires = ["maturin>=1.16,<2"]', 'requires = ["maturin", "attack"]'),
        ('requires = ["maturin>=1.16,<2"]', 'requires = ["--option"]'),
    ],
)
def test_crate_whose_build_has_options_is_not_plain(own: Path, old: str, new: str) -> None:
    edit(own, old, new, "pyproject.toml")
    assert not starter.is_plain(own)


def test_crate_with_build_script_is_not_plain(own: Path) -> None:
    (own / "build.rs").write_text("fn main() {}")
    assert not starter.is_plain(own)


def test_output_of_package_and_library_is_not_kept(tmp_path: Path) -> None:
    kept = ["deps/libpyo3-1.rlib", ".fingerprint/pyo3-1/lib-pyo3", "deps/my_pyo3-1.d"]
    own = ["deps/my_pkg-1.d", ".fingerprint/my-pkg-1/lib-native", "deps/libnative-1.rlib"]
    write_files(tmp_path, {f"release/{name}": "" for name in (*kept, *own, "native.wasm")})
    seeds._forget(tmp_path, "my-pkg", "native")
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == sorted(f"release/{name}" for name in kept)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_folder_with_other_than_files_is_not_kept(tmp_path: Path, kind: str) -> None:
    write_files(tmp_path, {"release/deps/libpyo3-1.rlib": ""})
    assert seeds._has_only_files(tmp_path)
    place = tmp_path / "release/build"
    place.symlink_to("/etc") if kind == "link" else os.mkfifo(place)
    assert not seeds._has_only_files(tmp_path)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "large"])
def test_lock_file_of_another_kind_has_no_version(tmp_path: Path, kind: str) -> None:
    lock = tmp_path / "Cargo.lock"
    if kind == "link":
        lock.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(lock)
    elif kind == "folder":
        lock.mkdir()
    else:
        with lock.open("wb") as stream:
            stream.truncate(10**10)
    assert seeds.locked_pyo3(lock) is None
