"""Lock files of cargo with versions that the registry does not have."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from jupyter_wasmwheel.toolchain import lock_file
from jupyter_wasmwheel.toolchain.cargo_resolver import Resolver

LOCK = """\
version = 4

[[package]]
name = "one"
version = "1.0.0"
dependencies = [
 "two 2.0.0",
]

[[package]]
name = "two"
version = "2.0.0"

[[package]]
name = "two"
version = "3.0.0"
"""

#: Stands in for cargo, as unit tests have no registry: it lacks the versions that it is given.
CARGO = """\
#!{python}
import sys
from pathlib import Path
with open("{calls}", "a") as calls:
    print(*sys.argv[1:], file=calls)
lock = Path(sys.argv[3].partition("=")[2]).with_name("Cargo.lock")
text = lock.read_text()
for name, version in {lacking}:
    if f'name = "{{name}}"\\nversion = "{{version}}"' in text:
        sys.exit(f"error: failed to select a version for the requirement "
                 f'`{{name}} = "^{{version}}"` (locked to {{version}})')
if {broken}:
    sys.exit("error: failed to parse lock file")
lock.write_text(text + "# complete\\n")
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "project/Cargo.lock"
    path.parent.mkdir()
    path.write_text(LOCK)
    path.with_name("Cargo.toml").write_text("")
    return path


def write_cargo(folder: Path, *lacking: tuple[str, str], broken: bool = False) -> Path:
    cargo = folder / "cargo"
    names = {"python": sys.executable, "calls": folder / "calls"}
    cargo.write_text(CARGO.format(**names, lacking=list(lacking), broken=broken))
    cargo.chmod(0o755)
    return cargo


def replace(lock: Path, cargo: Path) -> None:
    empty = lock.parent.parent / "resolution"
    empty.mkdir(exist_ok=True)
    resolver = Resolver(cargo=cargo, folder=empty, env=os.environ)
    lock_file.replace_unusable(lock, resolver, lock.parent.parent / "kept")


def test_lock_file_loses_only_versions_that_registry_lacks(lock: Path, tmp_path: Path) -> None:
    replace(lock, write_cargo(tmp_path, ("two", "2.0.0")))
    gone = '[[package]]\nname = "two"\nversion = "2.0.0"\n\n'
    assert lock.read_text() == LOCK.replace(gone, "") + "# complete\n"


def test_lock_file_with_several_missing_versions_is_completed(lock: Path, tmp_path: Path) -> None:
    replace(lock, write_cargo(tmp_path, ("one", "1.0.0"), ("two", "3.0.0")))
    assert [line for line in lock.read_text().splitlines() if "name" in line] == ['name = "two"']


def test_lock_file_loses_versions_that_rust_does_not_compile(lock: Path, tmp_path: Path) -> None:
    rows = [("time", "0.3.34"), ("time", "0.3.35"), ("time", "0.1.45"), ("wasm-bindgen", "0.2.79")]
    lock.write_text(
        "".join(
            f'[[package]]\nname = "{name}"\nversion = "{version}"\n\n' for name, version in rows
        )
    )
    replace(lock, write_cargo(tmp_path))
    left = [line for line in lock.read_text().splitlines() if "version" in line]
    assert left == ['version = "0.3.35"', 'version = "0.1.45"']


def test_lock_file_is_kept_where_registry_has_all(lock: Path, tmp_path: Path) -> None:
    replace(lock, write_cargo(tmp_path))
    assert lock.read_text() == LOCK + "# complete\n"


def test_lock_file_that_cargo_cannot_use_is_removed(lock: Path, tmp_path: Path) -> None:
    replace(lock, write_cargo(tmp_path, broken=True))
    assert not lock.exists()


def test_lock_file_without_manifest_is_kept(lock: Path, tmp_path: Path) -> None:
    lock.with_name("Cargo.toml").unlink()
    replace(lock, write_cargo(tmp_path, broken=True))
    assert lock.read_text() == LOCK


def test_same_lock_file_is_replaced_once(lock: Path, tmp_path: Path) -> None:
    cargo = write_cargo(tmp_path, ("two", "2.0.0"))
    replace(lock, cargo)
    result, calls = lock.read_text(), (tmp_path / "calls").read_text()
    lock.write_text(LOCK)
    replace(lock, cargo)
    assert (lock.read_text(), (tmp_path / "calls").read_text()) == (result, calls)
