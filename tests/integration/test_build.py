"""Builds of a folder, an sdist, a workspace and a pure project."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel import wheel
from jupyter_wasmwheel.api.events import PHASES
from jupyter_wasmwheel.project import starter
from tests.fixtures.commands import Command
from tests.fixtures.known_failures import FFI, INIT, failing_crate
from tests.fixtures.projects import create_pure_project


def test_build_report_describes_wheel_tools_and_times(
    starter_report: dict[str, Any],
) -> None:
    report = starter_report
    path = Path(report["wheel"])
    assert path.name == "hello-0.1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl"
    assert report["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert report["size"] == path.stat().st_size < 60_000
    assert [phase["name"] for phase in report["phases"]] == list(PHASES[: PHASES.index("publish")])
    assert {"name": "hello", "version": "0.1.0"} in [
        {"name": crate["name"], "version": crate["version"]} for crate in report["crates"]
    ]
    assert report["audit"] == {"ok": True, "missing": [], "unexpected": [], "remarks": []}
    assert report["smoke"]["ok"]
    assert report["toolchain"]["linker"].startswith("wasm-ld ")
    assert report["toolchain"]["emscripten"] is None


def test_smoke_code_runs_with_wheel(wasmwheel: Command, starter_wheel: Path) -> None:
    ran = wasmwheel("smoke", starter_wheel, "-c", "import hello; print(hello.fibonacci(90))")
    assert (ran.status, ran.stdout.strip()) == (0, "2880067194370816120"), ran.stderr


def test_build_events_name_phases_and_end_with_report(
    starter_events: list[dict[str, Any]],
) -> None:
    events = starter_events
    started = [e["name"] for e in events if e["kind"] == "phase" and e["state"] == "started"]
    assert started == list(PHASES[: PHASES.index("publish")])
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "report"
    steps = [e for e in events if e["kind"] == "progress" and e["unit"] == "units"]
    assert len({step["done"] for step in steps}) >= 3
    assert all(step["total"] is None or step["done"] <= step["total"] for step in steps)


def test_progress_without_terminal_is_plain_lines(
    wasmwheel: Command, crate: Path, tmp_path: Path
) -> None:
    ran = wasmwheel("build", crate, "--profile", "draft", "--out", tmp_path / "dist")
    assert ran.status == 0
    assert "\x1b" not in ran.stderr + ran.stdout
    assert "✓ compile" in ran.stderr
    assert "✓ import" in ran.stderr
    assert ran.stdout.splitlines()[0].endswith("-pyemscripten_2026_0_wasm32.whl")


def test_sdist_builds_like_its_folder(wasmwheel: Command, crate: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "maturin", "sdist", "--out", str(tmp_path)],
        cwd=crate,
        check=True,
        capture_output=True,
    )
    sdist = tmp_path / "hello-0.1.0.tar.gz"
    ran = wasmwheel("build", sdist, "--json", "--profile", "draft", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    assert ran.document["smoke"]["ok"]


def test_workspace_with_outside_path_dependency_is_copied(
    wasmwheel: Command, workbench: Path, tmp_path: Path
) -> None:
    top = workbench / "deep"
    shutil.rmtree(top, ignore_errors=True)
    member = starter.create("hello", top / "top" / "crates")
    (top / "top/Cargo.toml").write_text('[workspace]\nmembers = ["crates/*"]\n')
    shared = top / "shared" / "answer"
    (shared / "src").mkdir(parents=True)
    (shared / "Cargo.toml").write_text('[package]\nname = "answer"\nversion = "0.1.0"\n')
    (shared / "src/lib.rs").write_text("pub const ANSWER: u32 = 42;\n")
    manifest = member / "Cargo.toml"
    manifest.write_text(
        manifest.read_text().replace(
            "[dependencies]", '[dependencies]\nanswer = { path = "../../../shared/answer" }'
        )
    )
    source = member / "src/lib.rs"
    source.write_text(source.read_text().replace("Ok(a)", "Ok(a + u128::from(answer::ANSWER))"))
    before = {path: path.stat().st_mtime_ns for path in top.rglob("*")}
    out = tmp_path / "dist"
    ran = wasmwheel("build", member, "--json", "--profile", "draft", "--out", out)
    assert ran.status == 0, ran.stderr
    said = wasmwheel(
        "smoke", ran.document["wheel"], "-c", "import hello; print(hello.fibonacci(0))"
    )
    assert said.stdout.strip() == "42"
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before, "the build wrote into the source"


def test_features_and_cargo_arguments_reach_cargo(
    wasmwheel: Command, crate: Path, tmp_path: Path
) -> None:
    manifest = crate / "Cargo.toml"
    manifest.write_text(manifest.read_text() + "\n[features]\nloud = []\nquiet = []\n")
    source = crate / "src/lib.rs"
    text = source.read_text().replace('"Hello, {name}!', '"{}{} {name}!')
    text = text.replace(
        'in your browser.")', 'in your browser.", cfg!(feature = "loud"), cfg!(feature = "quiet"))'
    )
    source.write_text(text)
    ran = wasmwheel(
        *("build", crate, "--json", "--profile", "draft", "--out", tmp_path / "dist"),
        *("--features", "loud", "--cargo-arg=--features=quiet"),
    )
    assert ran.status == 0, ran.stderr
    said = wasmwheel("smoke", ran.document["wheel"], "-c", "import hello; print(hello.greet('x'))")
    assert said.stdout.startswith("truetrue x!")


def test_pure_project_builds_without_toolchain(wasmwheel: Command, tmp_path: Path) -> None:
    project = create_pure_project(tmp_path / "plain")
    ran = wasmwheel("build", project, "--json", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    assert Path(ran.document["wheel"]).name == "plain-1.0-py3-none-any.whl"
    assert ran.document["toolchain"] is None
    assert ran.document["smoke"]["ok"]
    assert "nothing to compile" in wasmwheel("build", project, "--out", tmp_path / "dist").stderr


def test_requirement_in_pyodide_is_added_to_site(wasmwheel: Command, tmp_path: Path) -> None:
    site = tmp_path / "site"
    assert wasmwheel("site", "create", site).status == 0
    needs = '"typing-extensions>=4", "never-heard-of-this"'
    project = create_pure_project(
        tmp_path / "plain", needs=needs, code="import typing_extensions\n"
    )
    words = ("build", project, "--json", "--site", site, "--out", tmp_path / "dist")
    ran = wasmwheel(*words)
    assert ran.status == 0, ran.stderr
    found = {each["name"]: each["from"] for each in ran.document["dependencies"]}
    assert found == {"typing-extensions": "pyodide", "never-heard-of-this": "missing"}
    assert list((site / "static/pyodide").rglob("typing_extensions-*.whl"))
    assert ran.document["published"]["url"].endswith("try-plain-1.0.ipynb")


@pytest.mark.slow
def test_crate_with_abort_and_lto_links(wasmwheel: Command, crate: Path, tmp_path: Path) -> None:
    manifest = crate / "Cargo.toml"
    manifest.write_text(manifest.read_text() + '\n[profile.release]\nlto = true\npanic = "abort"\n')
    ran = wasmwheel("build", crate, "--json", "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr


@pytest.mark.parametrize(
    ("abi", "tag"),
    [
        ("2025_0", "cp313-cp313-pyemscripten_2025_0_wasm32"),
        pytest.param("2026_5", "cp315-cp315-pyemscripten_2026_5_wasm32", marks=pytest.mark.slow),
    ],
)
def test_other_targets_build_and_import(
    wasmwheel: Command, crate: Path, tmp_path: Path, abi: str, tag: str
) -> None:
    ran = wasmwheel("build", crate, "--json", "--target", abi, "--out", tmp_path / "dist")
    assert ran.status == 0, ran.stderr
    assert Path(ran.document["wheel"]).name == f"hello-0.1.0-{tag}.whl"
    assert ran.document["smoke"]["ok"]


@pytest.mark.slow
def test_concurrent_first_builds_share_standard_library(wasmwheel: Command, tmp_path: Path) -> None:
    home = tmp_path / "home"
    crates = [starter.create("hello", tmp_path / str(number)) for number in range(2)]
    runs: dict[Path, Any] = {}

    def build(crate: Path) -> None:
        runs[crate] = wasmwheel(
            *("build", crate, "--events", "--profile", "draft", "--out", crate / "dist"),
            env={"WASMWHEEL_HOME": str(home)},
        )

    threads = [threading.Thread(target=build, args=(crate,)) for crate in crates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.status for run in runs.values()] == [0, 0], [run.stderr for run in runs.values()]
    texts = [event.get("text", "") for run in runs.values() for event in run.events]
    built = [text for text in texts if text.startswith("Building the standard library")]
    assert len(built) == 1
    assert len(list((home / "sysroots").iterdir())) == 1
    assert all(wheel.read(Path(run.events[-1]["report"]["wheel"])) for run in runs.values())
    assert not list((home / "staging").iterdir())


def test_sdist_with_member_outside_folder_is_rejected(wasmwheel: Command, tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("x")
    with tarfile.open(tmp_path / "evil-1.0.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "evil", arcname="evil-1.0/../../evil")
    ran = wasmwheel("build", tmp_path / "evil-1.0.tar.gz", "--json")
    assert ran.status == 3
    assert "outside its folder" in ran.document["error"]["why"]


@pytest.mark.parametrize("flags", ["", "--cfg with_extra -C target-cpu=native"])
def test_rustflags_of_user_and_of_project_are_used(
    wasmwheel: Command, crate: Path, tmp_path: Path, flags: str
) -> None:
    body = '#[cfg(not(with_extra))] compile_error!("not configured");'
    failing_crate(crate, needs=FFI, body=f"{body} {INIT} {{ 0 }}")
    (crate / ".cargo").mkdir()
    (crate / ".cargo/config.toml").write_text(
        '[target.wasm32-unknown-emscripten]\nlinker = "emcc"\n'
        'rustflags = ["-C", "link-arg=-sSIDE_MODULE=2", "-Z", "link-native-libraries=no"]\n'
        '[build]\nrustflags = ["--cfg", "with_extra"]\n'
    )
    words = ("build", crate, "--profile", "draft", "--no-import", "--out", tmp_path / "dist")
    ran = wasmwheel(*words, env={"RUSTFLAGS": flags})
    assert ran.status == 0, ran.stderr
    assert f"-Z link-native-libraries=no` of {crate / '.cargo/config.toml'}" in ran.stderr
    assert ("`-C target-cpu=native` of RUSTFLAGS" in ran.stderr) == bool(flags)
