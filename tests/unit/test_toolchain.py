"""The toolchain: the choice of a Rust, cargo's configuration, and the calls of Emscripten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from jupyter_wasmwheel.api.errors import Retry, ToolchainError
from jupyter_wasmwheel.api.requests import BuildRequest, changed, parse
from jupyter_wasmwheel.project import manifest, starter
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.runtime.targets import TRIPLE
from jupyter_wasmwheel.toolchain import cargo_config, emcc, remap, rust
from jupyter_wasmwheel.toolchain.cargo_config import Rustflags
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


@pytest.mark.parametrize(
    "channel", ["1.85.0", "1.90", "1.92.0-x86_64-unknown-linux-gnu", "nightly-2025-02-01"]
)
def test_channel_too_old_for_pyodide_is_rejected_and_retry_ignores_it(
    toolchains: list[Rust], channel: str
) -> None:
    toolchains = [each for each in toolchains if each.channel != "nightly"]
    with pytest.raises(ToolchainError) as caught:
        choose(toolchains, rust.required("project", channel))
    assert caught.value.info.code == "rust.channel-too-old"
    assert "rustup toolchain install" not in caught.value.fix
    (remedy,) = caught.value.info.remedies
    assert isinstance(remedy, Retry)
    assert remedy.changes == rust.IGNORE_FILE
    posted = {"kind": "build", "source": "hello"}
    again = parse(changed(posted, remedy.changes), BuildRequest)
    assert choose(toolchains, rust.required(again.rust, channel)).version == "1.96.0"


@pytest.mark.parametrize(
    ("option", "file", "command"),
    [
        ("project", "1.94.1", "rustup toolchain install 1.94.1"),
        ("project", "nightly-2025-11-01", "rustup toolchain install nightly-2025-11-01"),
        ("1.99", None, "rustup toolchain install 1.99"),
        ("system", None, "apt-get install"),
    ],
)
def test_missing_channel_is_explained(
    toolchains: list[Rust], option: str, file: str | None, command: str
) -> None:
    with pytest.raises(ToolchainError) as caught:
        choose(toolchains[:2], rust.required(option, file))
    assert caught.value.info.code == "rust.channel-missing"
    assert command in caught.value.fix
    assert "--rust auto" in caught.value.fix


def test_channel_too_old_without_other_rust_names_installation(toolchains: list[Rust]) -> None:
    with pytest.raises(ToolchainError) as caught:
        choose(toolchains[:1], rust.required("project", "1.90.0"))
    assert caught.value.info.code == "rust.channel-too-old"
    assert "doctor --fix" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "text", "channel"),
    [
        ("rust-toolchain.toml", '[toolchain]\nchannel = "1.85.0"\n', "1.85.0"),
        ("rust-toolchain", '[toolchain]\nchannel = "nightly-2025-02-01"\n', "nightly-2025-02-01"),
        ("rust-toolchain", "1.85.0\n", "1.85.0"),
        ("rust-toolchain.toml", '[toolchain]\ncomponents = ["clippy"]\n', None),
    ],
)
def test_rust_toolchain_file_above_project_counts_unless_source_is_fetched(
    tmp_path: Path, name: str, text: str, channel: str | None
) -> None:
    crate = starter.create("hello", tmp_path / "repository/python")
    (tmp_path / "repository" / name).write_text(text)
    assert manifest.read(crate).channel == channel
    assert manifest.read(crate, crate).channel is None
    (crate / "rust-toolchain.toml").write_text('[toolchain]\nchannel = "1.96"\n')
    assert manifest.read(crate).channel == "1.96"


# Cargo's configuration


@pytest.fixture
def real_rust(tmp_path: Path) -> Rust:
    """Return a Rust whose rustc declares the target's `cfg`; any can do that."""
    program = shutil.which("rustc")
    assert program
    made = toolchain(tmp_path / "sysroot", "1.96.0", "the system's")
    return replace(made, rustc=Path(program))


def configured(folder: Path, files: dict[str, str]) -> Path:
    """Return a folder with configuration files, by their folders in it."""
    for name, text in files.items():
        path = folder / name / ".cargo/config.toml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return folder / "repository/python"


def flags_of(
    folder: Path, real_rust: Rust, environ: dict[str, str] | None = None, *arguments: str
) -> Rustflags:
    environ = {"CARGO_HOME": str(folder / "no-home"), **(environ or {})}
    return cargo_config.read(folder, real_rust, environ, arguments)


WITH_CFG = '[build]\nrustflags = ["--cfg", "with_extra"]\n'


@pytest.mark.parametrize(
    ("text", "used"),
    [
        (WITH_CFG, ["--cfg", "with_extra"]),
        ('[build]\nrustflags = "--cfg with_extra -Wunused"\n', ["--cfg", "with_extra", "-Wunused"]),
        (f'[target.{TRIPLE}]\nrustflags = ["-Copt-level=s"]\n', ["-Copt-level=s"]),
        ('[target.\'cfg(target_os = "emscripten")\']\nrustflags = ["-g"]\n', ["-g"]),
        (
            "[target.'cfg(all(unix, not(any(windows, target_arch = \"x86_64\"))))']\n"
            'rustflags = ["-g"]\n',
            ["-g"],
        ),
        ('[target.\'cfg(target_arch = "x86_64")\']\nrustflags = ["-g"]\n', []),
        ("[target.'cfg(all(']\nrustflags = [\"-g\"]\n", []),
        ("rustflags = [", []),
    ],
)
def test_flags_of_project_are_joined(
    tmp_path: Path, real_rust: Rust, text: str, used: list[str]
) -> None:
    found = flags_of(configured(tmp_path, {"repository/python": text}), real_rust)
    assert [*found.used] == used
    assert found.ignored == ()


@pytest.mark.parametrize(
    ("table", "flag", "reason"),
    [
        (f"target.{TRIPLE}", "-C link-arg=-sSIDE_MODULE=2", cargo_config.SET_FOR_PYODIDE),
        (f"target.{TRIPLE}", "-C link-args=-sWASM_BIGINT -O2", cargo_config.SET_FOR_PYODIDE),
        (f"target.{TRIPLE}", "-Z link-native-libraries=no", cargo_config.SET_FOR_PYODIDE),
        (f"target.{TRIPLE}", "-Zemscripten-wasm-eh", cargo_config.SET_FOR_PYODIDE),
        (f"target.{TRIPLE}", "-Crelocation-model=static", cargo_config.SET_FOR_PYODIDE),
        ("build", "-Zshare-generics", cargo_config.REQUIRES_NIGHTLY),
        ("build", "-C target-cpu=native", cargo_config.FOR_OTHER_MACHINE),
        ("build", "-Ctarget-feature=+crt-static", cargo_config.FOR_OTHER_MACHINE),
        ("build", "-Clink-arg=-fuse-ld=mold", cargo_config.FOR_OTHER_MACHINE),
        ("build", "-L /usr/local/lib", cargo_config.FOR_OTHER_MACHINE),
        ("build", "-C linker=clang", cargo_config.SET_FOR_PYODIDE),
    ],
)
def test_flag_that_does_not_suit_target_is_ignored_with_note(
    tmp_path: Path, real_rust: Rust, table: str, flag: str, reason: str
) -> None:
    words = flag.split(" ", 1)
    text = f"[{table}]\nrustflags = {words!r}\n"
    folder = configured(tmp_path, {"repository/python": text})
    found = flags_of(folder, replace(real_rust, channel="stable"))
    assert found.used == ()
    (note,) = found.notes(str)
    assert note == f"Ignoring `{flag}` of {folder / '.cargo/config.toml'}: {reason}."


@pytest.mark.parametrize("table", ["build", f"target.{TRIPLE}"])
def test_flags_of_nightly_and_webassembly_are_used(
    tmp_path: Path, real_rust: Rust, table: str
) -> None:
    words = ["-Zshare-generics", "-Ctarget-cpu=generic", "-Ctarget-feature=+simd128,-multivalue"]
    folder = configured(tmp_path, {"repository/python": f"[{table}]\nrustflags = {words!r}\n"})
    assert [*flags_of(folder, replace(real_rust, channel="nightly")).used] == words


def test_configuration_above_is_used_first(tmp_path: Path, real_rust: Rust) -> None:
    files = {
        "repository/python": '[build]\nrustflags = ["--cfg=own"]\n',
        "repository": '[build]\nrustflags = ["--cfg=above"]\n',
    }
    folder = configured(tmp_path, files)
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text('[build]\nrustflags = ["--cfg=home", "-Ctarget-cpu=native"]')
    found = flags_of(folder, real_rust, {"CARGO_HOME": str(home)}, "--config=build.rustflags='-g'")
    assert found.used == ("--cfg=home", "--cfg=above", "--cfg=own", "-g")
    assert [each.origin for each in found.ignored] == [home / "config.toml"]


def test_included_configuration_is_used_before_its_file(tmp_path: Path, real_rust: Rust) -> None:
    text = 'include = ["more.toml", {path = "none.toml", optional = true}]\n'
    folder = configured(
        tmp_path, {"repository/python": f"{text}[build]\nrustflags = '--cfg=own'\n"}
    )
    more = 'include = "config.toml"\n[build]\nrustflags = ["--cfg=more"]\n'
    (folder / ".cargo/more.toml").write_text(more)
    assert flags_of(folder, real_rust).used == ("--cfg=more", "--cfg=own")


@pytest.mark.parametrize(
    ("environ", "used"),
    [
        ({"RUSTFLAGS": "--cfg mine"}, ("--cfg", "mine")),
        ({"CARGO_ENCODED_RUSTFLAGS": "--cfg\x1fmine"}, ("--cfg", "mine")),
        ({"CARGO_BUILD_RUSTFLAGS": "-g"}, ("--cfg", "with_extra", "-g")),
        ({"RUSTFLAGS": "-Ctarget-cpu=native"}, ("--cfg", "with_extra")),
    ],
)
def test_flags_of_user_precede_those_of_project(
    tmp_path: Path, real_rust: Rust, environ: dict[str, str], used: tuple[str, ...]
) -> None:
    folder = configured(tmp_path, {"repository/python": WITH_CFG})
    found = flags_of(folder, real_rust, environ)
    assert found.used == used
    assert bool(found.ignored) == ("RUSTFLAGS" in str(environ) and "BUILD" not in str(environ))


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        (f'[target.{TRIPLE}]\nlinker = "emcc"\n', "linker"),
        ('[build]\ntarget = "x86_64-unknown-linux-musl"\n', "build.target"),
        ('[unstable]\nbuild-std = ["std"]\n', "[unstable]"),
    ],
)
def test_overridden_setting_is_noted(
    tmp_path: Path, real_rust: Rust, text: str, setting: str
) -> None:
    folder = configured(tmp_path, {"repository/python": text})
    found = flags_of(folder, replace(real_rust, channel="stable"))
    assert [each.setting for each in found.ignored] == [setting]


def test_user_configuration_changes_key_of_cached_wheel(tmp_path: Path) -> None:
    folder = configured(tmp_path, {"repository/python": '[env]\nA = "1"\n[net]\nretry = 1\n'})
    home = tmp_path / "home"
    home.mkdir()
    environ = {"CARGO_HOME": str(home)}
    assert cargo_config.influencing(folder, environ) == [{"env": {"A": "1"}}]
    (home / "config.toml").write_text("[profile.release]\ndebug = 1\n[net]\noffline = true\n")
    assert cargo_config.influencing(folder, environ) == [
        {"profile": {"release": {"debug": 1}}},
        {"env": {"A": "1"}},
    ]


# Emscripten


@pytest.mark.parametrize(
    ("arguments", "is_renamed"), [(["-v"], False), (["--version"], False), (["-c", "a.c"], True)]
)
def test_folders_are_renamed_only_where_emcc_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], is_renamed: bool
) -> None:
    program = tmp_path / "emcc"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n')
    program.chmod(0o755)
    monkeypatch.setenv(emcc.FOLDER, str(tmp_path))
    monkeypatch.setenv(remap.VARIABLE, "/home/you/hello=/source")
    assert emcc.call("emcc", arguments) == 0
    called = (tmp_path / "called").read_text()
    assert ("-ffile-prefix-map=/home/you/hello=/source" in called) == is_renamed
