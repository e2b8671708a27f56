"""Invalid input: each case is real, is explained, and leaves no partial files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_wasmwheel.store import Store
from tests.fixtures.commands import (
    UNREACHABLE_URL,
    Command,
    CommandOutput,
    error_of,
    path_of_programs,
    processes_in,
)


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """Return a folder for wheels that must stay empty."""
    folder = tmp_path / "dist"
    yield folder
    assert not folder.exists() or not list(folder.iterdir())


def test_build_rejects_folder_without_pyproject(
    wasmwheel: Command, tmp_path: Path, out: Path
) -> None:
    error = error_of(wasmwheel("build", tmp_path, "--json", "--out", out), 3)
    assert "no pyproject.toml" in error["what"]
    assert "jupyter wasmwheel new" in error["fix"]


def test_build_rejects_missing_source(wasmwheel: Command, out: Path) -> None:
    error = error_of(wasmwheel("build", "rpds-py", "--json", "--out", out), 3)
    assert "pypi:rpds-py" in error["fix"]


def test_build_rejects_crate_without_python_bindings(
    wasmwheel: Command, crate: Path, out: Path
) -> None:
    manifest = crate / "Cargo.toml"
    manifest.write_text(manifest.read_text().replace('pyo3 = "0.30"', ""))
    error = error_of(wasmwheel("build", crate, "--json", "--out", out), 3)
    assert "without Python bindings" in error["what"]
    (crate / "pyproject.toml").unlink()
    error = error_of(wasmwheel("build", crate, "--json", "--out", out), 3)
    assert "without Python bindings" in error["what"]


def test_compile_error_names_file_of_user(wasmwheel: Command, crate: Path, out: Path) -> None:
    source = crate / "src/lib.rs"
    source.write_text(source.read_text().replace("Ok(a)", "Ok(a + nothing)"))
    ran = wasmwheel("build", crate, "--events", "--profile", "draft", "--out", out)
    assert ran.status == 5
    line = next(n for n, text in enumerate(source.read_text().splitlines(), 1) if "nothing" in text)
    (found,) = (e for e in ran.events if e["kind"] == "diagnostic" and e["code"] == "E0425")
    assert (found["level"], found["file"], found["line"]) == ("error", str(source), line)
    assert "cannot find value `nothing`" in found["rendered"]
    assert f"--> {source}:{line}:" in found["rendered"]
    assert ran.events[-1]["kind"] == "error"
    assert ran.events[-1]["what"] == "hello 0.1.0 did not compile: 1 problem."
    assert str(source) in ran.events[-1]["why"]


def test_build_explains_lock_file_with_unknown_version(
    wasmwheel: Command, crate: Path, tmp_path: Path, out: Path
) -> None:
    subprocess.run(["cargo", "generate-lockfile"], cwd=crate, check=True, capture_output=True)
    lock = crate / "Cargo.lock"
    lock.write_text(re.sub(r'(name = "heck"\nversion = )"[^"]*"', r'\1"0.5.999"', lock.read_text()))
    error = error_of(wasmwheel("build", crate, "--json", "--out", out), 3)
    assert "Cargo.lock" in error["what"]
    assert "heck" in error["why"]
    assert "--ignore-lock" in error["fix"]
    words = ("build", crate, "--json", "--profile", "draft", "--ignore-lock")
    assert wasmwheel(*words, "--out", tmp_path / "again").status == 0


def test_build_explains_misnamed_module(wasmwheel: Command, crate: Path, out: Path) -> None:
    source = crate / "src/lib.rs"
    source.write_text(source.read_text().replace("mod hello {", "mod goodbye {"))
    words = ("build", crate, "--json", "--profile", "draft", "--out", out)
    error = error_of(wasmwheel(*words), 6)
    assert "PyInit_goodbye" in error["why"]
    assert "PyInit_hello" in error["why"] + error["fix"]


def test_build_explains_missing_rust_toolchain(wasmwheel: Command, crate: Path, out: Path) -> None:
    (crate / "rust-toolchain.toml").write_text('[toolchain]\nchannel = "1.94.1"\n')
    error = error_of(wasmwheel("build", crate, "--json", "--out", out), 4)
    assert "rust-toolchain" in error["what"]
    assert "1.94.1" in error["what"]


def test_build_explains_missing_rust(
    wasmwheel: Command, crate: Path, out: Path, tmp_path: Path
) -> None:
    env = {
        "PATH": path_of_programs(tmp_path / "bin"),
        "RUSTUP_HOME": str(tmp_path / "none"),
    }
    error = error_of(wasmwheel("build", crate, "--json", "--out", out, env=env), 4)
    assert "Rust not found" in error["what"]
    assert "doctor --fix" in error["fix"]


@pytest.fixture(scope="session")
def debian_rust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of Debian's Rust 1.63, unpacked without being installed."""
    folder = tmp_path_factory.mktemp("old-rust")
    packages = ["rustc", "cargo", "libstd-rust-1.63", "libllvm14"]
    subprocess.run(["apt-get", "download", *packages], cwd=folder, check=True, capture_output=True)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True)
    return folder / "root/usr"


def test_build_explains_old_rust(
    wasmwheel: Command, crate: Path, out: Path, tmp_path: Path, debian_rust: Path
) -> None:
    (libraries,) = (path.parent for path in debian_rust.rglob("libLLVM-14.so.1"))
    env = {
        "PATH": str(debian_rust / "bin"),
        "LD_LIBRARY_PATH": str(libraries),
        "RUSTUP_HOME": str(tmp_path / "none"),
    }
    error = error_of(wasmwheel("build", crate, "--json", "--out", out, env=env), 4)
    assert "too old" in error["what"]
    assert "1.63.0" in error["why"]
    assert "1.93" in error["why"]


@pytest.fixture
def without_emcc(tmp_path: Path) -> dict[str, str]:
    """Return an environment without emcc on PATH."""
    folders = []
    for number, folder in enumerate(os.environ["PATH"].split(os.pathsep)):
        if (Path(folder) / "emcc").exists():
            mirror = tmp_path / f"bin{number}"
            mirror.mkdir()
            for program in Path(folder).iterdir():
                if not program.name.startswith("em"):
                    (mirror / program.name).symlink_to(program)
            folder = str(mirror)
        folders.append(folder)
    return {"PATH": os.pathsep.join(folders)}


def test_build_explains_missing_c_compiler(
    wasmwheel: Command, out: Path, without_emcc: dict[str, str]
) -> None:
    ran = wasmwheel("build", "pypi:orjson", "--json", "--out", out, env=without_emcc)
    error = error_of(ran, 4)
    assert error["what"].startswith("orjson compiles C")
    assert "doctor --fix emscripten" in error["fix"]


def test_build_succeeds_without_c_compiler_if_unneeded(
    wasmwheel: Command, tmp_path: Path, without_emcc: dict[str, str]
) -> None:
    words = ("build", "pypi:blake3", "--json", "--profile", "draft", "--out", tmp_path / "dist")
    ran = wasmwheel(*words, env=without_emcc)
    assert ran.status == 0, ran.stderr
    code = "import blake3; print(blake3.blake3(b'').hexdigest()[:8])"
    assert wasmwheel("smoke", ran.document["wheel"], "-c", code).stdout.strip() == "af1349b9"


def test_build_explains_missing_node(
    wasmwheel: Command, crate: Path, out: Path, tmp_path: Path
) -> None:
    env = {
        "PATH": path_of_programs(tmp_path / "bin", "rustc", "cargo"),
        "WASMWHEEL_HOME": str(tmp_path / "home"),
        "PIP_INDEX_URL": UNREACHABLE_URL,
        "PIP_DEFAULT_TIMEOUT": "2",
    }
    error = error_of(wasmwheel("build", crate, "--json", "--out", out, env=env), 4)
    assert "Node" in error["what"]
    assert "Node.js 20" in error["fix"]


def test_build_explains_unreachable_package_index(wasmwheel: Command, out: Path) -> None:
    env = {"PIP_INDEX_URL": UNREACHABLE_URL, "PIP_DEFAULT_TIMEOUT": "2", "PIP_FIND_LINKS": None}
    ran = wasmwheel("build", "pypi:rpds-py==0.0.1", "--json", "--out", out, env=env)
    assert error_of(ran, 3)["code"] == "index.unreachable"


def test_build_explains_unknown_package(wasmwheel: Command, out: Path) -> None:
    ran = wasmwheel("build", "pypi:rpds-py==0.0.0.1", "--json", "--out", out)
    assert "rpds-py==0.0.0.1" in error_of(ran, 3)["what"]


def test_build_explains_unreachable_crate_registry(
    wasmwheel: Command, crate: Path, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "cargo").mkdir()
    (tmp_path / "cargo/config.toml").write_text(
        '[source.crates-io]\nreplace-with = "nowhere"\n'
        f'[source.nowhere]\nregistry = "sparse+{UNREACHABLE_URL}"\n[net]\nretry = 0\n'
    )
    env = {"CARGO_HOME": str(tmp_path / "cargo")}
    error = error_of(wasmwheel("build", crate, "--json", "--out", out, env=env), 3)
    assert error["code"] == "crates.registry-unreachable"


def test_build_explains_full_disk(
    wasmwheel: Command, store: Store, crate: Path, out: Path, tmp_path: Path
) -> None:
    """Put the work folder on a file system of 30 MB, in a mount namespace."""
    full = tmp_path / "full"
    full.mkdir()
    command = [sys.executable, "-m", "jupyter_wasmwheel", "build", crate, "--json", "--out", out]
    script = 'mount -t tmpfs -o size=30m tmpfs "$0" && exec "$@"'
    unshared = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, full]
    done = subprocess.run(
        [*unshared, *command],
        env={**os.environ, "WASMWHEEL_HOME": str(full), "WASMWHEEL_PATH": str(store.home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    error = error_of(CommandOutput(done.returncode, done.stdout, done.stderr), 9)
    assert "disk is full" in error["what"]


def test_publish_rejects_wheel_for_other_target(
    wasmwheel: Command, starter_wheel: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    assert wasmwheel("site", "create", site, "--target", "2025_0").status == 0
    lock = (site / "static/pyodide/pyodide-lock.json").read_bytes()
    error = error_of(wasmwheel("site", "publish", site, starter_wheel, "--json"), 7)
    assert "pyemscripten_2026_0_wasm32" in error["why"]
    assert "pyemscripten_2025_0_wasm32" in error["why"]
    assert (site / "static/pyodide/pyodide-lock.json").read_bytes() == lock


def test_build_explains_missing_site(wasmwheel: Command, crate: Path, out: Path) -> None:
    ran = wasmwheel("build", crate, "--json", "--site", "nowhere", "--out", out)
    assert "site create" in error_of(ran, 7)["fix"]


def test_audit_and_smoke_reject_truncated_wheel(
    wasmwheel: Command, starter_wheel: Path, tmp_path: Path
) -> None:
    short = tmp_path / starter_wheel.name
    short.write_bytes(starter_wheel.read_bytes()[:-1000])
    for command in ("audit", "smoke"):
        assert "is not a wheel" in error_of(wasmwheel(command, short, "--json"), 6)["what"]


@pytest.mark.parametrize("name", ["../up", "a b", "it's", 'a"b', "", "..", "a/b", "-x", "class"])
def test_new_rejects_invalid_name(wasmwheel: Command, tmp_path: Path, name: str) -> None:
    words = ("new", "--json", "--", name)
    error_of(wasmwheel(*words, cwd=tmp_path), 2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a b", "it's", 'a"b', ".."])
def test_site_create_rejects_invalid_name(wasmwheel: Command, name: str) -> None:
    error_of(wasmwheel("site", "create", name, "--json"), 2)


@pytest.mark.parametrize(
    "text", ["pypi:../x", "pypi:a b", "pypi:'x'", "pypi:", "pypi:a @ file:///x"]
)
def test_build_rejects_invalid_package_name(wasmwheel: Command, text: str) -> None:
    error_of(wasmwheel("build", text, "--json"), 2)


def test_build_rejects_conflicting_options(wasmwheel: Command, crate: Path) -> None:
    ran = wasmwheel("build", crate, "--json", "--events")
    assert ran.status == 2
    assert "--json and --events cannot be combined" in ran.stderr
    assert wasmwheel("build", crate, "--json", "--target", "2024_0").status == 2
    assert wasmwheel("build", crate, "--json", "--nonsense").status == 2


@pytest.mark.parametrize("phase", ["toolchain", "compile"])
def test_interrupted_build_leaves_no_process_or_partial_file(
    store: Store, crate: Path, out: Path, tmp_path: Path, phase: str
) -> None:
    home = tmp_path / "home"
    shared = {} if phase == "toolchain" else {"WASMWHEEL_PATH": str(store.home)}
    # With an argument for cargo, no seed fits, and pyo3 is compiled.
    words = ["build", crate, "--events", "--cargo-arg=--verbose", "--out", out]
    child = subprocess.Popen(
        [sys.executable, "-m", "jupyter_wasmwheel", *words],
        env={**os.environ, "WASMWHEEL_HOME": str(home), **shared},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout
    phases = []
    for line in child.stdout:
        if '"kind": "phase"' in line:
            phases.append(line)
        if '"kind": "progress"' in line and '"done": 3' in line and f'"{phase}"' in phases[-1]:
            break
    assert processes_in(home)
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=20)
    assert child.returncode == 130
    assert '"code": "run.canceled"' in rest.splitlines()[-1]
    deadline = time.monotonic() + 5
    while processes_in(home) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not processes_in(home)
    assert not (home / "sysroots").exists()
    assert not list((home / "staging").glob("*"))
