"""Builds for several targets, with the real tools."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import targets
from tests.fixtures.commands import Command

#: The crates that are compiled for each target, and nothing else.
OF_TARGET = {"pyo3", "pyo3-ffi", "severaltargets"}


def crate_with_nonce(folder: Path, *, features: str = "") -> tuple[Path, str]:
    """Create a crate with dependencies and a function that returns a new text."""
    nonce = uuid4().hex
    crate = starter.create("severaltargets", folder, "text")
    code, cargo = crate / "src/lib.rs", crate / "Cargo.toml"
    function = f'#[pyfunction]\nfn nonce() -> &\'static str {{\n    "{nonce}"\n}}\n'
    text = code.read_text().replace("super::{", "super::{nonce, ")
    code.write_text(f"{text}\n{function}")
    wanted = f'{{ version = "0.30", features = [{features}] }}'
    cargo.write_text(cargo.read_text().replace('"0.30"', wanted))
    return crate, nonce


def code_printing(module: str) -> str:
    return f"import sys, {module}; print(sys.version_info[1], {module}.nonce())"


@pytest.mark.slow
def test_all_targets_are_built_and_imported(wasmwheel: Command, tmp_path: Path) -> None:
    crate, nonce = crate_with_nonce(tmp_path)
    ran = wasmwheel("build", crate, "--target", "all", "--json", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    rows = ran.document["targets"]
    assert [row["target"]["abi"] for row in rows] == [each.abi for each in targets.all_targets()]
    assert ran.document["wheel"] == rows[0]["report"]["wheel"]
    compiled = [{crate["name"] for crate in row["report"]["crates"]} for row in rows]
    assert "strsim" in compiled[0]
    for later in compiled[1:]:
        assert later <= OF_TARGET
    for row in rows:
        assert row["error"] is None
        assert row["report"]["smoke"]["ok"]
        wheel, python = row["report"]["wheel"], row["target"]["python"].partition(".")[2]
        shown = wasmwheel("smoke", wheel, "-c", code_printing("severaltargets"))
        assert shown.stdout.strip() == f"{python} {nonce}", shown.stderr
    assert len([*(tmp_path / "dist").glob("*.whl")]) == len(rows)


@pytest.mark.slow
def test_wheel_of_stable_abi_is_built_once(wasmwheel: Command, tmp_path: Path) -> None:
    crate, _ = crate_with_nonce(tmp_path, features='"abi3-py311"')
    out = tmp_path / "dist"
    ran = wasmwheel("build", crate, "--target", "all", "--json", "--out", out)
    assert ran.status == 0, ran.stderr
    reports = [row["report"] for row in ran.document["targets"]]
    (wheel,) = map(str, out.glob("*.whl"))
    assert {report["wheel"] for report in reports} == {wheel}
    assert all(each.platform_tag in wheel for each in targets.all_targets())
    for report in reports[1:]:
        assert "compile" not in [phase["name"] for phase in report["phases"]]
        assert report["smoke"]["ok"]


@pytest.mark.slow
def test_failure_for_a_target_keeps_other_wheels(wasmwheel: Command, tmp_path: Path) -> None:
    crate, _ = crate_with_nonce(tmp_path)
    (crate / "build.rs").write_text(
        "fn main() {\n"
        '    let version = std::env::var("PYO3_CROSS_PYTHON_VERSION").unwrap();\n'
        '    assert_ne!(version, "3.13", "not for this one");\n'
        "}\n"
    )
    words = ["--target", "2025_0", "--target", "2026_0", "--json", "--out", tmp_path / "dist"]
    ran = wasmwheel("build", crate, *words)
    document = ran.document
    failed, built = document["targets"]
    assert ran.status == document["error"]["status"] == failed["error"]["status"] != 0
    assert document["error"]["code"] == "build.targets-failed"
    assert document["error"]["remedies"][-1]["changes"] == {"target": "2025_0"}
    assert failed["report"] is None
    assert Path(built["report"]["wheel"]).is_file()
    assert document["wheel"] == built["report"]["wheel"]


def test_site_has_one_target(wasmwheel: Command, tmp_path: Path) -> None:
    crate = starter.create("hello", tmp_path)
    ran = wasmwheel("build", crate, "--target", "all", "--site", "class", "--json")
    assert ran.status == 2
    assert ran.document["error"]["code"] == "request.site-with-targets"
