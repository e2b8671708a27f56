"""The other commands, on a terminal and in a script."""

from __future__ import annotations

import fcntl
import re
import signal
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.site.lite import HOST
from jupyter_wasmwheel.store import Store, derived
from jupyter_wasmwheel.toolchain import version_cache
from tests.fixtures.commands import Command, error_of, run_on_terminal

#: The URL of a page of a site, as a regular expression.
SITE_URL = rf"http://{re.escape(HOST)}:\d+/\S+"


def test_terminal_redraws_running_phase(crate: Path, starter_wheel: Path, tmp_path: Path) -> None:
    with run_on_terminal("build", crate, "--out", tmp_path) as terminal:
        terminal.wait_for(r"compile  [^\r\n]*0:0\d")
        terminal.wait_for(r"works in Pyodide")
        assert "\x1b[" in terminal.shown
        assert terminal.child.wait(timeout=10) == 0


def test_demo_builds_publishes_and_serves_notebook(store: Store) -> None:
    with run_on_terminal("demo") as terminal:
        terminal.wait_for(r"hello-0.1.0-cp314-cp314-pyemscripten_2026_0_wasm32\.whl")
        terminal.wait_for(r"hello.greet\('you'\) -> 'Hello, you!")
        url = terminal.wait_for(rf"Serving demo at\s+({SITE_URL})").group(1)
        terminal.wait_for("Press Ctrl-C to stop")
        assert "try-hello-0.1.0.ipynb" in url
        page = _get(url)
        assert b"jupyter-config-data" in page
        terminal.child.send_signal(signal.SIGINT)
        assert terminal.child.wait(timeout=20) == 0


def _get(url: str) -> bytes:
    """Return the page at an address, which may take a moment to be served."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url) as answer:
                page: bytes = answer.read()
                return page
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.mark.usefixtures("unconfined")
def test_build_reports_wait_for_cargo_lock(
    wasmwheel: Command, crate: Path, tmp_path: Path, starter_wheel: Path
) -> None:
    home = tmp_path / "cargo"
    home.mkdir()
    held = (home / ".package-cache").open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    threading.Timer(5, held.close).start()
    words = ("build", crate, "--events", "--offline", "--out", tmp_path / "dist")
    ran = wasmwheel(*words, env={"CARGO_HOME": str(home)})
    labels = [event["label"] for event in ran.events if event["kind"] == "progress"]
    assert "waiting for a lock (package cache)" in labels
    assert ran.status == 3, "cargo went on and found nothing in its empty cache"


def test_doctor_lists_installed_parts(wasmwheel: Command, starter_wheel: Path) -> None:
    ran = wasmwheel("doctor", "--json")
    assert ran.status == 0
    found = {each["part"]: each for each in ran.document["findings"]}
    assert found["Rust"]["state"] == found["Pyodide"]["state"] == "ok"
    assert "Ready to build" in wasmwheel("doctor").stdout


def test_targets_command_marks_default(wasmwheel: Command) -> None:
    rows = wasmwheel("targets", "--json").document
    assert rows["default"] == "2026_0"
    assert [row["abi"] for row in rows["targets"]] == ["2025_0", "2026_0", "2026_5"]
    assert "pyemscripten_2026_0_wasm32" in str(rows)


def test_audit_command_accepts_good_wheel(wasmwheel: Command, starter_wheel: Path) -> None:
    ran = wasmwheel("audit", starter_wheel, "--json")
    assert (ran.status, ran.document["audit"]["ok"]) == (0, True)


def test_cache_clear_keeps_sites(wasmwheel: Command, tmp_path: Path, store: Store) -> None:
    home = tmp_path / "home"
    env: dict[str, Any] = {"WASMWHEEL_HOME": str(home), "WASMWHEEL_PATH": str(store.home)}
    (home / "sites/mine").mkdir(parents=True)
    (home / "work/old").mkdir(parents=True)
    (home / "work/old/file").write_bytes(b"x" * 5000)
    (home / "staging/rustup+stable-1.93/killed").mkdir(parents=True)
    (home / "staging/emsdk+5.0.3/running").mkdir(parents=True)
    assert wasmwheel("cache", "list", "--json", env=env).document["sizes"]["work"] == 5000
    with Store(home=home).lock("emsdk/5.0.3", ignore):
        assert wasmwheel("cache", "clear", "--json", env=env).document["freed"] == 5000
    assert [path.name for path in (home / "staging").iterdir()] == ["emsdk+5.0.3"]
    assert not list((home / "work").iterdir())
    assert (home / "sites/mine").is_dir()


def test_new_creates_crate_and_never_overwrites(wasmwheel: Command, tmp_path: Path) -> None:
    assert wasmwheel("new", "my-first", cwd=tmp_path).status == 0
    assert 'name = "my_first"' in (tmp_path / "my-first/Cargo.toml").read_text()
    (tmp_path / "my-first/src/lib.rs").write_text("mine")
    error_of(wasmwheel("new", "my-first", "--json", cwd=tmp_path), 3)
    assert (tmp_path / "my-first/src/lib.rs").read_text() == "mine"


def test_help_lists_every_command(wasmwheel: Command) -> None:
    shown = wasmwheel("--help").stdout
    building = ["doctor", "targets", "build", "audit", "smoke", "test"]
    for command in [*building, "site", "new", "demo", "cache"]:
        assert command in shown


def test_program_version_is_cached_until_program_changes(tmp_path: Path) -> None:
    store = Store(home=tmp_path / "home")
    program, asked = tmp_path / "program", tmp_path / "asked"

    def put(text: str) -> None:
        program.write_text(f"#!/bin/sh\necho asked >> {asked}\necho '{text}'\n")
        program.chmod(0o755)

    def ask() -> tuple[str | None, int]:
        said = version_cache.ask(program, "--version", re.compile(r"version \d+"), store)
        return said, len(asked.read_text().split()) if asked.exists() else 0

    assert ask() == (None, 0)
    put("version 1")
    assert ask() == ("version 1\n", 1)
    assert ask() == ("version 1\n", 1)
    put("version 1.0.1")
    assert ask() == ("version 1.0.1\n", 2)
    for kept in (store.home / derived.FOLDER).iterdir():
        kept.write_bytes(b"\xff garbage")
    assert ask() == ("version 1.0.1\n", 3)
    put("no program of that kind")
    assert ask() == (None, 4)
    assert ask() == (None, 5)
