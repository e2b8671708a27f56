"""Which wasm-opt is used: native ones, on PATH or in an emsdk, before npm's."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.toolchain import wasm_opt
from jupyter_wasmwheel.toolchain.emscripten import Emscripten

TARGET = targets.find(targets.default_abi())
FLAGS = (*TARGET.flags.wasm_opt, *wasm_opt.FLAGS)


def stand_in(folder: Path, version: str, flags: tuple[str, ...] = FLAGS) -> Path:
    """Create a wasm-opt that prints its version and its flags."""
    folder.mkdir(parents=True)
    program = folder / "wasm-opt"
    program.write_text(f"#!/bin/sh\necho 'wasm-opt version {version}'\necho '{' '.join(flags)}'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def emsdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emscripten:
    """Return an emsdk whose programs are not there yet, and empty PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    folder = tmp_path / "upstream/emscripten"
    return Emscripten(folder=folder, version="5.0.3", wanted="5.0.3", origin="emsdk")


def test_path_goes_before_emsdk(emsdk: Emscripten, tmp_path: Path) -> None:
    in_emsdk = stand_in(tmp_path / "upstream/bin", "126")
    found, text = wasm_opt.find_native(TARGET, emsdk)
    assert found
    assert (found.program, found.version, text) == (in_emsdk, "126", f"{in_emsdk} 126")
    on_path = stand_in(tmp_path / "path", "120")
    found, _ = wasm_opt.find_native(TARGET, emsdk)
    assert found
    assert found.program == on_path
    assert wasm_opt.find_native(TARGET, None)[0] == found


def test_unsuitable_ones_are_skipped_with_reasons(emsdk: Emscripten, tmp_path: Path) -> None:
    assert wasm_opt.find_native(TARGET, emsdk) == (None, "no wasm-opt on PATH")
    old = stand_in(tmp_path / "path", "108")
    lacking = stand_in(tmp_path / "upstream/bin", "130", FLAGS[1:])
    found, reasons = wasm_opt.find_native(TARGET, emsdk)
    assert found is None
    assert f"{old} is version 108" in reasons
    assert f"{lacking} does not support {FLAGS[0]}" in reasons
