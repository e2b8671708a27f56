"""The cache for later builds: wheels, check results and seeds."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.errors import WasmwheelError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.build import cache, crate_fetcher
from jupyter_wasmwheel.build import seeds as seeding
from jupyter_wasmwheel.pipeline import run as pipeline
from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import node, targets
from jupyter_wasmwheel.runtime.context import RunContext
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import toolchain
from tests.fixtures.commands import Command


@pytest.fixture
def build(wasmwheel: Command, tmp_path: Path) -> Any:
    """Build a folder as a draft; return its report."""

    def run(folder: Path, *arguments: str | Path, **env: str) -> dict[str, Any]:
        ran = wasmwheel(
            *("build", folder, "--profile", "draft", "--out", tmp_path / "dist", "--json"),
            *arguments,
            env=env,
        )
        assert ran.status == 0, ran.stderr
        return ran.document

    return run


def phases(report: dict[str, Any]) -> list[str]:
    return [phase["name"] for phase in report["phases"]]


def make_unique(crate: Path, word: str) -> Path:
    """Change a crate so that it was never built before."""
    with (crate / "src/lib.rs").open("a") as source:
        source.write(f"// {word}\n")
    return crate


def test_identical_build_is_cached(build: Any, crate: Path, tmp_path: Path) -> None:
    make_unique(crate, str(tmp_path))
    first, again = build(crate), build(crate)
    assert (first["cached"], again["cached"]) == (False, True)
    assert again["sha256"] == first["sha256"]
    assert phases(again) == ["source", "project", "toolchain", "audit"]
    assert again["smoke"]["ok"]
    assert again["toolchain"] == first["toolchain"]
    assert not build(crate, "--no-cache")["cached"]
    assert not build(crate, SOURCE_DATE_EPOCH="1767225600")["cached"]
    assert not build(crate, "--cargo-arg=--config=profile.release.debug=1")["cached"]
    assert not build(make_unique(crate, "edited"))["cached"]


def test_identical_sources_in_other_folder_are_cached(
    build: Any, crate: Path, tmp_path: Path
) -> None:
    make_unique(crate, str(tmp_path))
    first = build(shutil.copytree(crate, tmp_path / "here"))
    other = build(
        shutil.copytree(crate, tmp_path / "elsewhere"),
        RUST_BACKTRACE="full",
        RUSTUP_AUTO_INSTALL="0",
    )
    assert other["cached"], "what changes no wheel does not count either"
    assert other["sha256"] == first["sha256"]


def test_wheel_built_after_other_sources_is_not_used_for_other_projects(
    build: Any, crate: Path, tmp_path: Path
) -> None:
    make_unique(crate, f"{tmp_path} first")
    build(crate)
    make_unique(crate, f"{tmp_path} second")
    assert not build(crate)["cached"]
    assert build(crate)["cached"]
    assert not build(shutil.copytree(crate, tmp_path / "elsewhere"))["cached"]


def test_concurrent_identical_builds_run_once(build: Any, crate: Path, tmp_path: Path) -> None:
    make_unique(crate, str(tmp_path))
    folders = [shutil.copytree(crate, tmp_path / f"student-{n}") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(build, folders))
    assert sorted(report["cached"] for report in reports) == [False, True, True, True]
    assert len({report["sha256"] for report in reports}) == 1


def test_damaged_cached_wheel_is_rebuilt(
    build: Any, crate: Path, store: Store, tmp_path: Path
) -> None:
    make_unique(crate, str(tmp_path))
    build(crate)
    entry = max((store.home / cache.FOLDER).iterdir(), key=lambda path: path.stat().st_mtime)
    (wheel,) = entry.glob("*.whl")
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"?")
    again = build(crate)
    assert not again["cached"]
    assert again["smoke"]["ok"]
    assert build(crate)["cached"]


def test_wheels_of_read_only_store_are_used(
    build: Any, crate: Path, store: Store, tmp_path: Path
) -> None:
    crate = shutil.copytree(crate, tmp_path / "hello")
    make_unique(crate, str(tmp_path))
    first = build(crate)
    kept = [store.home / cache.FOLDER, *sorted((store.home / cache.FOLDER).rglob("*"))]
    before = [(path.stat().st_mtime_ns, path.stat().st_size) for path in kept]
    user = {"WASMWHEEL_HOME": str(tmp_path / "home"), "WASMWHEEL_PATH": str(store.home)}
    again = build(crate, **user)
    assert again["cached"]
    assert again["sha256"] == first["sha256"]
    assert not (tmp_path / "home" / cache.FOLDER).exists()
    assert before == [(path.stat().st_mtime_ns, path.stat().st_size) for path in kept]


def test_cache_removes_least_recently_used_first(tmp_path: Path) -> None:
    store = Store(home=tmp_path, limit=2500)
    now = time.time()
    for age, name in enumerate(("new", "used", "old")):
        folder = tmp_path / cache.FOLDER / name
        folder.mkdir(parents=True)
        (folder / "a.whl").write_bytes(bytes(1000))
        os.utime(folder, (now - age, now - age))
    cache.trim(store, ignore)
    left = {path.name for path in (tmp_path / cache.FOLDER).iterdir()}
    assert left == {"new", "used"}


def test_first_build_leaves_compiled_pyo3_for_next_crate(
    build: Any, store: Store, tmp_path: Path
) -> None:
    shutil.rmtree(store.home / seeding.FOLDER, ignore_errors=True)
    homes = {"WASMWHEEL_HOME": str(tmp_path / "home"), "WASMWHEEL_PATH": str(store.home)}
    assert not build(starter.create("first", tmp_path), **homes)["seeded"]
    report = build(starter.create("second", tmp_path), **homes)
    assert report["seeded"]
    assert [each["name"] for each in report["crates"]] == ["second"]


def test_build_from_seed_fetches_no_crates(
    draft_seed: None, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(
        crate_fetcher, "fetch", lambda plan, *_: fetched.append(plan.project.name) or False
    )
    own = Store(home=tmp_path / "home", read_only=(store.home,))
    crate = starter.create("seeded", tmp_path)
    request = BuildRequest(source=str(crate), profile="draft")
    for text in ("first", "edited"):
        pipeline.run_build(request, own, ignore, out=tmp_path / "dist")
        make_unique(crate, text)
    assert fetched == []
    with (crate / "Cargo.toml").open("a") as manifest:
        manifest.write('[dependencies.adler2]\nversion = "2"\n')
    with pytest.raises(WasmwheelError):
        pipeline.run_build(request, own, ignore, out=tmp_path / "dist")
    assert fetched == ["seeded"]


def test_build_from_seed_fetches_crates_that_cargo_has_not(
    build: Any, draft_seed: None, store: Store, tmp_path: Path
) -> None:
    cargo_home = tmp_path / "cargo"
    cargo_home.mkdir()
    for path in (Path.home() / ".cargo").glob("config*"):
        shutil.copy2(path, cargo_home)
    homes = {"WASMWHEEL_HOME": str(tmp_path / "home"), "WASMWHEEL_PATH": str(store.home)}
    report = build(starter.create("seeded", tmp_path), **homes, CARGO_HOME=str(cargo_home))
    assert report["seeded"]
    assert any(cargo_home.glob("registry/cache/*/pyo3-*.crate"))


@pytest.mark.slow
def test_build_whose_code_removes_its_traces_leaves_no_seed(
    build: Any, store: Store, tmp_path: Path
) -> None:
    shutil.rmtree(store.home / seeding.FOLDER, ignore_errors=True)
    homes = {"WASMWHEEL_HOME": str(tmp_path / "home"), "WASMWHEEL_PATH": str(store.home)}
    crate = starter.create("first", tmp_path)
    plain = (crate / "pyproject.toml").read_text()
    wrapper = crate / "wrapper.sh"
    wrapper.write_text('#!/bin/sh\ncp "$(dirname "$0")/plain.toml" pyproject.toml\nexec "$@"\n')
    wrapper.chmod(0o755)
    (crate / "plain.toml").write_text(plain)
    option = "config = ['build.rustc-wrapper=\"./wrapper.sh\"']"
    (crate / "pyproject.toml").write_text(f"{plain}\n[tool.maturin]\n{option}\n")
    build(crate, **homes)
    assert not build(starter.create("second", tmp_path), **homes)["seeded"]


@pytest.mark.slow
def test_build_after_other_sources_leaves_no_seed(build: Any, store: Store, tmp_path: Path) -> None:
    shutil.rmtree(store.home / seeding.FOLDER, ignore_errors=True)
    homes = {"WASMWHEEL_HOME": str(tmp_path / "home"), "WASMWHEEL_PATH": str(store.home)}
    crate = starter.create("first", tmp_path)
    script = crate / "build.rs"
    script.write_text("fn main() {}\n")
    build(crate, **homes)
    script.unlink()
    assert not build(crate, **homes)["cached"]
    assert not build(starter.create("second", tmp_path), **homes)["seeded"]


def test_new_crate_starts_with_compiled_pyo3(build: Any, store: Store, tmp_path: Path) -> None:
    shutil.rmtree(store.home / seeding.FOLDER, ignore_errors=True)
    own = Store(home=tmp_path / "home", read_only=(store.home,))
    target = targets.find(targets.default_abi())
    assert seeding.examine(target, own).mend == ("seeds",)
    node_js = node.ensure_node(own, ignore)
    chosen = toolchain.choose(target, node_js, RunContext(store=own, emit=ignore))
    made = seeding.build_seed(target, chosen, "draft", own, ignore)
    before = {path: path.stat() for path in made.folder.rglob("*") if path.is_file()}
    crate = starter.create("fresh", tmp_path)
    homes = {"WASMWHEEL_HOME": str(own.home), "WASMWHEEL_PATH": str(store.home)}
    report = build(crate, **homes)
    assert report["seeded"]
    assert [each["name"] for each in report["crates"]] == ["fresh"]
    assert not build(make_unique(crate, "edited"), **homes)["seeded"]
    now = {path: path.stat() for path in made.folder.rglob("*") if path.is_file()}
    kept = {path: (was.st_ino, was.st_size, was.st_mtime_ns) for path, was in before.items()}
    assert kept == {path: (it.st_ino, it.st_size, it.st_mtime_ns) for path, it in now.items()}
