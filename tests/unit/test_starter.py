"""Seeds: which crates compile the same as a starter crate, and what of them is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.build import seeds
from jupyter_wasmwheel.project import starter
from tests.fixtures.projects import write_files


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return starter.create("own", tmp_path)


def edit(crate: Path, old: str, new: str) -> None:
    path = crate / "Cargo.toml"
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
def test_crate_with_other_metadata_has_same_dependencies(own: Path, old: str, new: str) -> None:
    edit(own, old, new)
    assert starter.has_same_dependencies(own)


def test_manifest_can_begin_with_byte_order_mark(own: Path) -> None:
    path = own / "Cargo.toml"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert starter.has_same_dependencies(own)


def test_output_of_package_and_library_is_not_kept(tmp_path: Path) -> None:
    kept = ["deps/libpyo3-1.rlib", ".fingerprint/pyo3-1/lib-pyo3", "deps/my_pyo3-1.d"]
    own = ["deps/my_pkg-1.d", ".fingerprint/my-pkg-1/lib-native", "deps/libnative-1.rlib"]
    write_files(tmp_path, {f"release/{name}": "" for name in (*kept, *own, "native.wasm")})
    seeds._forget(tmp_path, "my-pkg", "native")
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == sorted(f"release/{name}" for name in kept)


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
    ],
)
def test_crate_that_compiles_more_has_other_dependencies(own: Path, old: str, new: str) -> None:
    edit(own, old, new)
    assert not starter.has_same_dependencies(own)


def test_crate_with_build_script_has_other_dependencies(own: Path) -> None:
    (own / "build.rs").write_text("fn main() {}")
    assert not starter.has_same_dependencies(own)
