"""Cargo outside the confinement: a package's configuration runs nothing and sends no login."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jupyter_wasmwheel.api.errors import SourceError, UsageError
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.build import seeds
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.runtime.targets import TRIPLE
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.toolchain import cargo_policy, cargo_resolver, lock_file, toml_writer
from jupyter_wasmwheel.toolchain.cargo_resolver import Resolver
from jupyter_wasmwheel.toolchain.rust import Rust
from jupyter_wasmwheel.toolchain.toolchain import Toolchain

MANIFEST = '[package]\nname = "hostile"\nversion = "1.0.0"\nedition = "2021"\n'
LOCK = 'version = 4\n\n[[package]]\nname = "hostile"\nversion = "1.0.0"\n'

#: A rustc that shows by a file whether a package has set a variable of it.
RUSTC = '#!/bin/sh\n[ -z "$HOSTILE" ] || touch "{mark}"\nexec "{rustc}" "$@"\n'

Write = Callable[[str], None]


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """Return the file that exists after rustc ran with a package's variable."""
    return tmp_path / "mark"


@pytest.fixture
def rust(tmp_path: Path, mark: Path) -> Rust:
    cargo, rustc = shutil.which("cargo"), shutil.which("rustc")
    program = tmp_path / "bin/rustc"
    program.parent.mkdir()
    program.write_text(RUSTC.format(mark=mark, rustc=rustc))
    program.chmod(0o755)
    return cast(Rust, SimpleNamespace(cargo=Path(cargo or ""), rustc=program))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a user, whose home of cargo is empty."""
    home = tmp_path / "cargo-home"
    home.mkdir()
    return {**os.environ, "CARGO_HOME": str(home)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project in a private copy, which is the folder above it."""
    folder = tmp_path / "work/source/project"
    (folder / "src").mkdir(parents=True)
    (folder / "src/lib.rs").write_text("")
    (folder / "Cargo.toml").write_text(MANIFEST)
    (folder / "Cargo.lock").write_text(LOCK)
    return folder


def configure(folder: Path, text: str) -> Path:
    path = folder / ".cargo/config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def resolver(rust: Rust, project: Path, environ: Mapping[str, str], *options: str) -> Resolver:
    return cargo_resolver.for_project(rust, project.parent, project, environ, options, is_own=True)


def settings(project: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that cargo gets, without empty tables."""
    found = cargo_policy.allowed_settings(project.parent, project, environ)
    return {name: value for name, value in found.items() if value}


@pytest.mark.parametrize("included", [False, True])
def test_variables_of_package_do_not_reach_rustc(
    rust: Rust, project: Path, environ: dict[str, str], mark: Path, included: bool
) -> None:
    path = configure(project, '[env]\nHOSTILE = { value = "1", force = true }\n')
    if included:
        path.rename(path.with_name("more.toml"))
        configure(project, 'include = ["more.toml"]\n')
    words = ["metadata", "--format-version=1", f"--filter-platform={TRIPLE}"]
    done = resolver(rust, project, environ).run(*words, f"--manifest-path={project / 'Cargo.toml'}")
    assert done.returncode == 0, done.stderr
    assert not mark.exists()


def test_variables_of_named_file_of_package_do_not_reach_rustc(
    rust: Rust, project: Path, environ: dict[str, str], mark: Path
) -> None:
    (project / "more.toml").write_text('[env]\nHOSTILE = { value = "1", force = true }\n')
    named = resolver(rust, project, environ, "--config=more.toml", "--locked")
    assert named.options == ("--locked",)
    manifest = f"--manifest-path={project / 'Cargo.toml'}"
    assert named.run("tree", f"--target={TRIPLE}", manifest).returncode == 0
    assert not mark.exists()


def test_configuration_beside_inner_lock_file_is_not_read(
    rust: Rust, project: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    inner = shutil.copytree(project, project / "inner")
    configure(inner, "this is no TOML, which stops cargo")
    lock = inner / "Cargo.lock"
    lock_file.replace_unusable(lock, resolver(rust, project, environ), tmp_path / "kept")
    assert "hostile" in lock.read_text()


@pytest.mark.parametrize("where", ["registry", "dependency", "patch"])
def test_cargo_connects_to_this_machine_only_for_projects_of_user(
    rust: Rust, project: Path, environ: dict[str, str], where: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        if where == "registry":
            source = f'[source.x]\nregistry = "sparse+{address}/"\n'
            configure(project, f'[source.crates-io]\nreplace-with = "x"\n{source}')
        table = {"registry": 'x = "1"', "dependency": f'x = {{ git = "{address}" }}'}
        patch = f'x = "1"\n[patch.crates-io]\nx = {{ git = "{address}" }}'
        (project / "Cargo.toml").write_text(
            f"{MANIFEST}[dependencies]\n{table.get(where, patch)}\n"
        )
        with pytest.raises(SourceError) as caught:
            cargo_resolver.for_project(rust, project.parent, project, environ, is_own=False)
        assert caught.value.info.code == "source.address-not-public"
        environ["CARGO_NET_GIT_FETCH_WITH_CLI"] = "true"  # some libgit2 cannot connect by http
        command = resolver(rust, project, environ).command("metadata", "--format-version=1")
        manifest = f"--manifest-path={project / 'Cargo.toml'}"
        asking = subprocess.Popen(
            [*command.words, manifest], cwd=command.cwd, env=command.env, stderr=subprocess.DEVNULL
        )
        listening.settimeout(60)
        listening.accept()[0].close()
        asking.kill()
        asking.wait()


@pytest.mark.parametrize("by", ["credentials.toml", "credentials", "config.toml", "variable"])
def test_address_for_login_of_user_is_refused(
    project: Path, environ: dict[str, str], by: str
) -> None:
    if by == "variable":
        environ["CARGO_REGISTRIES_MY_COMPANY_TOKEN"] = "hidden"
    else:
        path = Path(environ["CARGO_HOME"], by)
        path.write_text('[registries.my-company]\ntoken = "hidden"\n')
    configure(project, '[registries.my-company]\nindex = "sparse+http://127.0.0.1:1/"\n')
    with pytest.raises(SourceError, match="the address of the registry my-company"):
        settings(project, environ)


def test_same_address_as_that_of_user_is_accepted(project: Path, environ: dict[str, str]) -> None:
    home, index = Path(environ["CARGO_HOME"]), "sparse+https://crates.company.example/"
    (home / "credentials.toml").write_text('[registries.my-company]\ntoken = "hidden"\n')
    environ["CARGO_REGISTRIES_MY_COMPANY_INDEX"] = index
    configure(project, f'[registries.my-company]\nindex = "{index}"\n')
    assert settings(project, environ) == {"registries": {"my-company": {"index": index}}}


@pytest.mark.skipif(os.name == "nt", reason="files have other owners")
def test_configuration_of_other_user_above_is_refused(
    rust: Rust,
    project: Path,
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = configure(tmp_path, '[build]\nrustc-wrapper = "/tmp/hostile"\n')
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    for create in (
        lambda: resolver(rust, project, environ),
        lambda: cargo_resolver.for_user(rust, project.parent.parent, environ),
        lambda: cargo_policy.require_harmless(project.parent, project, environ),
    ):
        with pytest.raises(UsageError) as caught:
            create()
        assert caught.value.info.code == "config.untrusted-cargo"


def test_seed_is_prepared_in_store(
    rust: Rust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ReachedError(Exception):
        """The folder is known."""

    store = Store(home=tmp_path / "store")

    def refuse(_: Rust, top: Path, *__: object, **___: object) -> None:
        assert top.is_relative_to(store.home)
        raise ReachedError

    monkeypatch.setattr(cargo_resolver, "for_project", refuse)
    chosen = cast(Toolchain, SimpleNamespace(rust=rust))
    target = targets.find(targets.default_abi())
    with pytest.raises(ReachedError):
        seeds.build_seed(target, chosen, "draft", store, ignore)


def test_only_settings_that_select_crates_are_used(project: Path, environ: dict[str, str]) -> None:
    text = """
        [alias]
        metadata = "run"
        [build]
        rustc = "./hostile"
        rustc-wrapper = "./hostile"
        [env]
        RUSTC = { value = "hostile", relative = true, force = true }
        [target.'cfg(all())']
        runner = "./hostile"
        rustflags = ["-Zcodegen-backend=./hostile.so"]
        [http]
        debug = true
        timeout = 9
        [net]
        retry = 5
        [net.ssh]
        known-hosts = ["example.org ssh-ed25519 hostile"]
        [registry]
        token = "x"
        [registries.other]
        index = "sparse+https://crates.other.example/"
        other = "x"
    """
    configure(project, text)
    assert settings(project, environ) == {
        "http": {"timeout": 9},
        "net": {"retry": 5},
        "registries": {"other": {"index": "sparse+https://crates.other.example/"}},
    }


def test_paths_are_absolute_and_files_are_merged(project: Path, environ: dict[str, str]) -> None:
    configure(project, 'paths = ["own"]\n[patch.crates-io]\none = { path = "../one" }\n')
    above = '[patch.crates-io]\none.path = "1"\ntwo.git = "https://example.org/two"\n'
    configure(project.parent, f'paths = ["above"]\n{above}[source.x]\ndirectory = "vendor"\n')
    top = project.parent
    assert settings(project, environ) == {
        "paths": [str(top / "above"), str(project / "own")],
        "patch": {
            "crates-io": {
                "one": {"path": str(project / "../one")},
                "two": {"git": "https://example.org/two"},
            }
        },
        "source": {"x": {"directory": str(top / "vendor")}},
    }


def test_cargo_uses_patch_and_source_of_package(
    rust: Rust, project: Path, environ: dict[str, str]
) -> None:
    vendored = shutil.copytree(project, project / "vendor/needed")
    (vendored / "Cargo.toml").write_text(MANIFEST.replace("hostile", "needed"))
    (vendored / ".cargo-checksum.json").write_text('{"files": {}}')
    (project / "Cargo.toml").write_text(f'{MANIFEST}[dependencies]\nneeded = "1"\n')
    (project / "Cargo.lock").unlink()
    replaced = '[source.crates-io]\nreplace-with = "own"\n[source.own]\ndirectory = "vendor"\n'
    configure(project, replaced)
    words = ["metadata", "--format-version=1", f"--manifest-path={project / 'Cargo.toml'}"]
    done = resolver(rust, project, environ).run(*words)
    assert done.returncode == 0, done.stderr
    assert str(vendored) in done.stdout
    (project / "Cargo.lock").unlink()
    configure(project, "")
    option = '--config=patch.crates-io.needed.path="vendor/needed"'
    patched = resolver(rust, project, environ, option)
    assert patched.run(*words, "--offline", *patched.options).returncode == 0


def test_options_are_translated_for_other_folder(project: Path, tmp_path: Path) -> None:
    (project / "own.toml").write_text("")
    (tmp_path / "user.toml").write_text("")
    options = ["--locked", "--config=own.toml", f"--config={tmp_path / 'user.toml'}"]
    options += ["--config=net.retry=5", "--config=patch.crates-io.x.path='y'", "--config=paths"]
    files, others = cargo_policy.split_options(options, project.parent, project)
    assert files == [project / "own.toml"]
    assert others == [
        *("--locked", f"--config={tmp_path / 'user.toml'}", "--config=net.retry=5"),
        f'--config="patch"."crates-io"."x"."path"="{project / "y"}"',
        "--config=paths",
    ]


def test_written_table_is_read_as_it_was() -> None:
    table = {
        "text": 'quote " backslash \\ line \n tab \t DEL \x7f null \x00 ü 😀',
        "https://example.org/x": {"a.b": [1, -2.5, True, False], "": {}},
        "list": [[], [{"x": "y"}]],
    }
    assert tomllib.loads(toml_writer.dumps(table)) == table
