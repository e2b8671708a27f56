"""The toolchain: the choice of a Rust, cargo's configuration, and the calls of Emscripten."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import Retry, ToolchainError
from jupyter_wasmwheel.api.requests import BuildRequest, changed, parse
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.toolchain import rust
from jupyter_wasmwheel.toolchain.rust import Rust, RustRequirement

TARGET = targets.find("2026_0")

# Rust


@pytest.fixture
def toolchains(tmp_path: Path) -> list[Rust]:
    """Return Rusts that differ in version and channel, all of them with std's sources."""
    return [
        toolchain(tmp_path / "1", "1.90.0", "rustup, 1.90.0"),
        toolchain(tmp_path / "2", "1.95.0", "rustup, stable"),
        toolchain(tmp_path / "3", "1.97.0", "rustup, nightly", channel="nightly"),
        toolchain(tmp_path / "4", "1.96.0", "the system's, /usr/bin/rustc"),
    ]


def toolchain(sysroot: Path, version: str, origin: str, *, channel: str = "stable") -> Rust:
    (sysroot / "lib/rustlib/src/rust/library/std").mkdir(parents=True)
    (sysroot / "lib/rustlib/src/rust/library/std/Cargo.toml").touch()
    return Rust(
        rustc=sysroot / "bin/rustc",
        cargo=sysroot / "bin/cargo",
        version=version,
        channel=channel,
        commit="unknown",
        host="x86_64-unknown-linux-gnu",
        llvm=22,
        sysroot=sysroot,
        origin=origin,
    )


def choose(found: list[Rust], wanted: RustRequirement | None) -> Rust:
    return rust.choose([rust.assess(each, TARGET, wanted) for each in found], TARGET, wanted).rust


@pytest.mark.parametrize(
    ("option", "file", "version"),
    [
        ("project", None, "1.97.0"),
        ("project", "1.95", "1.95.0"),
        ("project", "1.95.0-x86_64-unknown-linux-gnu", "1.95.0"),
        ("auto", "1.85.0", "1.97.0"),
        ("system", "1.85.0", "1.96.0"),
        ("1.96", "nightly", "1.96.0"),
        ("nightly", "1.85.0", "1.97.0"),
    ],
)
def test_option_overrides_rust_toolchain_file(
    toolchains: list[Rust], option: str, file: str | None, version: str
) -> None:
    assert choose(toolchains, rust.required(option, file)).version == version


@pytest.mark.parametrize("channel", ["1.85.0", "1.90", "1.92.0-x86_64-unknown-linux-gnu"])
def test_channel_too_old_for_pyodide_is_rejected_and_retry_ignores_it(
    toolchains: list[Rust], channel: str
) -> None:
    with pytest.raises(ToolchainError) as caught:
        choose(toolchains, rust.required("project", channel))
    assert caught.value.info.code == "rust.channel-too-old"
    assert "rustup toolchain install" not in caught.value.fix
    (remedy,) = caught.value.info.remedies
    assert isinstance(remedy, Retry)
    posted = {"kind": "build", "source": "hello"}
    again = parse(changed(posted, remedy.changes), BuildRequest)
    assert choose(toolchains, rust.required(again.rust, channel)).version == "1.97.0"


@pytest.mark.parametrize(
    ("option", "file", "command"),
    [
        ("project", "1.94.1", "rustup toolchain install 1.94.1"),
        ("1.99", None, "rustup toolchain install 1.99"),
        ("system", None, "apt-get install"),
    ],
)
def test_missing_channel_is_explained(
    toolchains: list[Rust], option: str, file: str | None, command: str
) -> None:
    with pytest.raises(ToolchainError) as caught:
        choose(toolchains[:3], rust.required(option, file))
    assert caught.value.info.code == "rust.channel-missing"
    assert command in caught.value.fix
    assert "--rust auto" in caught.value.fix


def test_channel_too_old_without_other_rust_names_installation(toolchains: list[Rust]) -> None:
    with pytest.raises(ToolchainError) as caught:
        choose(toolchains[:1], rust.required("project", "1.90.0"))
    assert caught.value.info.code == "rust.channel-too-old"
    assert "doctor --fix" in caught.value.fix
