"""Builds are reproducible, and a report is verified against its wheel."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import remap
from jupyter_wasmwheel.toolchain.scripts import script
from jupyter_wasmwheel.wheel import read, rewrite
from tests.fixtures.commands import Command

#: A setuptools-rust project with C whose compiled code contains the names of its files.
SETUPTOOLS_RUST = {
    "pyproject.toml": """
        [build-system]
        requires = ["setuptools>=77", "setuptools-rust>=1.11"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "both"
        version = "1.0"
        [[tool.setuptools-rust.ext-modules]]
        target = "both._rust"
        binding = "PyO3"
        [tool.setuptools]
        packages = ["both"]
    """,
    "Cargo.toml": """
        [package]
        name = "both"
        version = "1.0.0"
        edition = "2021"
        [lib]
        name = "_rust"
        crate-type = ["cdylib"]
        [dependencies]
        pyo3 = { version = "*", features = ["extension-module"] }
        [build-dependencies]
        cc = "1"
    """,
    "build.rs": 'fn main() { cc::Build::new().file("place.c").compile("place"); }\n',
    "place.c": "const char *place(void) { return __FILE__; }\n",
    "both/__init__.py": "from both._rust import place\n",
    "src/lib.rs": """
        use pyo3::prelude::*;
        extern "C" { fn place() -> *const std::ffi::c_char; }
        #[pymodule]
        mod _rust {
            use super::*;
            #[pyfunction]
            fn place() -> String {
                let c = unsafe { std::ffi::CStr::from_ptr(super::place()) };
                format!("{} {}", std::panic::Location::caller().file(), c.to_str().unwrap())
            }
        }
    """,
}


def build_wheel(wasmwheel: Command, project: Path, store: Store, home: Path) -> Path:
    """Return the wheel of a release build with a new store."""
    homes = {"WASMWHEEL_HOME": str(home), "WASMWHEEL_PATH": str(store.home)}
    words = ("--no-cache", "--json", "--out", home / "dist")
    ran = wasmwheel("build", project, *words, env=homes)
    assert ran.status == 0, ran.stderr
    return Path(ran.document["wheel"])


def refuse_folders_of_this_machine(wheel: Path, *more: Path) -> None:
    found = read(wheel)
    for member in found.members:
        data = found.read(member)
        for folder in (Path.home() / ".cargo", *more):
            assert str(folder).encode() not in data, member


def test_wheel_contains_no_time_or_local_path(starter_wheel: Path, store: Store) -> None:
    refuse_folders_of_this_machine(starter_wheel, store.home)
    found = read(starter_wheel)
    (bill,) = (member for member in found.members if "/sboms/" in member)
    text = found.read(bill).decode()
    assert "pkg:cargo/pyo3@" in text
    assert "serialNumber" not in text
    assert "timestamp" not in text


def test_rustc_wrapper_calls_wrapper_of_user(tmp_path: Path) -> None:
    folders = [(tmp_path / "a folder", "/source"), (tmp_path / "b=c", "/cargo")]
    own = {"RUSTC_WRAPPER": "/bin/echo"}
    wrapper = script("wasmwheel-rustc")
    env = remap.variables(folders, wrapper, own)

    def called(*words: str) -> str:
        return subprocess.run(
            [wrapper, "rustc", *words], env=env, capture_output=True, text=True, check=True
        ).stdout

    assert called("-vV", "a b*") == "rustc -vV a b*\n"
    flags = [f"--remap-path-prefix={folder}={name}" for folder, name in folders]
    words = ["--target", "wasm32-unknown-emscripten", "a b*"]
    assert called(*words) == " ".join(["rustc", *words, *flags]) + "\n"
    env["CARGO_MANIFEST_DIR"] = "/home/me/.cargo/registry/src/mirror.example-1f2e/pyo3-0.30.1"
    flags.append(
        "--remap-path-prefix=/home/me/.cargo/registry/src/mirror.example-1f2e=/cargo/registry/src"
    )
    assert called(*words) == " ".join(["rustc", *words, *flags]) + "\n"
    assert remap.restore_path("/source/src/lib.rs", env) == f"{tmp_path}/a folder/src/lib.rs"


@pytest.mark.slow
def test_builds_in_other_folders_and_stores_give_same_bytes(
    wasmwheel: Command, store: Store, crate: Path, tmp_path: Path
) -> None:
    elsewhere = shutil.copytree(crate, tmp_path / "elsewhere" / "hello")
    one = build_wheel(wasmwheel, crate, store, tmp_path / "one")
    other = build_wheel(wasmwheel, elsewhere, store, tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_setuptools_rust_builds_with_c_give_same_bytes(
    wasmwheel: Command, store: Store, tmp_path: Path
) -> None:
    wheels = []
    for name in ("one", "another"):
        project = tmp_path / name / "both"
        for path, text in SETUPTOOLS_RUST.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text)
        wheels.append(build_wheel(wasmwheel, project, store, tmp_path / f"home-of-{name}"))
    refuse_folders_of_this_machine(wheels[0], tmp_path)
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    said = wasmwheel("smoke", wheels[0], "-c", "import both; print(both.place())")
    assert said.stdout.split() == ["src/lib.rs", "place.c"], said.stderr


def check_report(wasmwheel: Command, wheel: Path, report: Any, folder: Path) -> dict[str, str]:
    """Return the states of the findings when a wheel is checked against a report."""
    file = folder / "report.json"
    file.write_text(json.dumps(report))
    ran = wasmwheel("check", wheel, "--report", file, "--json")
    found = {each["check"]: each["state"] for each in ran.document["findings"]}
    assert ran.status == (6 if "problem" in found.values() else 0), ran.stderr
    return found


def test_report_is_verified_against_its_wheel(
    wasmwheel: Command, starter_wheel: Path, starter_report: dict[str, Any], tmp_path: Path
) -> None:
    same = dict.fromkeys(("bytes", "name", "tag", "toolchain"), "ok")
    assert check_report(wasmwheel, starter_wheel, starter_report, tmp_path) == same
    event = {"kind": "report", "report": starter_report}
    assert check_report(wasmwheel, starter_wheel, event, tmp_path) == same
    other = tmp_path / starter_wheel.name
    rewrite(starter_wheel, {"hello/more.py": b""}, other)
    assert check_report(wasmwheel, other, starter_report, tmp_path) == {**same, "bytes": "problem"}
    claimed = {**starter_report["toolchain"], "rustc": "1.0.0 (000000000)"}
    report = {**starter_report, "toolchain": claimed, "version": "0.2.0"}
    found = check_report(wasmwheel, starter_wheel, report, tmp_path)
    assert found == {**same, "name": "problem", "toolchain": "problem"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', "no JSON"])
def test_invalid_report_is_rejected(
    wasmwheel: Command, starter_wheel: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "report.json").write_text(text)
    ran = wasmwheel("check", starter_wheel, "--report", tmp_path / "report.json")
    assert ran.status == 2
    assert "Invalid report" in ran.stderr
