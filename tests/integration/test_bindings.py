"""Packages with bindings by cffi and UniFFI work in the target's Pyodide."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.commands import Command
from tests.fixtures.projects import write_files

ADD_FOR_C = """
#[no_mangle]
pub extern "C" fn apply(function: extern "C" fn(i32) -> i32, n: i32) -> i32 { function(n) + 1 }
"""


def manifest(name: str, more: str) -> str:
    return (
        f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
        f'[lib]\ncrate-type = ["cdylib"]\n{more}'
    )


def pyproject(name: str, bindings: str, needs: str = "") -> str:
    return (
        '[build-system]\nrequires = ["maturin>=1,<2"]\nbuild-backend = "maturin"\n'
        f'[project]\nname = "{name}"\nversion = "0.1.0"\ndependencies = [{needs}]\n'
        f'[tool.maturin]\nbindings = "{bindings}"\n'
    )


@pytest.mark.parametrize("abi", ["2025_0", "2026_0"])
def test_bindings_by_cffi_are_built_with_cffi(wasmwheel: Command, tmp_path: Path, abi: str) -> None:
    project = write_files(
        tmp_path / "viacffi",
        {
            "Cargo.toml": manifest("viacffi", ""),
            "pyproject.toml": pyproject("viacffi", "cffi", '"cffi"'),
            "src/lib.rs": ADD_FOR_C,
        },
    )
    out = tmp_path / "out"
    ran = wasmwheel("build", project, "--target", abi, "--profile", "draft", "--json", "--out", out)
    assert ran.status == 0, ran.stderr
    assert [(one["name"], one["from"]) for one in ran.document["dependencies"]] == [
        ("cffi", "built"),
        ("pycparser", "pyodide"),
    ]
    code = (
        "from viacffi import ffi, lib\n"
        "double = ffi.callback('int32_t(int32_t)', lambda n: 2 * n)\n"
        "print(lib.apply(double, 20))"
    )
    assert wasmwheel("smoke", *out.glob("*.whl"), "-c", code).stdout.strip() == "41"


ADD_FOR_UNIFFI = """
uniffi::setup_scaffolding!();
#[uniffi::export]
fn add(a: u32, b: u32) -> u32 { a + b }
#[uniffi::export(callback_interface)]
pub trait Scale { fn apply(&self, n: u32) -> u32; }
#[uniffi::export]
fn scaled(scale: Box<dyn Scale>, n: u32) -> u32 { scale.apply(n) + 1 }
"""

GENERATOR = '[[bin]]\nname = "uniffi-bindgen"\npath = "uniffi-bindgen.rs"\n'


@pytest.mark.slow
def test_bindings_by_uniffi_are_generated_on_this_machine(
    wasmwheel: Command, tmp_path: Path
) -> None:
    needs = '[dependencies]\nuniffi = { version = "0.29", features = ["cli"] }\n'
    project = write_files(
        tmp_path / "viauniffi",
        {
            "Cargo.toml": manifest("viauniffi", GENERATOR + needs),
            "pyproject.toml": pyproject("viauniffi", "uniffi"),
            "src/lib.rs": ADD_FOR_UNIFFI,
            "uniffi-bindgen.rs": "fn main() { uniffi::uniffi_bindgen_main() }\n",
        },
    )
    ran = wasmwheel("build", project, "--profile", "draft", "--json", "--out", tmp_path / "out")
    assert ran.status == 0, ran.stderr
    code = (
        "import viauniffi\n"
        "class Twice(viauniffi.Scale):\n"
        "    def apply(self, n): return 2 * n\n"
        "print(viauniffi.add(2, 3), viauniffi.scaled(Twice(), 20))"
    )
    done = wasmwheel("smoke", ran.document["wheel"], "-c", code)
    assert done.stdout.strip() == "5 41", done.stderr
