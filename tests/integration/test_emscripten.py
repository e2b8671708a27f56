"""The choice among installed Emscripten compilers."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import emcc, emscripten

TARGET = targets.find("2026_0")


def put_emcc(folder: Path, version: str) -> Path:
    """Write an emcc that prints a version."""
    folder.mkdir(parents=True)
    (folder / "emcc").write_text(f'#!/bin/sh\necho "emcc (Emscripten gcc/clang) {version} (0)"\n')
    (folder / "emcc").chmod(0o755)
    return folder


def test_emscripten_of_target_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(home=tmp_path / "home")
    systems = put_emcc(tmp_path / "usr/bin", "3.1.6")
    monkeypatch.setenv("PATH", str(systems))
    found = emscripten.find(store, TARGET)
    assert found
    assert "3.1.6" in str(found)
    assert "Pyodide was built with 5.0.3" in str(found)

    activated = put_emcc(tmp_path / "emsdk/upstream/emscripten", TARGET.emscripten)
    monkeypatch.setenv("PATH", f"{systems}:{activated}")
    found = emscripten.find(store, TARGET)
    assert found
    assert found.folder == activated
    assert "built with" not in str(found)

    entry = store.home / emscripten.key(TARGET)
    put_emcc(entry / emcc.IN_EMSDK, TARGET.emscripten)
    found = emscripten.find(store, TARGET)
    assert found
    assert found.folder.is_relative_to(entry)


def test_broken_emcc_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = put_emcc(tmp_path / "bin", "5.0.3")
    (broken / "emcc").write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("PATH", str(broken))
    assert emscripten.find(Store(home=tmp_path / "home"), TARGET) is None


def test_emsdk_runs_with_its_own_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EM_CONFIG", "/someone/elses/.emscripten")
    folder = put_emcc(tmp_path / "emsdk" / emcc.IN_EMSDK, "5.0.3")
    config = tmp_path / "emsdk/.emscripten"
    config.touch()
    assert emcc.environment(folder)["EM_CONFIG"] == str(config)
    assert emcc.environment(tmp_path)["EM_CONFIG"] == "/someone/elses/.emscripten"
