"""Installing Rust with rustup and Emscripten with emsdk, and what can go wrong.

rustup is the real one, with a local server. emsdk is the real one where its repository can be
fetched (WASMWHEEL_EMSDK may name a copy), and a stand-in with its two commands elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel import config
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.runtime.targets import TRIPLE
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import emcc, emscripten, emsdk
from jupyter_wasmwheel.toolchain import rust as rusts
from jupyter_wasmwheel.toolchain import sysroot as sysroots
from jupyter_wasmwheel.toolchain.toolchain import choose_linker
from tests.fixtures import emsdk_repository, rust_distribution
from tests.fixtures.commands import UNREACHABLE_URL, Command, error_of, path_of_programs
from tests.fixtures.download_server import DownloadServer, serving

TARGET = targets.find(targets.default_abi())
HOST = "x86_64-unknown-linux-gnu"

#: The number of files that makes unpacking slow enough to be killed.
MANY = 5_000

#: The programs on the machines of these tests, without Rust and Emscripten.
PROGRAMS = ("git", "tar", "xz", "gzip", "sh", "dirname", "readlink", "cat", "cp", "env")


@dataclass(frozen=True)
class Machine:
    """A machine without compilers: its store, and its environment variables."""

    store: Store
    env: dict[str, str]

    @property
    def left(self) -> list[Path]:
        """Return what is still staged."""
        return list((self.store.home / "staging").glob("*"))

    def staged(self, name: str) -> bool:
        """Return whether a file of this name is being staged."""
        with contextlib.suppress(FileNotFoundError):  # folders come and go meanwhile
            return next((self.store.home / "staging").rglob(name), None) is not None
        return False


@pytest.fixture(scope="module")
def fetched(wasmwheel: Command, store: Store) -> Store:
    """Return the store of the whole run, with everything from registries."""
    assert wasmwheel("doctor", "--fix").status == 0
    return store


@pytest.fixture
def machine(tmp_path: Path, fetched: Store) -> Machine:
    """Create a machine with rustup, where available, but without Rust."""
    there = [name for name in ("rustup", "node", "npm") if shutil.which(name)]
    env = {
        "PATH": path_of_programs(tmp_path / "bin", *PROGRAMS, *there),
        "WASMWHEEL_HOME": str(tmp_path / "home"),
        "WASMWHEEL_PATH": str(fetched.home),
        "RUSTUP_HOME": str(tmp_path / "theirs"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "settings"),
    }
    return Machine(Store(home=tmp_path / "home"), env)


def make_impatient(machine: Machine) -> None:
    """Configure how long a server may be silent."""
    settings = Path(machine.env["JUPYTER_CONFIG_DIR"])
    settings.mkdir()
    document = json.dumps({"Wasmwheel": {"download_timeout": 5}})
    (settings / "jupyter_wasmwheel_config.json").write_text(document)


def kill_when(met: Callable[[], bool], machine: Machine, *words: str) -> None:
    """Start a run, and kill it once a condition is met."""
    run = subprocess.Popen(
        [sys.executable, "-m", "jupyter_wasmwheel", *words],
        env={**os.environ, **machine.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + 120
    while not met():
        assert run.poll() is None, run.communicate()[0].decode()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    run.kill()
    run.communicate()
    assert run.returncode == -signal.SIGKILL


# Rust


# Debian has no package of rustup, so `make test` does not need it.
@pytest.fixture(scope="module", params=[pytest.param("rustup", marks=pytest.mark.slow)])
def rust_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DownloadServer]:
    """Serve a distribution with small Rusts: stable, nightly, and one that is too old."""
    assert shutil.which("rustup"), "there is no rustup on PATH"
    root = tmp_path_factory.mktemp("dist")
    with serving(root) as server:
        for channel, version in (("stable", "1.96.0"), ("nightly", "1.97.0-nightly")):
            parts = rust_distribution.small(root / channel, version, HOST, MANY)
            rust_distribution.publish(root, server.url, channel, version, HOST, parts)
        parts = rust_distribution.small(root / "old/parts", "1.80.0", HOST, 0)
        url = f"{server.url}/old"
        rust_distribution.publish(root / "old", url, "stable", "1.80.0", HOST, parts)
        yield server


@pytest.fixture
def rust(machine: Machine, rust_server: DownloadServer) -> Iterator[DownloadServer]:
    """Point rustup to that server."""
    machine.env["RUSTUP_DIST_SERVER"] = rust_server.url
    yield rust_server
    rust_server.release()


def test_rust_install_changes_nothing_of_user(
    wasmwheel: Command, machine: Machine, rust: DownloadServer
) -> None:
    found = wasmwheel("doctor", "--json", env=machine.env).document["findings"][0]
    assert (found["part"], found["state"], found["mend"]) == ("Rust", "missing", [])
    assert "`jupyter wasmwheel doctor --fix`" in found["fix"]

    ran = wasmwheel("doctor", "--fix", "--events", env=machine.env)
    assert ran.status == 0, ran.stderr
    labels = [event["label"] for event in ran.events if event["kind"] == "progress"]
    assert any(label.startswith("downloading") for label in labels), labels
    found = ran.events[-1]["report"]["findings"][0]
    assert (found["state"], found["mend"]) == ("ok", None)
    assert "Rust 1.96.0 (installed by jupyter-wasmwheel, stable-" in found["text"]
    assert not Path(machine.env["RUSTUP_HOME"]).exists()
    assert not machine.left


@pytest.mark.slow
def test_rust_install_of_nightly_succeeds(
    wasmwheel: Command, machine: Machine, rust: DownloadServer
) -> None:
    ran = wasmwheel("doctor", "--fix", "nightly", "--json", env=machine.env)
    assert ran.status == 0, ran.stderr
    assert "Rust 1.97.0 (installed by jupyter-wasmwheel, nightly-" in ran.stdout


def test_rustup_killed_during_download_is_recovered(
    wasmwheel: Command, machine: Machine, rust: DownloadServer
) -> None:
    rust.hold("rust-src")
    kill_when(rust.half_sent.is_set, machine, "doctor", "--fix")
    assert machine.left
    rust.release()
    ran = wasmwheel("doctor", "--fix", "--json", env=machine.env)
    assert ran.status == 0, ran.stderr
    assert not machine.left


@pytest.mark.slow
def test_rustup_killed_during_unpacking_is_recovered(
    wasmwheel: Command, machine: Machine, rust: DownloadServer
) -> None:
    kill_when(lambda: machine.staged("library"), machine, "doctor", "--fix")
    assert not (machine.store.home / "rustup").exists()
    ran = wasmwheel("doctor", "--fix", "--json", env=machine.env)
    assert ran.status == 0, ran.stderr
    (sources,) = (machine.store.home / "rustup").rglob("library")
    assert len(list(sources.glob("file-*.rs"))) == MANY
    assert not machine.left


def test_stalled_rust_server_times_out(
    wasmwheel: Command, machine: Machine, rust: DownloadServer
) -> None:
    make_impatient(machine)
    rust.hold("rustc-")
    error = error_of(wasmwheel("doctor", "--fix", "--json", env=machine.env), 4)
    assert "rustup could not install Rust" in error["what"]
    assert "nothing for 5 s" in error["why"]
    assert "apt-get install rustc-web" in error["fix"]
    assert not machine.left


@pytest.mark.parametrize(
    ("name", "said"),
    [("channel-rust-stable.toml", "Please log in"), ("rust-std-wasm32", "checksum failed")],
)
def test_invalid_rust_download_is_rejected(
    wasmwheel: Command, machine: Machine, rust: DownloadServer, name: str, said: str
) -> None:
    rust.garble(name)
    error = error_of(wasmwheel("doctor", "--fix", "--json", env=machine.env), 4)
    assert "rustup could not install Rust" in error["what"]
    assert said in error["why"]
    assert not machine.left


def test_unreachable_rust_server_is_reported(
    wasmwheel: Command, machine: Machine, rust: DownloadServer
) -> None:
    machine.env["RUSTUP_DIST_SERVER"] = UNREACHABLE_URL.rstrip("/")
    error = error_of(wasmwheel("doctor", "--fix", "--json", env=machine.env), 4)
    assert "rustup could not install Rust" in error["what"]
    assert UNREACHABLE_URL in error["why"]


def test_too_old_rust_download_is_rejected(
    wasmwheel: Command, machine: Machine, rust: DownloadServer
) -> None:
    machine.env["RUSTUP_DIST_SERVER"] = f"{rust.url}/old"
    error = error_of(wasmwheel("doctor", "--fix", "--json", env=machine.env), 4)
    assert "too old" in error["why"]
    assert f"{rust.url}/old" in error["fix"]
    assert not (machine.store.home / "rustup").exists()


def test_missing_rustup_is_reported(wasmwheel: Command, machine: Machine) -> None:
    (Path(machine.env["PATH"]) / "rustup").unlink(missing_ok=True)
    found = wasmwheel("doctor", "--json", env=machine.env).document["findings"][0]
    assert (found["state"], found["mend"]) == ("missing", None)
    assert "https://rustup.rs" in found["fix"]
    error = error_of(wasmwheel("doctor", "--fix", "--json", env=machine.env), 4)
    assert "rustup is required" in error["what"]


@pytest.mark.slow
def test_installed_rust_builds_crate(
    wasmwheel: Command, machine: Machine, store: Store, crate: Path, tmp_path: Path
) -> None:
    """Serve the machine's Rust to rustup, with a prebuilt std for the target."""
    assert shutil.which("rustup"), "there is no rustup on PATH"
    candidates = [rusts.assess(each, TARGET, None) for each in rusts.installed(store)]
    ours = rusts.choose(candidates, TARGET, None).rust
    sysroot = sysroots.ensure_sysroot(ours, TARGET, store, ignore).folder or ours.sysroot
    parts = rust_distribution.repacked(
        tmp_path / "parts",
        ours,
        sysroot / "lib/rustlib" / TRIPLE / "lib",
        choose_linker(ours, machine.store).program,
    )
    path_of_programs(tmp_path / "bin", "cc", "ld", "as")
    with serving(tmp_path / "dist") as server:
        root = tmp_path / "dist"
        rust_distribution.publish(root, server.url, "stable", ours.version, ours.host, parts)
        env = machine.env | {"RUSTUP_DIST_SERVER": server.url}
        fixed = wasmwheel("doctor", "--fix", "--json", env=env)
        assert fixed.status == 0, fixed.stderr
    ran = wasmwheel("build", crate, "--json", "--out", tmp_path / "out", env=machine.env)
    assert ran.status == 0, ran.stderr
    report = ran.document
    assert "installed by jupyter-wasmwheel, stable-" in report["toolchain"]["std"]
    assert report["toolchain"]["std"].startswith("prebuilt")
    assert report["smoke"]["ok"]


# Emscripten


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DownloadServer]:
    """Serve the target's Emscripten release and its parts."""
    root = tmp_path_factory.mktemp("releases")
    for name, version in (("good", TARGET.emscripten), ("other", "1.2.3")):
        emsdk_repository.publish(root, name, version, MANY)
    with serving(root) as server:
        yield server


@pytest.fixture(
    scope="module",
    params=["stand-in", pytest.param("real", marks=[pytest.mark.slow, pytest.mark.network])],
)
def emsdk_program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the text of emsdk.py: a stand-in, or the real one where it can be fetched."""
    if request.param == "stand-in":
        return emsdk_repository.FAKE_EMSDK.read_text()
    folder = tmp_path_factory.mktemp("emsdk")
    address, revision = emsdk.split_revision(config.load().downloads().emsdk)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    fetching = ["git", "fetch", "--quiet", "--depth", "1", address, revision]
    subprocess.run(fetching, cwd=folder, check=True, timeout=120)
    shown = ["git", "show", "FETCH_HEAD:emsdk.py"]
    return subprocess.run(shown, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path: Path, emsdk_program: str, releases: DownloadServer) -> Path:
    """Create a git repository of that emsdk, whose manifest names the server's archives."""
    return emsdk_repository.make(
        tmp_path / "emsdk.git", emsdk_program, releases.url, "good", TARGET
    )


@pytest.fixture
def emsdk_server(
    machine: Machine, repository: Path, releases: DownloadServer
) -> Iterator[DownloadServer]:
    """Serve the releases, and configure the repository."""
    machine.env["WASMWHEEL_EMSDK"] = f"{repository}@main"
    yield releases
    releases.release()


INSTALL = ("doctor", "--fix", "emscripten")


def c_compiler(document: dict[str, Any]) -> dict[str, Any]:
    """Return the doctor's finding about the C compiler."""
    (found,) = (each for each in document["findings"] if each["part"] == "C compiler")
    return dict(found)


def assert_emscripten(machine: Machine) -> None:
    """Check that Emscripten is in the store and compiles from there."""
    found = emscripten.find(machine.store, TARGET)
    assert found
    assert found.version == TARGET.emscripten
    folder = machine.store.home / emscripten.key(TARGET) / emcc.IN_EMSDK
    assert found.folder == folder
    module = machine.store.home / "x.o"
    env = emcc.environment(folder)
    subprocess.run([folder / "emcc", "-c", "x.c", "-o", module, "-O2"], env=env, check=True)
    assert module.read_bytes() == b"\0asm"
    assert not machine.left


def test_emscripten_is_installed_by_emsdk(
    wasmwheel: Command, machine: Machine, emsdk_server: DownloadServer
) -> None:
    found = c_compiler(wasmwheel("doctor", "--json", env=machine.env).document)
    assert (found["state"], found["mend"]) == ("optional", ["emscripten"])
    assert "`jupyter wasmwheel doctor --fix emscripten`" in found["fix"]

    ran = wasmwheel(*INSTALL, "--events", env=machine.env)
    assert ran.status == 0, ran.stderr
    progress = [event for event in ran.events if event["kind"] == "progress"]
    assert "downloading wasm-binaries.tar.xz" in str(progress)
    assert any(event["total"] for event in progress)
    assert_emscripten(machine)
    found = c_compiler(ran.events[-1]["report"])
    assert (found["state"], found["mend"]) == ("ok", None)
    assert "installed by jupyter-wasmwheel" in found["text"]


def test_emsdk_killed_during_download_is_recovered(
    wasmwheel: Command, machine: Machine, emsdk_server: DownloadServer
) -> None:
    emsdk_server.hold("wasm-binaries")
    kill_when(emsdk_server.half_sent.is_set, machine, *INSTALL)
    emsdk_server.release()
    ran = wasmwheel(*INSTALL, "--json", env=machine.env)
    assert ran.status == 0, ran.stderr
    assert_emscripten(machine)


@pytest.mark.slow
def test_emsdk_killed_during_unpacking_is_recovered(
    wasmwheel: Command, machine: Machine, emsdk_server: DownloadServer
) -> None:
    kill_when(lambda: machine.staged("file-1"), machine, *INSTALL)
    assert not (machine.store.home / "emsdk").exists()
    ran = wasmwheel(*INSTALL, "--json", env=machine.env)
    assert ran.status == 0, ran.stderr
    assert_emscripten(machine)
    folder = machine.store.home / emscripten.key(TARGET) / emcc.IN_EMSDK
    assert len(list((folder / "cache").glob("file-*"))) == MANY


def test_stalled_emsdk_server_times_out(
    wasmwheel: Command, machine: Machine, emsdk_server: DownloadServer
) -> None:
    make_impatient(machine)
    emsdk_server.hold("wasm-binaries")
    error = error_of(wasmwheel(*INSTALL, "--json", env=machine.env), 4)
    assert f"emsdk could not install Emscripten {TARGET.emscripten}" in error["what"]
    assert "nothing for 5 s" in error["why"]
    assert f"{emsdk_server.url}/good/wasm-binaries.tar.xz" in error["why"]
    assert not machine.left


def test_invalid_emsdk_download_is_rejected(
    wasmwheel: Command, machine: Machine, emsdk_server: DownloadServer
) -> None:
    emsdk_server.garble("wasm-binaries")
    error = error_of(wasmwheel(*INSTALL, "--json", env=machine.env), 4)
    assert "emsdk could not install" in error["what"]
    assert not (machine.store.home / "emsdk").exists()
    assert not machine.left


def test_emscripten_of_other_version_is_rejected(
    wasmwheel: Command,
    machine: Machine,
    releases: DownloadServer,
    emsdk_program: str,
    tmp_path: Path,
) -> None:
    other = emsdk_repository.make(
        tmp_path / "other.git", emsdk_program, releases.url, "other", TARGET
    )
    machine.env["WASMWHEEL_EMSDK"] = str(other)
    error = error_of(wasmwheel(*INSTALL, "--json", env=machine.env), 4)
    assert f"did not install Emscripten {TARGET.emscripten}" in error["what"]
    assert "1.2.3" in error["why"]


def test_unreachable_emsdk_error_names_repository(
    wasmwheel: Command, machine: Machine, tmp_path: Path
) -> None:
    machine.env["WASMWHEEL_EMSDK"] = f"{tmp_path}/nowhere.git@0123abc"
    error = error_of(wasmwheel(*INSTALL, "--json", env=machine.env), 4)
    assert "Could not fetch emsdk" in error["what"]
    assert f"git clone {tmp_path}/nowhere.git" in error["fix"]
    assert "git checkout 0123abc" in error["fix"]
    assert f"./emsdk install {TARGET.emscripten}" in error["fix"]
    assert str(machine.store.home / emscripten.key(TARGET)) in error["fix"]
    assert not machine.left


def test_missing_git_for_emsdk_is_reported(wasmwheel: Command, machine: Machine) -> None:
    (Path(machine.env["PATH"]) / "git").unlink()
    error = error_of(wasmwheel(*INSTALL, "--json", env=machine.env), 4)
    assert "git is required" in error["what"]
