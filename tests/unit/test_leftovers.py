"""What a build leaves behind: our own code reads only regular files of its folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import SourceError
from jupyter_wasmwheel.build import backend, confinement
from jupyter_wasmwheel.project import copy, manifest
from jupyter_wasmwheel.project.copy import Copy
from jupyter_wasmwheel.safe_paths import temporary_folder
from jupyter_wasmwheel.toolchain import emscripten

PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "hooks"\n[project]\nname = "sample"\n'

#: What code can put in the place of a file, given the path and a file outside.
REPLACEMENTS: dict[str, Callable[[Path, Path], None]] = {
    "pipe": lambda path, outside: os.mkfifo(path),
    "link": lambda path, outside: path.symlink_to(outside),
    "device": lambda path, outside: path.symlink_to("/dev/zero"),
    "dangling link": lambda path, outside: path.symlink_to(outside.with_name("new")),
}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.write_text("crate secret\n")
    return path


@pytest.fixture
def private(tmp_path: Path) -> Copy:
    """Return the private copy of a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "Cargo.lock").write_text("version = 4\n")
    return copy.refresh(manifest.read(folder.resolve()), tmp_path / "store/work/sample/source")


@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_notes_that_are_no_regular_file_are_ignored(
    tmp_path: Path, outside: Path, replace: Callable[[Path, Path], None]
) -> None:
    notes = tmp_path / "notes/c-notes"
    notes.parent.mkdir()
    replace(notes, outside)
    assert emscripten.read_c_usage(notes) == emscripten.CUsage()


def test_notes_of_shims_are_read(tmp_path: Path) -> None:
    notes = tmp_path / "c-notes"
    assert emscripten.read_c_usage(notes) == emscripten.CUsage()
    notes.write_bytes(b"crate zstd\ncrate zstd\n\xff \xff\nwith-headers x\n")
    usage = emscripten.read_c_usage(notes)
    assert (usage.crates, usage.with_headers) == (("zstd",), ("x",))


@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_lock_file_that_was_replaced_is_removed(
    private: Copy, outside: Path, replace: Callable[[Path, Path], None]
) -> None:
    lock = private.top / "Cargo.lock"
    lock.unlink()
    replace(lock, outside)
    copy.remove_false_lock_files(private)
    assert not os.path.lexists(lock)
    assert outside.read_text() == "crate secret\n"


def test_lock_file_that_is_linked_in_the_copy_is_kept(private: Copy) -> None:
    link = private.top / "bindings/Cargo.lock"
    link.parent.mkdir()
    link.symlink_to("../Cargo.lock")
    copy.remove_false_lock_files(private)
    assert link.is_file()


@pytest.mark.parametrize(
    "text", ["x @ http://127.0.0.1:1/c2VjcmV0", "x@file:///etc/passwd", "--index-url=x", "./x", ""]
)
def test_requirement_of_hook_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        backend.require_from_index(["wheel", text], "sample 1.0")
    assert caught.value.info.code == "backend.requirement-refused"


def test_requirements_of_hook_with_names_are_accepted() -> None:
    backend.require_from_index(["wheel", "setuptools-rust[x]>=1.8; python_version>'3'"], "sample")


def test_folder_that_a_build_replaced_by_a_link_is_made_again(tmp_path: Path) -> None:
    folder, top = tmp_path / "project", tmp_path / "store/work/sample/source"
    (folder / "data").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "data/secret").write_text("same")
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret").write_text("same")
    (home / "secret").chmod(0o600)
    copy.refresh(manifest.read(folder.resolve()), top)
    (top / "data").rename(top / "moved")
    (top / "data").symlink_to(home)
    (folder / "data/secret").chmod(0o777)
    copy.refresh(manifest.read(folder.resolve()), top)
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert not (top / "data").is_symlink()
    assert (top / "data/secret").read_text() == "same"


def test_temporary_folder_without_permissions_is_removed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("")
    (outside / "file").chmod(0o400)
    outside.chmod(0o500)
    with temporary_folder("tmp-", tmp_path) as folder:
        (folder / "a/b").mkdir(parents=True)
        (folder / "a/b/file").write_text("")
        for name in ("file", "."):
            (folder / "a" / f"link{len(name)}").symlink_to(outside / name)
        (folder / "a/b").chmod(0)
        (folder / "a").chmod(0o400)
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert stat.S_IMODE(outside.stat().st_mode) == 0o500
    assert stat.S_IMODE((outside / "file").stat().st_mode) == 0o400


@pytest.mark.parametrize(
    "text",
    [
        'token = "hidden"',
        '"token" = "hidden"',
        'registries.own."token"="hidden"',
        '[registries]\nown = { index = "sparse+https://example.org/", token = "hidden" }',
        '[registries.own]\n"\\u0074oken" = "hidden"',
        '[registries.own]\ntoken = """\nhidden"""',
        '[registry]\n"credential-provider" = ["hidden"]',
        'not valid "token" "hidden"',
    ],
)
def test_configuration_of_cargo_is_shown_without_logins(tmp_path: Path, text: str) -> None:
    home, temporary = tmp_path / "cargo", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    (home / "config.toml").write_text(f"{text}\n[net]\nretry = 3\n")
    [(path, shown)] = confinement._without_logins(home, temporary)
    assert path == home / "config.toml"
    assert "hidden" not in shown.read_text()


def test_configuration_of_cargo_without_logins_is_shown_whole(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[net]\nretry = 3\n")
    [(_, shown)] = confinement._without_logins(tmp_path, tmp_path)
    assert shown.read_text() == "[net]\nretry = 3\n"
