"""Which crates compile the same as a starter crate, so that what they compile can be a seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.project import starter


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
