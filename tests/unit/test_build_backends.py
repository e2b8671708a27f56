"""What manifests say of a build backend, and the programs that a build's PATH has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from jupyter_wasmwheel.api.errors import SourceError
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.build import backend, crate_fetcher
from jupyter_wasmwheel.build.plan import Plan
from jupyter_wasmwheel.process.limits import DEFAULT, ResourceMonitor
from jupyter_wasmwheel.project import copy, edits, manifest
from jupyter_wasmwheel.project.edits import Edits
from jupyter_wasmwheel.toolchain import (
    cargo_wrapper,
    compiler_shims,
    linker,
    maturin_wrapper,
    uniffi,
)
from tests.fixtures.projects import write_files

MATURIN = '[build-system]\nrequires = ["maturin>=1,<2"]\nbuild-backend = "maturin"\n'
NAMED = '[project]\nname = "sample"\nversion = "1.0"\n'
LIBRARY = '[package]\nname = "sample"\nversion = "1.0"\n[lib]\ncrate-type = ["cdylib"]\n'
PROGRAM = '[package]\nname = "sample"\nversion = "1.0"\n'


def create(folder: Path, cargo: str, pyproject: str = MATURIN + NAMED, **files: str) -> Path:
    return write_files(folder, {"Cargo.toml": cargo, "pyproject.toml": pyproject, **files})


@pytest.mark.parametrize(
    ("cargo", "workspace", "found"),
    [
        ('[dependencies]\npyo3 = "0.30"\n', "", "pyo3"),
        ('[dependencies]\npy = { package = "pyo3", version = "0.30" }\n', "", "pyo3"),
        ("[dependencies]\npy.workspace = true\n", 'py = { package = "pyo3" }\n', "pyo3"),
        ('[dependencies]\npyo3-ffi = "0.30"\n', "", "pyo3-ffi"),
        ('[target."cfg(unix)".dependencies]\nuniffi = "0.29"\n', "", "uniffi"),
        ('[dependencies]\nours-with-pyo3 = "1"\n', "", None),
    ],
)
def test_bindings_are_found_under_any_name(
    cargo: str, workspace: str, found: str | None, tmp_path: Path
) -> None:
    top = f'[workspace]\nmembers = ["a"]\n[workspace.dependencies]\n{workspace}'
    write_files(tmp_path, {"Cargo.toml": top})
    project = manifest.read(create(tmp_path / "a", LIBRARY + cargo))
    assert project.bindings == found


@pytest.mark.parametrize(
    ("cargo", "pyproject", "code"),
    [
        (LIBRARY, "", "project.no-bindings"),
        (PROGRAM, "", "project.is-program"),
        (PROGRAM, '[tool.maturin]\nbindings = "bin"\n', "project.is-program"),
        (PROGRAM + '[dependencies]\npyo3 = "0.30"\n', "", "project.is-program"),
    ],
)
def test_maturin_project_without_module_is_rejected(
    cargo: str, pyproject: str, code: str, tmp_path: Path
) -> None:
    create(tmp_path, cargo, MATURIN + NAMED + pyproject, **{"src/main.rs": "fn main() {}\n"})
    with pytest.raises(SourceError) as caught:
        manifest.read(tmp_path)
    assert caught.value.info.code == code


@pytest.mark.parametrize("named", ["cffi", "uniffi"])
def test_bindings_of_pyproject_are_used(named: str, tmp_path: Path) -> None:
    settings = f'[tool.maturin]\nbindings = "{named}"\n'
    assert manifest.read(create(tmp_path, LIBRARY, MATURIN + NAMED + settings)).bindings == named


@pytest.mark.parametrize(
    ("system", "backend", "is_maturin", "has_crate"),
    [
        ('requires = ["maturin"]\nbuild-backend = "maturin"', "maturin", True, True),
        (
            'requires = ["maturin"]\nbuild-backend = "hooks"\nbackend-path = ["."]',
            *("maturin", False, True),
        ),
        (
            'requires = ["hatchling", "maturin"]\nbuild-backend = "hatchling.build"',
            *("maturin", False, True),
        ),
        ('requires = ["setuptools_rust"]', "setuptools-rust", False, True),
        (
            'requires = ["setuptools"]\nbuild-backend = "b"\nbackend-path = ["."]',
            *("setuptools", False, False),
        ),
        ('requires = ["hatchling"]\nbuild-backend = "hatchling.build"', "pure", False, False),
    ],
)
def test_backend_is_maturin_only_without_wrapper(
    system: str, backend: str, is_maturin: bool, has_crate: bool, tmp_path: Path
) -> None:
    cargo = LIBRARY + '[dependencies]\npyo3 = "0.30"\n'
    project = manifest.read(create(tmp_path, cargo, f"[build-system]\n{system}\n{NAMED}"))
    assert (project.backend, project.is_maturin) == (backend, is_maturin)
    assert (project.crate is not None) == has_crate


def test_maturin_gets_target_instead_of_this_machine() -> None:
    given = ["pep517", "build-wheel", "-i", "/usr/bin/python3", "--compatibility", "off", "--strip"]
    added = ["--target", "wasm32-unknown-emscripten", "-i", "python3.14"]
    assert maturin_wrapper.with_target(given, added) == [
        *("pep517", "build-wheel", *added, "--compatibility", "off", "--strip"),
    ]
    assert maturin_wrapper.with_target(["build", "--interpreter=python3"], added) == [
        *("build", *added),
    ]
    assert maturin_wrapper.with_target(["--version"], added) == ["--version"]


def test_features_are_read_without_conditions(tmp_path: Path) -> None:
    features = '[tool.maturin]\nfeatures = ["a", { feature = "b", python-version = ">=3.11" }]\n'
    create(tmp_path, LIBRARY, MATURIN + NAMED + features)
    settings = manifest.maturin_settings(tmp_path)
    assert (settings.features, settings.profile) == (("a",), "release")


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the wrapper under a name, with a cargo that prints its arguments."""
    (tmp_path / "real").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "real").chmod(0o755)

    def run(name: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        code = "from jupyter_wasmwheel.toolchain import cargo_wrapper; cargo_wrapper.main()"
        command = [sys.executable, "-c", f"import sys; sys.argv[0] = {name!r}; {code}", *words]
        return subprocess.run(command, env=os.environ | env, capture_output=True, text=True)

    return run


Call = Callable[..., subprocess.CompletedProcess[str]]


def test_cargo_without_rust_leaves_note(call: Call, tmp_path: Path) -> None:
    note = tmp_path / "note"
    assert call("cargo", "build", **{cargo_wrapper.RUST_NOTE: str(note)}).returncode == 1
    assert note.is_file()


@pytest.mark.parametrize("unlocked", ["", "1"])
def test_unlocked_build_calls_cargo_without_locked(
    unlocked: str, call: Call, tmp_path: Path
) -> None:
    env = {cargo_wrapper.PROGRAM: str(tmp_path / "real"), cargo_wrapper.UNLOCKED: unlocked}
    said = call("cargo", "metadata", "--locked", "--frozen", **env).stdout
    assert said == ("metadata\n" if unlocked else "metadata --locked --frozen\n")


def test_build_for_this_machine_is_one_for_target(call: Call, tmp_path: Path) -> None:
    env = {
        cargo_wrapper.PROGRAM: str(tmp_path / "real"),
        cargo_wrapper.ARGUMENTS: json.dumps(["--config=a=1"]),
    }
    said = call("cargo", "build", "--release", **env).stdout
    assert said == "build --release --message-format=json --config=a=1\n"
    assert call("cargo", "build", CARGO_MANIFEST_DIR="/crate", **env).stdout == "build\n"


def test_static_library_is_put_where_build_for_this_machine_puts_it(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    library = tmp_path / "target/wasm32-unknown-emscripten/release/libsample.a"
    write_files(tmp_path, {str(library.relative_to(tmp_path)): "code"})
    artifact = {
        "reason": "compiler-artifact",
        "package_id": f"path+file://{tmp_path}#sample@1.0.0",
        "manifest_path": str(tmp_path / "crate/Cargo.toml"),
        "target": {"crate_types": ["staticlib"]},
        "filenames": [str(library)],
    }
    (tmp_path / "real").write_text(f"#!/bin/sh\necho '{json.dumps(artifact)}'\n")
    words = ("build", "--release", "--target-dir", str(tmp_path / "target"))
    call("cargo", *words, **{cargo_wrapper.PROGRAM: str(tmp_path / "real")})
    assert (tmp_path / "target/release/libsample.a").read_text() == "code"


def test_rustc_that_prints_an_answer_is_called_unchanged(call: Call, tmp_path: Path) -> None:
    env = {cargo_wrapper.PROGRAM: str(tmp_path / "real")}
    said = call("cargo", "rustc", "--", "--print=native-static-libs", **env).stdout
    assert said == "rustc -- --print=native-static-libs\n"


@pytest.mark.parametrize(
    "text",
    ["a.o b\\ c.o\n-o sample.so", "a.o\nb\\ c.o\n-o\nsample.so\n", 'a.o "b c.o" -o sample.so'],
)
def test_response_file_is_read_as_shell_words(text: str, tmp_path: Path) -> None:
    (tmp_path / "link.rsp").write_text(text)
    words = linker.translate_extension([f"@{tmp_path / 'link.rsp'}", "-shared"])
    assert words[-4:] == ["a.o", "b c.o", "-o", "sample.so"]


def test_python_of_backend_describes_target(tmp_path: Path) -> None:
    headers, tags = tmp_path / "include", tmp_path / "mesonpy/_tags.py"
    write_files(tmp_path, {"mesonpy/__init__.py": "", "mesonpy/_tags.py": "import platform\n"})
    code = (
        "import platform, sysconfig\nfrom mesonpy import _tags\n"
        "print(sysconfig.get_path('include'), sysconfig.get_python_version(),"
        " _tags.get_interpreter_tag(), platform.python_version())"
    )
    cross = Path(backend.__file__).parent / "cross"
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(cross), str(tags.parents[1])]),
        "WASMWHEEL_PYTHON": "3.14",
        "WASMWHEEL_PYTHON_HEADERS": str(headers),
    }
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert said.stdout.split() == [str(headers), "3.14", "cp314", "3.14.0"], said.stderr


@pytest.mark.parametrize("words", [["-I{}"], ["-I", "{}"], ["-isystem", "{}"]])
def test_compiler_uses_headers_of_target_python(words: list[str], tmp_path: Path) -> None:
    write_files(tmp_path, {"host/Python.h": "", "other/other.h": ""})
    given = [word.format(tmp_path / "host") for word in words]
    others = [f"-I{tmp_path / 'other'}", "-Iinclude", "-c", "source.c"]
    found = compiler_shims.use_headers([*given, *others], "/target")
    assert found == [*(word.format("/target") for word in words), *others]


MULTILINE = """[dependencies]
pyo3 = {
  version = "0.30",
  features = ["abi3"], # with a comma at the end
}
"""


def test_manifest_can_be_toml_of_version_1_1(tmp_path: Path) -> None:
    folder = create(tmp_path / "sample", LIBRARY + MULTILINE)
    assert manifest.read(folder).bindings == "pyo3"


@pytest.mark.parametrize(
    ("fails", "expected"),
    [
        ("nothing", ["metadata"]),
        ("metadata", ["metadata", "tree"]),
        ("metadata|tree", ["metadata", "tree"]),
    ],
)
def test_fetcher_resolves_as_backend_does_and_then_less(
    tmp_path: Path, fails: str, expected: list[str]
) -> None:
    script = f"#!/bin/sh\necho $1 >> {tmp_path}/said\necho Error >&2\n"
    script += "echo '    Blocking waiting for file lock on package cache' >&2\n"
    script += f"case $1 in {fails}) exit 1; esac\n"
    folder = create(tmp_path / "sample", LIBRARY + '[dependencies]\npyo3 = "0.30"\n')
    write_files(tmp_path, {"cargo": script})
    (tmp_path / "cargo").chmod(0o755)
    project = manifest.read(folder)
    private = copy.refresh(project, tmp_path / "source")
    plan = SimpleNamespace(
        **dict.fromkeys(("crates", "features", "variables"), ()),
        toolchain=SimpleNamespace(
            rust=SimpleNamespace(cargo=tmp_path / "cargo", rustc=Path("rustc"))
        ),
        project=project,
        maturin=SimpleNamespace(features=()),
        request=BuildRequest(source=str(folder)),
        no_default_features=False,
        rustflags=(),
        environ={},
        env={"PATH": os.environ["PATH"]},
        work=tmp_path,
    )
    lines: list[str] = []
    monitor = ResourceMonitor("build", DEFAULT, tmp_path, "It")
    succeeded = crate_fetcher.fetch(
        cast(Plan, plan), private, lambda _, line: lines.append(line), monitor
    )
    assert (tmp_path / "said").read_text().split() == expected
    assert succeeded is (fails != "metadata|tree")
    blocking = "    Blocking waiting for file lock on package cache"
    assert lines == [blocking, *(["Error", blocking] if "tree" in expected else [])]


def test_strip_leaves_modules_of_target_alone(call: Call, tmp_path: Path) -> None:
    module = tmp_path / "module.so"
    module.write_bytes(b"\0asm\1\0\0\0")
    assert call("strip", "-x", str(module)).returncode == 0
    assert module.read_bytes() == b"\0asm\1\0\0\0"


def test_uniffi_bindgen_reads_library_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = json.dumps({"filenames": ["/target/debug/libsample.rlib", "/debug/libsample.so"]})
    cargo = tmp_path / "cargo"
    cargo.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/said\necho '{artifact}'\n")
    cargo.chmod(0o755)
    features = ["--target", "wasm32-unknown-emscripten", "--features", "web"]
    monkeypatch.setenv(maturin_wrapper.ARGUMENTS, json.dumps(features))
    monkeypatch.setattr(os, "environ", {**os.environ, uniffi.FEATURE: "apart"})
    manifest = tmp_path / "Cargo.toml"
    manifest.write_text("[features]\napart = []\n")
    given = ["run", "--bin", "uniffi-bindgen", "--manifest-path", str(manifest), "generate"]
    given += ["--language", "python", "--library", "/target/libsample.so"]
    added = ["--release", "--features=apart"]
    expected = ["run", *added, *given[1:-1], "/debug/libsample.so"]
    assert uniffi.with_host_library(str(cargo), given) == expected
    assert (tmp_path / "said").read_text() == (
        "build --lib --message-format=json-render-diagnostics --release --features=apart"
        f" --manifest-path {manifest} --features web\n"
    )
    assert os.environ["CARGO_PROFILE_RELEASE_OPT_LEVEL"] == "0"
    assert uniffi.with_host_library("false", ["run", "--bin", "other"]) == ["run", "--bin", "other"]


UNIFFI = """\
[package]
name = "sample"
version = "1.0"
[lib]
crate-type = ["cdylib"]
[[bin]]
name = "uniffi-bindgen"
path = "uniffi-bindgen.rs"
[dependencies]
uniffi = { version = "0.29", features = ["cli", "tokio"] } # as in the guide
"""


@pytest.mark.parametrize("path", ["uniffi-bindgen.rs", "src/bin/uniffi-bindgen.rs"])
def test_uniffi_bindgen_alone_gets_its_dependencies(tmp_path: Path, path: str) -> None:
    files = {path: "fn main() { uniffi::uniffi_bindgen_main() }", "src/lib.rs": ""}
    folder = create(tmp_path / "sample", UNIFFI.replace("uniffi-bindgen.rs", path), **files)
    (change,) = edits.changes(Edits(), manifest.read(folder))
    assert change.file == "Cargo.toml"
    assert change.patch.diff.splitlines()[-6:] == [
        " [dependencies]",
        '-uniffi = { version = "0.29", features = ["cli", "tokio"] } # as in the guide',
        '+uniffi = { version = "0.29", features = ["tokio"] } # as in the guide',
        "+",
        "+[features]",
        '+wasmwheel-uniffi-cli = ["uniffi/cli"]',
    ]


@pytest.mark.parametrize(
    "inherited", ["{ workspace = true }", '{ workspace = true, features = ["cli", "tokio"] }']
)
def test_uniffi_bindgen_gets_what_crate_inherits(tmp_path: Path, inherited: str) -> None:
    cargo = re.sub("(?m)^uniffi = .*", f"uniffi = {inherited}", UNIFFI)
    files = {"src/lib.rs": "", "uniffi-bindgen.rs": ""}
    folder = create(tmp_path / "crates/sample", cargo, **files)
    (tmp_path / "Cargo.toml").write_text(
        '[workspace]\nmembers = ["crates/*"]\n[workspace.dependencies]\n'
        'uniffi = { version = "0.29", path = "uniffi", features = ["build", "cli"] }\n'
    )
    (change,) = edits.changes(Edits(), manifest.read(folder))
    assert change.file == "Cargo.toml"
    edited = tomllib.loads(change.after)
    expected = ["build", "tokio"] if "tokio" in inherited else ["build"]
    uniffi_entry = {"version": "0.29", "path": "../../uniffi", "features": expected}
    assert edited["dependencies"]["uniffi"] == uniffi_entry
    assert edited["features"] == {"wasmwheel-uniffi-cli": ["uniffi/cli"]}


@pytest.mark.parametrize(
    ("cargo", "library"),
    [
        (UNIFFI, "pub fn run() { uniffi::uniffi_bindgen_main() }"),
        (UNIFFI.replace('"cli", ', ""), ""),
        (UNIFFI.replace("uniffi-bindgen", "other"), ""),
        (LIBRARY + '[dependencies]\nuniffi = "0.29"\n', ""),
    ],
    ids=["used by library", "not enabled", "no generator", "no features"],
)
def test_crate_without_own_generator_is_not_edited(
    tmp_path: Path, cargo: str, library: str
) -> None:
    files = {"src/lib.rs": library, "uniffi-bindgen.rs": ""}
    folder = create(tmp_path / "sample", cargo, **files)
    assert edits.changes(Edits(), manifest.read(folder)) == ()
