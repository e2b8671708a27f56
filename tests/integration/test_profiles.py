"""The profiles of builds differ in what they are for: size, and SIMD."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel import wheel
from tests.fixtures import wheel_factory
from tests.fixtures.commands import Command

#: A module that tells whether it was compiled with SIMD, and sorts, which takes some code.
CODE = """
use pyo3::prelude::*;

#[pymodule]
mod hello {
    use pyo3::prelude::*;

    #[pyfunction]
    fn has_simd() -> bool {
        cfg!(target_feature = "simd128")
    }

    #[pyfunction]
    fn sorted(mut words: Vec<String>) -> Vec<String> {
        words.sort();
        words
    }
}
"""


@pytest.mark.slow
def test_fast_has_simd_and_small_is_smaller(wasmwheel: Command, tmp_path: Path) -> None:
    crate = wheel_factory.crate("hello", tmp_path)
    (crate / "src/lib.rs").write_text(CODE)
    sizes, with_simd = {}, {}
    for profile in ("release", "fast", "small"):
        out = tmp_path / profile
        built = wasmwheel("build", crate, "--profile", profile, "--out", out, "--json")
        assert built.status == 0, built.stderr
        assert built.document["profile"] == profile
        (module,) = wheel.read(Path(built.document["wheel"])).extension_modules
        sizes[profile] = len(wheel.read(Path(built.document["wheel"])).read(module.member))
        code = "import hello; print(hello.has_simd(), hello.sorted(['b', 'a']))"
        ran = wasmwheel("smoke", built.document["wheel"], "-c", code)
        assert ran.status == 0, ran.stderr
        assert "['a', 'b']" in ran.stdout
        with_simd[profile] = "True" in ran.stdout
    assert with_simd == {"release": False, "fast": True, "small": False}
    assert sizes["small"] < sizes["release"]
