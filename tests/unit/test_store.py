"""The store: changed entries are not used, and entries in use are not removed."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.events import Event, Log, ignore
from jupyter_wasmwheel.safe_paths import Root
from jupyter_wasmwheel.store import Store, integrity
from tests.fixtures.store_entries import KEY, fill


def use_in_other_process(kept: Store) -> list[str]:
    """Return the messages when another process requests the entry."""
    integrity.verify.cache_clear()
    said: list[Event] = []
    folder = kept.install(KEY, fill, said.append)
    assert (folder / "std").read_bytes() == b"as it was"
    return [event.text for event in said if isinstance(event, Log)]


def overwrite(file: Path) -> None:
    file.write_bytes(b"as it is!")


def overwrite_and_set_the_time_back(file: Path) -> None:
    was = file.stat()
    file.write_bytes(b"as it is!")
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))


def put_a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def lead_elsewhere(file: Path) -> None:
    (file.parent.parent / "std").unlink()
    (file.parent.parent / "std").symlink_to("/etc/passwd")


CHANGES: list[Callable[[Path], None]] = [
    overwrite,
    overwrite_and_set_the_time_back,
    put_a_pipe,
    lead_elsewhere,
    Path.unlink,
]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_entry_is_rebuilt(kept: Store, change: Callable[[Path], None]) -> None:
    change(kept.home / KEY / "lib/std.rlib")
    assert use_in_other_process(kept) == [f"{KEY} is damaged; installing it again."]
    assert use_in_other_process(kept) == []


def test_unchanged_entry_is_reused(kept: Store) -> None:
    assert use_in_other_process(kept) == []
    (kept.home / KEY / "module.pyc").write_bytes(b"compiled when it was used")
    assert use_in_other_process(kept) == []


def test_store_survives_clock_changes(kept: Store) -> None:
    file = kept.home / KEY / "lib/std.rlib"
    for jump in (-10 * 365 * 86400, 10 * 365 * 86400):
        os.utime(file, (time.time() + jump, time.time() + jump))
        assert use_in_other_process(kept) == []


def test_copied_store_is_reused(kept: Store, tmp_path: Path) -> None:
    shutil.copytree(kept.home, tmp_path / "copy", symlinks=True)
    assert use_in_other_process(Store(home=tmp_path / "copy")) == []


def test_entry_of_older_version_is_recorded_on_first_use(kept: Store) -> None:
    shutil.rmtree(kept.home / integrity.FOLDER)
    assert use_in_other_process(kept) == []
    overwrite(kept.home / KEY / "lib/std.rlib")
    assert use_in_other_process(kept) == [f"{KEY} is damaged; installing it again."]


def test_damaged_entry_of_shared_store_is_skipped(kept: Store, tmp_path: Path) -> None:
    overwrite(kept.home / KEY / "lib/std.rlib")
    own = Store(home=tmp_path / "own", read_only=(kept.home,))
    use_in_other_process(own)
    assert own.find(KEY) == own.home / KEY


def test_staging_folders_of_killed_processes_are_removed(kept: Store) -> None:
    (kept.home / "locks/user-killed").touch()
    with kept.in_use(ignore):
        kept.remove_leftovers()
        assert len(list((kept.home / "locks").glob("user-*"))) == 1


def test_files_are_replaced_all_or_none(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"before")
    with pytest.raises(FileNotFoundError):
        Root(tmp_path).replace({"one": b"after", "nowhere/file": b"after"})
    assert one.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [one]
    Root(tmp_path).replace({"one": b"after", "other": b"after"})
    assert [path.read_bytes() for path in (one, other)] == [b"after"] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_file_whose_name_is_not_utf8_is_verified(tmp_path: Path) -> None:
    name, store = os.fsdecode(b"\xe9"), Store(home=tmp_path)
    folder = store.install("a/b", lambda folder: (folder / name).touch(), ignore)
    integrity.verify.cache_clear()
    assert store.find("a/b") == folder
    (folder / name).write_text("changed")
    integrity.verify.cache_clear()
    assert store.find("a/b") is None
