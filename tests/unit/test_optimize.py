"""Optimization of the modules in a wheel, with a program in the place of wasm-opt."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import CompileError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.build import optimize
from jupyter_wasmwheel.process import confine
from jupyter_wasmwheel.process.limits import DEFAULT
from jupyter_wasmwheel.toolchain.wasm_opt import WasmOpt
from jupyter_wasmwheel.wheel import MAGIC, Wheel, read
from tests.fixtures import wheel_factory

TAG = "cp314-cp314-pyemscripten_2026_0_wasm32"

#: The stand-in notes its process in a folder, waits for that of the other module, and goes on.
PROGRAM = f"""#!{sys.executable}
import os, pathlib, sys, time
folder, (module, _, result) = pathlib.Path(@MEETING@), sys.argv[-3:]
(folder / str(os.getpid())).touch()
while len([*folder.iterdir()]) < 2:
    time.sleep(0.01)
module = pathlib.Path(module).read_bytes()
"""


@pytest.fixture
def two_modules(tmp_path: Path) -> Wheel:
    """Create a wheel with two modules."""
    names = {f"{name}.cpython-314-wasm32-emscripten.so": name.encode() for name in ("one", "two")}
    members = {member: MAGIC + name for member, name in names.items()}
    return read(wheel_factory.wheel(tmp_path, TAG, members))


@pytest.fixture
def meeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the folder of the stand-ins' processes, which they reach unconfined."""
    monkeypatch.setenv(confine.SWITCH, "0")
    folder = tmp_path / "meeting"
    folder.mkdir()
    return folder


def stand_in(meeting: Path, code: str) -> WasmOpt:
    """Create a wasm-opt that runs Python's code as soon as both are running."""
    program = meeting.with_name("wasm-opt")
    program.write_text(PROGRAM.replace("@MEETING@", repr(str(meeting))) + code)
    program.chmod(0o755)
    return WasmOpt(program=program, version="132", node=None, flags=())


def test_modules_are_optimized_at_the_same_time(
    two_modules: Wheel, meeting: Path, tmp_path: Path
) -> None:
    tool = stand_in(meeting, "pathlib.Path(result).write_bytes(module + b' smaller')")
    (tmp_path / "into").mkdir()
    found = optimize.optimize(two_modules, tool, {}, tmp_path / "into", DEFAULT, ignore)
    codes = [found.read(each.member) for each in found.extension_modules]
    assert codes == [MAGIC + b"one smaller", MAGIC + b"two smaller"]


def test_failed_module_stops_the_others(two_modules: Wheel, meeting: Path, tmp_path: Path) -> None:
    tool = stand_in(meeting, "sys.exit(1) if b'two' in module else time.sleep(600)")
    with pytest.raises(CompileError, match="could not optimize"):
        optimize.optimize(two_modules, tool, {}, tmp_path, DEFAULT, ignore)
    for number in meeting.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(number.name), 0)
