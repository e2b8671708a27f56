"""Faults: each leaves no partial file and no process, and the next build works."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.build import cache
from jupyter_wasmwheel.store import Store, integrity
from tests.fixtures import wheel_factory
from tests.fixtures.commands import Command, error_of, processes_in
from tests.fixtures.download_server import serving
from tests.fixtures.fault_injection import (
    PHASES,
    build,
    build_arguments,
    edit_crate,
    published_versions,
)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, mounts")

#: Two phases suffice for every day: one that runs other programs, and one that publishes.
IN_EACH_PHASE = pytest.mark.parametrize(
    "phase",
    [
        pytest.param(phase, marks=() if phase in ("compile", "publish") else pytest.mark.slow)
        for phase in PHASES
    ],
)


@pytest.fixture(scope="module")
def crate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the crate that all builds here edit, so that pyo3 is compiled once."""
    return wheel_factory.crate("faulty", tmp_path_factory.mktemp("faulty"))


@pytest.fixture(scope="module")
def ready(
    wasmwheel: Command,
    store: Store,
    draft_seed: None,
    crate: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Create a store with a site that has a package, where the crate was built once.

    The toolchain is in the store that all tests share.
    """
    home = tmp_path_factory.mktemp("ready") / "home"
    env = {"WASMWHEEL_HOME": str(home), "WASMWHEEL_PATH": str(store.home)}
    ran = wasmwheel("build", crate, "--profile", "draft", "--out", home.parent)
    assert ran.status == 0, ran.stderr
    assert wasmwheel("site", "create", "workshop", env=env).status == 0
    kept = wheel_factory.wheel(home, "py3-none-any", {"kept.py": b"x = 1"}, name="kept")
    assert wasmwheel("site", "publish", "workshop", kept, env=env).status == 0
    build_arguments = (
        "build",
        edit_crate(crate),
        "--profile",
        "draft",
        "--no-smoke",
        "--out",
        home.parent,
    )
    ran = wasmwheel(*build_arguments, env=env)
    assert ran.status == 0, ran.stderr
    return home


@pytest.fixture
def home(ready: Path, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy that store for one test."""
    copy = tmp_path / "home"
    shutil.copytree(ready, copy, symlinks=True)
    monkeypatch.setenv("WASMWHEEL_HOME", str(copy))
    monkeypatch.setenv("WASMWHEEL_PATH", str(store.home))
    return copy


@linux_only
@IN_EACH_PHASE
def test_killed_build_leaves_nothing_in_the_way(
    phase: str, crate: Path, home: Path, tmp_path: Path
) -> None:
    def kill(child: subprocess.Popen[str]) -> None:
        time.sleep(0.2 if phase == "compile" else 0)
        child.kill()

    status, _ = build(
        build_arguments(edit_crate(crate), tmp_path / "dist"), {}, tmp_path, phase, kill
    )
    assert status == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while (left := processes_in(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    assert "kept" in published_versions(home)
    assert not list((tmp_path / "dist").glob("*.whl")) or phase == "publish"
    again, events = build(build_arguments(crate, tmp_path / "dist"), {}, tmp_path, "", kill)
    assert again == 0, events[-1]
    assert published_versions(home).keys() == {"faulty", "kept"}
    assert not list(tmp_path.glob("dist/*.part"))


# Full disks


def on_a_small_disk(
    place: Path, ready: Path, store: Store, crate: Path, phase: str, *spare: int
) -> list[dict[str, Any]]:
    """Build on a disk that fills up in a phase; return the result for each number of bytes."""
    place.mkdir()
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--mount"),
            *(sys.executable, "-m", "tests.fixtures.full_disk"),
            *(place, ready, store.home, crate, phase, *map(str, spare)),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rounds: list[dict[str, Any]] = json.loads(done.stdout)
    return rounds


def assert_nothing_is_half_written(result: dict[str, Any]) -> None:
    """Check that a build on a full disk failed cleanly or is complete, and the next works."""
    end, left, again = result["end"], result["left"], result["again"]
    assert result["status"] in (0, 9), end
    if result["status"]:
        assert (end["kind"], end["status"]) == ("error", 9)
        assert "disk is full" in end["what"]
        assert end["why"]
        assert "Free some space" in end["fix"]
        assert result["published"] == {"kept": "1.0"}
        assert result["notebooks"] == ["try-kept-1.0.ipynb"]
    assert {kind: found for kind, found in left.items() if found and kind != "out"} == {}
    assert [name for name in left["out"] if not name.endswith(".whl")] == []
    assert again["status"] == 0, again["end"]
    assert again["damaged"] is None
    assert again["published"] == {"faulty": "0.1.0", "kept": "1.0"}
    assert again["notebooks"] == ["try-faulty-0.1.0.ipynb", "try-kept-1.0.ipynb"]


@linux_only
@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_full_disk_is_reported_and_leaves_no_partial_file(
    phase: str, crate: Path, ready: Path, store: Store, tmp_path: Path
) -> None:
    rounds = on_a_small_disk(tmp_path / "disk", ready, store, crate, phase, 0, 20_000, 200_000)
    assert rounds[0]["status"] == 9, rounds[0]["end"]
    for result in rounds:
        assert_nothing_is_half_written(result)


@linux_only
@pytest.mark.slow
def test_publish_is_complete_on_nearly_full_disk(
    crate: Path, ready: Path, store: Store, tmp_path: Path
) -> None:
    spare = range(0, 300_000, 12_000)
    rounds = on_a_small_disk(tmp_path / "disk", ready, store, crate, "publish", *spare)
    assert {result["status"] for result in rounds} == {0, 9}
    for result in rounds:
        assert_nothing_is_half_written(result)


@linux_only
@pytest.mark.slow
def test_failed_first_build_on_full_disk_does_not_block_next(
    crate: Path, ready: Path, store: Store, tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh"
    shutil.copytree(ready, fresh, symlinks=True)
    shutil.rmtree(fresh / "work")
    for number, spare in enumerate((0, 40_000_000, 62_000_000, 66_000_000, 80_000_000)):
        place = tmp_path / f"disk{number}"
        (result,) = on_a_small_disk(place, fresh, store, crate, "compile", spare)
        assert_nothing_is_half_written(result)


SERVER = """
import json, os, sys, time
from pathlib import Path
from jupyter_wasmwheel import config
from jupyter_wasmwheel.jobs.executors import LocalExecutor
from jupyter_wasmwheel.jobs.queue import QueueLimits, Queue
from jupyter_wasmwheel.jobs.resolve import AllowedPaths, resolve
from jupyter_wasmwheel.site import lite
root, store = Path(sys.argv[1]), config.load().store()
find_site = lambda name: lite.find(name, store)
paths = AllowedPaths(root=root, allowed=(), store=store, find_site=find_site)
tell = lambda seq, text: len(sys.argv) > 2 and print(text, flush=True)
queue = Queue(store.home / "jobs", LocalExecutor(), paths, os.environ, QueueLimits(), tell)
if len(sys.argv) == 2:
    print(json.dumps([job.state for job in queue.jobs()]), flush=True)
else:
    queue.submit(resolve({"kind": "build", "source": sys.argv[2], "profile": "draft"}, paths))
time.sleep(600)
"""


def server(root: Path, *source: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVER, root, *source]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@linux_only
@pytest.mark.parametrize("phase", ["compile", pytest.param("toolchain", marks=pytest.mark.slow)])
def test_killed_server_stops_builds_and_remembers_them(phase: str, crate: Path, home: Path) -> None:
    child = server(crate.parent, edit_crate(crate).name)
    assert child.stdout
    for line in child.stdout:
        result = json.loads(line)
        if [result.get(key) for key in ("kind", "name", "state")] == ["phase", phase, "started"]:
            break
    child.kill()
    child.communicate()
    deadline = time.monotonic() + 20
    while (left := processes_in(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    again = server(crate.parent)
    assert again.stdout
    assert json.loads(again.stdout.readline()) == ["interrupted"]
    again.terminate()
    again.communicate()
    assert published_versions(home) == {"kept": "1.0"}


# Damaged entries


def copy_store_without(kind: str, store: Store, folder: Path) -> Path:
    """Copy a store to a folder, except for one kind of entry."""
    folder.mkdir()
    for installed in store.home.iterdir():
        if installed.name != kind:
            (folder / installed.name).symlink_to(installed)
    return folder


def damage(file: Path) -> None:
    """Change a byte in the middle of a file, as a failing disk does."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


@pytest.mark.parametrize(
    "pattern",
    [
        "snapshots/*/memory.bin",
        "pyodide/*/pyodide.asm.wasm",
        pytest.param("sysroots/*/lib/rustlib/*/lib/libcore-*.rlib", marks=pytest.mark.slow),
    ],
)
def test_damaged_entry_is_installed_again(
    pattern: str,
    wasmwheel: Command,
    store: Store,
    crate: Path,
    home: Path,
    tmp_path: Path,
) -> None:
    kind = pattern.partition("/")[0]
    shutil.copytree(store.home / kind, home / kind, symlinks=True)
    for entry in (home / kind).iterdir():
        assert Store(home=home).find(f"{kind}/{entry.name}"), "which seals it"
    for file in home.glob(pattern):
        damage(file)
    others = copy_store_without(kind, store, tmp_path / "others")
    ran = wasmwheel(
        *("build", edit_crate(crate), "--events", "--profile", "draft", "--out", tmp_path / "dist"),
        env={"WASMWHEEL_PATH": str(others)},
    )
    assert ran.status == 0, ran.stderr
    notes = [event["text"] for event in ran.events if event.get("stream") == "note"]
    assert any(
        text.startswith(f"{kind}/") and "is damaged; installing it again" in text for text in notes
    )


def test_damaged_seed_is_not_used(store: Store, tmp_path: Path) -> None:
    own = Store(home=tmp_path / "home")
    key = "seeds/2026_0-draft-0123456789ab-0.30.0"
    folder = own.install(
        key, lambda stage: (stage / "rlib").write_bytes(b"x" * 99) and None, ignore
    )
    damage(folder / "rlib")
    integrity.verify.cache_clear()
    assert own.find(key) is None


def test_damaged_site_lock_is_reported_and_kept(
    wasmwheel: Command, crate: Path, home: Path, tmp_path: Path
) -> None:
    lock = home / "sites/workshop/static/pyodide/pyodide-lock.json"
    lock.write_bytes(lock.read_bytes()[: -lock.stat().st_size // 2])
    short = lock.read_bytes()
    ran = wasmwheel("build", crate, "--json", "--site", "workshop", "--out", tmp_path / "dist")
    error = error_of(ran, 7)
    assert "Invalid Pyodide lock" in error["what"]
    assert "site create" in error["fix"]
    assert lock.read_bytes() == short


def test_files_of_older_version_cause_no_failure(
    wasmwheel: Command, crate: Path, home: Path, tmp_path: Path
) -> None:
    shutil.rmtree(home / "seals")
    (work,) = (home / "work").glob("faulty-*")
    shutil.rmtree(work / "source")
    (work / "source").mkdir()
    (work / "source/older").mkdir()
    (work / "source/older/lib.rs").write_text("from another layout")
    (home / "staging/sysroots+1/half").mkdir(parents=True)
    (home / cache.FOLDER).mkdir(exist_ok=True)
    (home / "proofs").mkdir(exist_ok=True)
    ran = wasmwheel(
        *("build", edit_crate(crate), "--json", "--profile", "draft", "--site", "workshop"),
        *("--out", tmp_path / "dist"),
    )
    assert ran.status == 0, ran.stderr
    assert not (work / "source/older").exists()


# Registries


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Any]:
    """Serve as an index or a registry."""
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as server:
        yield server


def test_stalled_package_index_times_out(wasmwheel: Command, registry: Any) -> None:
    page = registry.folder / "rpds-py"
    page.write_bytes(b"x" * 1000)
    registry.hold("rpds-py")
    env = {"PIP_INDEX_URL": registry.url, "PIP_DEFAULT_TIMEOUT": "1", "PIP_FIND_LINKS": None}
    error = error_of(wasmwheel("build", "pypi:rpds-py==0.0.1", "--json", env=env), 3)
    assert error["code"] == "index.unreachable"


@pytest.mark.parametrize("garbage", [b"", b"\0" * 5000, b"<html>Log in</html>", b'{"meta": 7}'])
def test_invalid_index_answer_is_reported(
    wasmwheel: Command, registry: Any, garbage: bytes
) -> None:
    (registry.folder / "rpds-py").write_bytes(garbage)
    env = {"PIP_INDEX_URL": registry.url, "PIP_DEFAULT_TIMEOUT": "1", "PIP_FIND_LINKS": None}
    error_of(wasmwheel("build", "pypi:rpds-py==0.0.1", "--json", env=env), 3)


@pytest.mark.parametrize("fault", ["stalls", "garbage"])
def test_failing_crate_registry_is_reported(
    wasmwheel: Command, registry: Any, crate: Path, tmp_path: Path, fault: str
) -> None:
    env = with_crates_of(registry, tmp_path)
    if fault == "stalls":
        registry.hold("config.json")
    else:
        registry.garble("config.json")
    fresh = wheel_factory.crate("unlocked", tmp_path)
    ran = wasmwheel("build", fresh, "--json", "--no-cache", env=env)
    assert error_of(ran, 3)["code"] == "crates.registry-unreachable"


def test_failing_crate_registry_during_sysroot_build_is_reported(
    wasmwheel: Command, store: Store, registry: Any, crate: Path, tmp_path: Path
) -> None:
    shared = copy_store_without("sysroots", store, tmp_path / "shared")
    env = with_crates_of(registry, tmp_path)
    registry.garble("config.json")
    env |= {"WASMWHEEL_HOME": str(tmp_path / "home"), "WASMWHEEL_PATH": str(shared)}
    error = error_of(wasmwheel("build", crate, "--json", env=env), 3)
    assert error["code"] == "crates.registry-unreachable"


def with_crates_of(registry: Any, folder: Path) -> dict[str, str]:
    """Let cargo use a registry for its crates, with one attempt."""
    (registry.folder / "config.json").write_text('{"dl": "http://127.0.0.1:9/"}')
    home = folder / "cargo"
    home.mkdir()
    (home / "config.toml").write_text(
        '[source.crates-io]\nreplace-with = "local"\n'
        f'[source.local]\nregistry = "sparse+{registry.url}/"\n'
        "[net]\nretry = 0\n[http]\ntimeout = 2\n"
    )
    return {"CARGO_HOME": str(home)}


# File systems

WITHOUT_LOCKS = """
#include <errno.h>
int flock(int fd, int operation) { errno = REFUSED; return -1; }
int link(const char *a, const char *b) { errno = EPERM; return -1; }
int linkat(int a, const char *b, int c, const char *d, int e) { errno = EPERM; return -1; }
"""


def without_locks(folder: Path, refused: str) -> dict[str, str]:
    """Let the C library refuse locks and hard links, as some file systems do."""
    (folder / "without.c").write_text(WITHOUT_LOCKS.replace("REFUSED", refused))
    library = folder / "without.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, folder / "without.c"], check=True)
    return {"LD_PRELOAD": str(library)}


@linux_only
@pytest.mark.slow
@pytest.mark.parametrize("profile", ["release", "draft"])
def test_build_works_without_locks_and_hard_links(
    wasmwheel: Command, crate: Path, home: Path, tmp_path: Path, profile: str
) -> None:
    env = without_locks(tmp_path, "ENOSYS")
    for path in {*home.glob("locks/*"), *home.rglob("*.lock")}:
        path.unlink()  # such a file system never had any
    build = ("build", edit_crate(crate), "--profile", profile, "--json", "--site", "workshop")
    ran = wasmwheel(*build, "--out", tmp_path / "dist", env=env)
    assert ran.status == 0, ran.stderr
    assert published_versions(home).keys() == {"faulty", "kept"}


@linux_only
def test_failing_file_locks_are_reported(
    wasmwheel: Command, crate: Path, home: Path, tmp_path: Path
) -> None:
    env = without_locks(tmp_path, "ENOLCK")
    error = error_of(wasmwheel("build", edit_crate(crate), "--json", env=env), 2)
    assert "lock" in error["what"]
    assert "WASMWHEEL_HOME" in error["fix"]
