"""`check --pypi`: which wheels are suitable for PyPI."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec.structs
import pytest

from jupyter_wasmwheel import wheel
from jupyter_wasmwheel.build.provenance import Provenance, read
from jupyter_wasmwheel.checks import pypi
from jupyter_wasmwheel.checks.finding import WheelFinding
from jupyter_wasmwheel.store import Store
from tests.fixtures import wheel_factory
from tests.fixtures.commands import Command
from tests.fixtures.known_failures import BY_HAND, FFI, INIT, failing_crate

TAG = "cp314-cp314-pyemscripten_2026_0_wasm32"
MODULE = "handmade.cpython-314-wasm32-emscripten.so"
RUST = ("rustc", "1.96.0")

MADE = Provenance(
    generator="jupyter-wasmwheel 0.1.0",
    target="2026_0",
    profile="release",
    rustc="1.96.0",
    linker="wasm-ld 22.1.8",
    emscripten="5.0.3",
    compiled=("handmade",),
    wasm_opt="132",
)


def module(**more: Any) -> bytes:
    return wheel_factory.side_module(exports=["PyInit_handmade"], **{"compilers": [RUST], **more})


def build_record(**more: Any) -> dict[str, bytes]:
    """Return the build's record in a wheel, with other values."""
    said = {"schema": 1, **msgspec.structs.asdict(msgspec.structs.replace(MADE, **more))}
    return {"handmade-1.0.dist-info/wasmwheel.json": json.dumps(said).encode()}


def check_wheel(path: Path, store: Store) -> dict[str, WheelFinding]:
    machine = wheel_factory.machine("2026_0", store)
    found = pypi.examine(wheel.read(path), machine.target, machine.engine)
    return {each.check: each for each in found}


def problems(found: dict[str, WheelFinding]) -> list[str]:
    for each in found.values():
        assert (each.state == "ok") == (not each.fix)
    return [each.check for each in found.values() if each.state == "problem"]


def test_check_accepts_rust_only_wheel(wasmwheel: Command, starter_wheel: Path) -> None:
    ran = wasmwheel("check", starter_wheel, "--pypi", "--json")
    assert ran.status == 0, ran.stdout + ran.stderr
    found = {each["check"]: each for each in ran.document["findings"]}
    assert ran.document["ok"]
    assert "It contains no compiled C" in found["compiler"]["text"]
    assert "long_description" in found["metadata"]["text"]
    ran = wasmwheel("check", starter_wheel, "--pypi")
    assert ran.stdout.splitlines()[-1] == f"{starter_wheel.name} is ready for PyPI."


def test_build_records_compilers_in_wheel(starter_wheel: Path) -> None:
    made = read(wheel.read(starter_wheel))
    assert made
    assert (made.target, made.profile, made.emscripten) == ("2026_0", "release", None)
    assert made.linker.startswith("wasm-ld ")


def test_check_reports_unknown_compiler(tmp_path: Path, store: Store) -> None:
    path = wheel_factory.wheel(tmp_path, TAG, {MODULE: module(compilers=None)})
    found = check_wheel(path, store)
    assert not problems(found)
    assert found["compiler"].state == "unknown"


def test_check_accepts_c_of_matching_emscripten(tmp_path: Path, store: Store) -> None:
    of_c = module(compilers=[RUST, ("clang", "23.0.0git")])
    path = wheel_factory.wheel(tmp_path, TAG, {MODULE: of_c, **build_record()})
    found = check_wheel(path, store)
    assert not problems(found)
    assert "Emscripten 5.0.3" in found["compiler"].text


@pytest.mark.parametrize(
    ("compilers", "more", "text"),
    [
        (
            [RUST, ("clang", "15.0")],
            build_record(emscripten="3.1.6"),
            "Emscripten 3.1.6 compiled the C",
        ),
        ([RUST, ("Debian clang", "14.0.6")], {}, "Debian clang 14.0.6 compiled C"),
        ([RUST, ("Debian clang", "14.0.6")], build_record(emscripten=None), "Debian clang 14.0.6"),
        (
            [RUST, ("clang", "23.0.0git")],
            build_record(emscripten=None, compiled=()),
            "but not in its build",
        ),
    ],
)
def test_check_rejects_c_of_other_compiler(
    tmp_path: Path,
    store: Store,
    compilers: list[tuple[str, str]],
    more: dict[str, bytes],
    text: str,
) -> None:
    path = wheel_factory.wheel(tmp_path, TAG, {MODULE: module(compilers=compilers), **more})
    found = check_wheel(path, store)
    assert problems(found) == ["compiler"]
    assert text in found["compiler"].text
    assert "5.0.3" in found["compiler"].fix


RST = b"Description-Content-Type: text/x-rst\n\nA `broken link <\n=====\n"
TWO = f"{TAG}.pyodide_2026_0_wasm32"
ELF = {"fast.cpython-314-x86_64-linux-gnu.so": b"\x7fELF" + bytes(60)}


@pytest.mark.parametrize(
    ("wrong", "tag", "members", "more"),
    [
        ("tag", TWO, {}, {}),
        ("name", TAG, {}, {"version": "1.0+mine"}),
        ("name", TAG, {}, {"name": "Handmade"}),
        ("metadata", TAG, {}, {"description": RST}),
        ("requirements", TAG, {}, {"requires": ["other @ https://example.org/other-1.0.tar.gz"]}),
        ("audit", TAG, {MODULE: module(imports=[("env", "nobody_has_this")])}, {}),
        ("audit", TAG, ELF, {}),
        ("paths", TAG, {MODULE: module(runtime_paths=["/build/lib"])}, {}),
        ("profile", TAG, build_record(profile="draft"), {}),
        ("size", TAG, {"handmade.bin": bytes(pypi.MAX_WHEEL_BYTES)}, {}),
    ],
)
def test_check_rejects_unsuitable_wheel(
    tmp_path: Path,
    store: Store,
    wrong: str,
    tag: str,
    members: dict[str, bytes],
    more: dict[str, Any],
) -> None:
    path = wheel_factory.wheel(tmp_path, tag, {MODULE: module(), **members}, **more)
    assert problems(check_wheel(path, store)) == [wrong]


def test_check_accepts_runtime_path_to_bundled_library(tmp_path: Path, store: Store) -> None:
    data = module(runtime_paths=["$ORIGIN/../handmade.libs"])
    assert not problems(check_wheel(wheel_factory.wheel(tmp_path, TAG, {MODULE: data}), store))


def test_check_rejects_wrong_record(tmp_path: Path, store: Store) -> None:
    path = wheel_factory.wheel(tmp_path, TAG, {MODULE: module()})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("handmade_more.py", "late = True\n")
    found = check_wheel(path, store)
    assert problems(found) == ["record"]
    assert "handmade_more.py is not in it" in found["record"].text


def test_check_command_exits_with_status_of_checks(wasmwheel: Command, tmp_path: Path) -> None:
    path = wheel_factory.wheel(tmp_path, TAG, {MODULE: module(), **build_record(profile="draft")})
    ran = wasmwheel("check", path, "--pypi")
    assert ran.status == 6
    assert ran.stdout.splitlines()[-1].endswith(": profile.")
    assert wasmwheel("check", path).status == 2
    linux = wheel_factory.wheel(tmp_path, "cp314-cp314-manylinux_2_17_x86_64", {})
    ran = wasmwheel("check", linux, "--pypi", "--json")
    assert (ran.status, "not for Pyodide" in ran.document["error"]["what"]) == (6, True)


def test_check_accepts_wheel_for_any_platform(tmp_path: Path, store: Store) -> None:
    path = wheel_factory.wheel(tmp_path, "py3-none-any", {"handmade.py": b""})
    assert not problems(check_wheel(path, store))


@pytest.mark.slow
def test_wheel_records_emscripten_of_compiled_c(
    wasmwheel: Command, crate: Path, tmp_path: Path
) -> None:
    (crate / "jump.c").write_text("int jump(int n) { return n + 1; }\n")
    body = f'extern "C" {{ fn jump(n: i32) -> i32; }} {INIT} {{ unsafe {{ jump(5) }} }}'
    project = failing_crate(crate, needs=FFI, body=body, script=BY_HAND)
    ran = wasmwheel("build", project, "--json", "--no-smoke", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    used = ran.document["toolchain"]["emscripten"]
    made = read(wheel.read(Path(ran.document["wheel"])))
    assert made
    assert (made.emscripten, made.compiled) == (used["version"], ("hello",))
    checked = wasmwheel("check", ran.document["wheel"], "--pypi", "--json")
    found = {each["check"]: each for each in checked.document["findings"]}
    same = used["version"] == used["wanted"]
    assert found["compiler"]["state"] == ("ok" if same else "problem")
    assert used["version"] in found["compiler"]["text"]
