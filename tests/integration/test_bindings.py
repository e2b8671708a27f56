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


@pytest.mark.parametrize("abi", ["2025_0", "2026_0", "2026_5"])
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
