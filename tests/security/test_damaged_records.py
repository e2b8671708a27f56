"""Damaged records of the store, of jobs and of sites: they are missing, or a clear error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from jupyter_wasmwheel.api.errors import WasmwheelError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.api.report import Audit, Smoke
from jupyter_wasmwheel.build import cache
from jupyter_wasmwheel.build.cache import CachedWheel
from jupyter_wasmwheel.checks import check_cache
from jupyter_wasmwheel.checks.check_cache import CachedCheck
from jupyter_wasmwheel.errors.os_errors import known_error
from jupyter_wasmwheel.project import copy, manifest
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.runtime.snapshot import PROVIDED, Snapshot
from jupyter_wasmwheel.safe_paths import remove_tree
from jupyter_wasmwheel.site import lite, publish, transaction
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store, derived, integrity
from tests.fixtures import wheel_factory
from tests.fixtures.job_queue import DONE_SCRIPT, OpenQueue, build_request, wait_for_end
from tests.fixtures.site_factory import publish_one, tiny_wheel

#: No damage may let anything wait: a pipe would.
pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform == "win32", reason="needs pipes"),
]

CHECK = CachedCheck(
    audit=Audit(ok=True, missing=(), unexpected=()),
    smoke=Smoke(ok=True, module="m", seconds=1.0, output=""),
)

#: What can be in the place of a record: other bytes, or another kind of file.
BYTES: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "number": b"7",
    "text": b'"x"',
    "list": b'[1, {"a": []}, "x"]',
    "object": b"{}",
    "other": b'{"a": 5, "wheel": ["x"], "symbols": 1, "schema": "1", "packages": []}',
    "deep": b'{"a": ' + b"[" * 100_000,
    "binary": bytes(range(256)),
    "outside": b'{"wheel": "../x", "sha256": "", "crates": [], '
    b'"crates_with_c": [], "seeded": true}',
}
KINDS = (*BYTES, "folder", "pipe", "link", "missing")


def damage(path: Path, kind: str) -> None:
    """Replace a file."""
    remove_tree(path)
    path.unlink(missing_ok=True)
    if kind in BYTES:
        path.write_bytes(BYTES[kind])
    elif kind == "folder":
        (path / "inner").mkdir(parents=True)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(path.with_name("nowhere"))


every_damage = pytest.mark.parametrize("kind", KINDS)


def expect_error(action: Callable[[], object]) -> None:
    """Do something that succeeds, or fails with an error that is explained."""
    try:
        action()
    except Exception as error:
        if known_error(error) is None:
            raise


@pytest.fixture
def home(tmp_path: Path) -> Store:
    return Store(home=tmp_path / "home")


def without_seal(store: Store, key: str) -> None:
    """Let an entry be as one of an older version, whose changes are not detected."""
    integrity.forget(store.home, key)


@every_damage
def test_integrity_record(kind: str, home: Store) -> None:
    def fill(folder: Path) -> None:
        (folder / "file").write_text("x")

    folder = home.install("kind/entry", fill, ignore)
    damage(home.home / "seals/kind+entry.json", kind)
    integrity.verify.cache_clear()
    assert home.find("kind/entry") in (folder, None)
    assert home.install("kind/entry", fill, ignore) == folder
    damage(home.home / "seals/kind+entry.json", kind)
    home.remove("kind/entry", ignore)
    assert home.install("kind/entry", fill, ignore) == folder
    integrity.verify.cache_clear()
    assert home.find("kind/entry") == folder


@every_damage
def test_derived_text(kind: str, home: Store, tmp_path: Path) -> None:
    def derive() -> str | None:
        return derived.derive([tmp_path], "x", re.compile("^right$"), lambda: "right", home)

    assert derive() == "right"
    (path,) = (home.home / derived.FOLDER).iterdir()
    damage(path, kind)
    assert derive() == "right"


@every_damage
def test_cached_check(kind: str, home: Store) -> None:
    context = RunContext(store=home, emit=ignore)
    check_cache.keep("proofs/x", CHECK, context)
    without_seal(home, "proofs/x")
    damage(home.home / "proofs/x" / check_cache.FILE, kind)
    assert check_cache.find("proofs/x", context) is None
    check_cache.keep("proofs/x", CHECK, context)
    assert check_cache.find("proofs/x", context) == CHECK


@pytest.mark.parametrize("damaged", [cache.METADATA_FILE, "*.whl"])
@pytest.mark.parametrize("is_shared", [False, True])
@every_damage
def test_cached_wheel(
    kind: str, is_shared: bool, damaged: str, home: Store, tmp_path: Path
) -> None:
    wheel = tiny_wheel(tmp_path)

    def build() -> CachedWheel:
        return CachedWheel(wheel=wheel, crates=(), crates_with_c=(), seeded=False)

    cache.get_or_build("built/x", build, home, ignore)
    without_seal(home, "built/x")
    (path,) = (home.home / "built/x").glob(damaged)
    damage(path, kind)
    store = Store(home=tmp_path / "own", read_only=(home.home,)) if is_shared else home
    (tmp_path / "own").mkdir()
    found, is_cached = cache.get_or_build("built/x", build, store, ignore)
    assert not is_cached
    assert found.wheel.sha256 == wheel.sha256


@every_damage
def test_what_a_runtime_provides(kind: str, tmp_path: Path) -> None:
    (tmp_path / PROVIDED).write_text('{"symbols": ["x"], "extension_suffixes": [".so"]}')
    assert not Snapshot(tmp_path).is_damaged
    damage(tmp_path / PROVIDED, kind)
    assert Snapshot(tmp_path).is_damaged


@every_damage
def test_index_of_a_copy(kind: str, tmp_path: Path) -> None:
    project = manifest.read(wheel_factory.crate("hello", tmp_path))
    copy.refresh(project, tmp_path / "top")
    damage(tmp_path / "top.index", kind)
    if kind == "folder":
        with pytest.raises(WasmwheelError):
            copy.refresh(project, tmp_path / "top")
    else:
        copy.refresh(project, tmp_path / "top")
        assert (tmp_path / "top.index").read_bytes().startswith(b'{"')


@every_damage
def test_note_of_built_sources(kind: str, tmp_path: Path) -> None:
    class Planned:
        work, cargo_target = tmp_path, tmp_path / "target"

    planned = cast(Any, Planned)
    assert cache.note_sources(planned, "a")
    (tmp_path / "target").mkdir()
    damage(tmp_path / cache.SOURCES_NOTE, kind)
    expect_error(lambda: not cache.note_sources(planned, "a"))


@pytest.mark.parametrize(
    ("name", "is_database_lost"),
    [
        *((f"jobs.sqlite{suffix}", False) for suffix in ("", "-wal", "-shm", "-journal")),
        *((name, True) for name in ("jobs.sqlite-wal", "lock", "JOB", "JOB/out", "JOB/tmp")),
        *((f"JOB/{name}", True) for name in ("request.json", "out/x.whl", "events.jsonl")),
    ],
)
@pytest.mark.parametrize("kind", ["list", "deep", "binary", "folder", "pipe", "link", "missing"])
def test_file_of_jobs(
    kind: str, name: str, is_database_lost: bool, queue_of: OpenQueue, tmp_path: Path
) -> None:
    queue = queue_of(DONE_SCRIPT)
    job = wait_for_end(queue, queue.submit(build_request()))
    queue.close()
    if is_database_lost:
        (queue.folder / "jobs.sqlite").unlink()
    damage(queue.folder / name.replace("JOB", job.id), kind)

    def use() -> None:
        again = queue_of(DONE_SCRIPT)
        "".join(again.texts())
        for each in again.jobs():
            "".join(again.lines(each.id))
            again.wheel(each.id)
        wait_for_end(again, again.submit(build_request()))
        for each in again.jobs():
            again.remove(each.id)

    expect_error(use)


@pytest.mark.parametrize(
    "name",
    [
        *(lite.RECORD, lite.LOCK, f"{lite.PRIVATE}/pyodide-lock.json", lite.PRIVATE),
        *(f"{lite.PRIVATE}/{transaction.JOURNAL}", f"{lite.PRIVATE}/locks"),
        *(f"{lite.PRIVATE}/staging", "static", "files", "api"),
    ],
)
@every_damage
def test_file_of_a_site(kind: str, name: str, site: Site, tmp_path: Path) -> None:
    new = tiny_wheel(tmp_path)
    publish_one(site, new)
    damage(site.folder / name, kind)
    lite.check_site(site.folder)
    expect_error(lambda: publish.list_packages(lite.read_site(site.folder)))
    expect_error(lambda: publish_one(lite.read_site(site.folder), new))
    expect_error(lambda: publish.remove(lite.read_site(site.folder), "tiny"))
    lite.check_site(site.folder)
