"""Cargo's configuration in a project: what cargo must not do when it fetches crates."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from jupyter_wasmwheel.api.errors import SourceError
from jupyter_wasmwheel.toolchain import cargo_config, cargo_policy
from jupyter_wasmwheel.toolchain.rust import Rust

OWN = """
[registries.company]
index = "sparse+https://crates.company.example/"
[source.crates-io]
replace-with = "mirror"
[source.mirror]
directory = "vendor-of-user"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a user with a registry."""
    home = tmp_path / "cargo-home"
    home.mkdir()
    (home / "config.toml").write_text(OWN)
    return {**os.environ, "CARGO_HOME": str(home)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "work/source/project"
    (folder / ".cargo").mkdir(parents=True)
    return folder


def check(project: Path, environ: dict[str, str]) -> None:
    cargo_policy.require_harmless(project.parent, project, environ)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[registry]\nglobal-credential-providers = ["./evil"]', "global-credential-providers"),
        ('[registries.evil]\n"cr\\u0065dential-provider" = "./evil"', "credential-provider"),
        ("registries = { evil = { credential-provider = ['./evil'] } }", "credential-provider"),
        ('[credential-alias]\nevil = ["./evil"]', "credential-alias"),
        ('[http]\nproxy = "http://127.0.0.1:1"', "http.proxy"),
        ('[http]\nproxy-cainfo = "evil.pem"', "http.proxy-cainfo"),
        ('[http]\ncainfo = "evil.pem"', "http.cainfo"),
        ('[registries.company]\nindex = "sparse+http://127.0.0.1:1/"', "registry company"),
        ("this is no TOML", "an error"),
        (f"patch.{'.'.join('a' * 900)} = 1", "an error"),
        (f"paths = {'[' * 5000}", "an error"),
    ],
)
def test_configuration_with_programs_or_for_logins_is_refused(
    project: Path, environ: dict[str, str], text: str, named: str
) -> None:
    (project / ".cargo/config.toml").write_text(text)
    with pytest.raises(SourceError) as caught:
        check(project, environ)
    assert caught.value.info.code == "project.cargo-configuration"
    assert named in caught.value.what


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "cfg",
    ["cfg(a=)", "cfg(=)", "cfg(", "cfg(not(", f"cfg({'all(' * 3000}", f"cfg({'a,' * 2_000_000})"],
    ids=lambda cfg: cfg[:15],
)
def test_invalid_cfg_does_not_hold(project: Path, environ: dict[str, str], cfg: str) -> None:
    (project / ".cargo/config.toml").write_text(f'[target."{cfg}"]\nrustflags = ["-Cpanic=abort"]')
    rust = cast(Rust, SimpleNamespace(rustc=shutil.which("rustc"), channel="stable"))
    assert cargo_config.read(project, rust, environ).used == ()


@pytest.mark.parametrize("name", ["x" * 300, "a\\u0000b", "link"])
def test_included_file_that_cannot_exist_is_ignored(
    project: Path, environ: dict[str, str], name: str
) -> None:
    (project / ".cargo/link").symlink_to("link")
    (project / ".cargo/config.toml").write_text(f'include = ["{name}"]')
    check(project, environ)


def test_long_chain_of_included_files_is_refused(project: Path, environ: dict[str, str]) -> None:
    for number in range(2_000):
        (project / f".cargo/{number}.toml").write_text(f'include = ["{number + 1}.toml"]')
    (project / ".cargo/config.toml").write_text('include = ["0.toml"]')
    with pytest.raises(SourceError, match="included files"):
        check(project, environ)


def test_large_configuration_is_refused_before_it_is_read(
    project: Path, environ: dict[str, str]
) -> None:
    with (project / ".cargo/config.toml").open("wb") as stream:
        stream.truncate(10**12)
    with pytest.raises(SourceError, match="4,194,304 bytes"):
        check(project, environ)


# Addresses in fetched sources


def require_public(project: Path, environ: dict[str, str], file: str, text: str) -> None:
    path = project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    cargo_policy.require_public(project.parent, project, environ)


#: Hosts of this machine and of local networks, in the ways that cargo understands.
LOCAL = (
    *("127.0.0.1", "localhost", "LOCALHOST.", "127.1", "0x7f.1", "2130706433", "0", "10.0.0.7"),
    *("192.168.1.1", "169.254.169.254", "[::1]", "[fd00::7]", "[::ffff:127.0.0.1]", "%6cocalhost"),
    *("\uff11\uff12\uff17.0.0.1", "me@localhost", "example.org\\\\@localhost", "/localhost"),
)


@pytest.mark.parametrize("host", LOCAL)
def test_local_host_in_fetched_source_is_refused(
    project: Path, environ: dict[str, str], host: str
) -> None:
    text = f'[dependencies]\nx = {{ git = "https://{host}/x" }}\n'
    with pytest.raises(SourceError) as caught:
        require_public(project, environ, "Cargo.toml", text)
    assert caught.value.info.code == "source.address-not-public"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".cargo/config.toml", '[source.x]\nregistry = "sparse+http://127.0.0.1:1/"'),
        (".cargo/config.toml", '[source.x]\ngit = "file:///home/you/private"'),
        (".cargo/config.toml", '[registries.x]\nindex = "sparse+https://localhost/"'),
        (".cargo/config.toml", '[registry]\nindex = "https://localhost/"'),
        (".cargo/config.toml", '[patch.crates-io.x]\ngit = "ssh://git@localhost/x"'),
        (".cargo/config.toml", 'include = ["more.toml"]'),
        ("Cargo.toml", '[build_dependencies]\nx = { git = "http://127.0.0.1/x" }'),
        ("Cargo.toml", '[target."cfg(unix)".dependencies.x]\ngit = "git://localhost/x"'),
        ("Cargo.toml", '[workspace.dependencies.metadata]\ngit = "https://localhost/x"'),
        ("Cargo.toml", '[dependencies.x]\nregistry-index = "https://localhost/x"'),
        ("Cargo.toml", '[patch."https://localhost/x"]\ny = { path = "y" }'),
        ("Cargo.toml", '[replace]\n"x:1.0.0" = { git = "https://localhost/x" }'),
        ("inner/crate/Cargo.toml", '[dependencies.x]\ngit = "http://example.org/x"'),
    ],
)
def test_address_that_is_not_public_is_refused_wherever_it_is(
    project: Path, environ: dict[str, str], file: str, text: str
) -> None:
    (project / ".cargo/more.toml").write_text('[source.x]\nregistry = "http://localhost/"')
    with pytest.raises(SourceError) as caught:
        require_public(project, environ, file, text)
    assert caught.value.info.code == "source.address-not-public"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Cargo.toml", '[dependencies.x]\ngit = "https://93.184.215.14/x.git"'),
        ("Cargo.toml", '[dependencies.x]\ngit = "https://not-registered.invalid/x.git?a#b"'),
        ("Cargo.toml", '[dependencies]\ngit = "1"\nindex = "2"\n[features]\ngit = ["dep:x"]'),
        ("Cargo.toml", '[package.metadata.docs]\ngit = "http://localhost"'),
        (".cargo/config.toml", '[source.x]\nregistry = "sparse+https://93.184.215.14:443/"'),
        (".cargo/config.toml", '[source.x]\ndirectory = "vendor"'),
        (".cargo/config.toml", '[registries.company]\nindex = "sparse+http://127.0.0.1:1/"'),
    ],
)
def test_public_address_and_that_of_user_are_accepted(
    project: Path, environ: dict[str, str], file: str, text: str
) -> None:
    environ["CARGO_REGISTRIES_COMPANY_INDEX"] = "sparse+http://127.0.0.1:1/"
    require_public(project, environ, file, text)


@pytest.mark.parametrize("name", ["config", "config.toml"])
def test_configuration_above_project_and_included_one_are_checked(
    project: Path, environ: dict[str, str], name: str
) -> None:
    above = project.parent / ".cargo"
    above.mkdir()
    (above / name).write_text('include = ["more.toml"]')
    (above / "more.toml").write_text('[credential-alias]\nevil = ["./evil"]')
    with pytest.raises(SourceError, match="credential-alias"):
        check(project, environ)


@pytest.mark.parametrize("link", [False, True])
def test_configuration_outside_project_is_refused(
    project: Path, environ: dict[str, str], tmp_path: Path, link: bool
) -> None:
    other = tmp_path / "target/evil.toml"
    other.parent.mkdir()
    other.write_text('paths = ["/home/you/.ssh"]')
    place = project / ".cargo/config.toml"
    if link:
        place.symlink_to(other)
    else:
        place.write_text(f"include = ['{other}']")
    with pytest.raises(SourceError, match="a file outside the project"):
        check(project, environ)
    folders = cargo_config.folders_of_user(project.parent, project, environ)
    assert folders == [tmp_path / "vendor-of-user"], "only those of the user"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[net]\nretry = 5\n[build]\nrustflags = []",
        '[source.vendored]\ndirectory = "vendor"\n[env]\nTOKEN_KIND = "credential"',
        '[registries.other]\nindex = "sparse+https://crates.other.example/"',
        '[registries.company]\nindex = "sparse+https://crates.company.example/"',
    ],
)
def test_other_configuration_is_accepted(project: Path, environ: dict[str, str], text: str) -> None:
    (project / ".cargo/config.toml").write_text(text)
    check(project, environ)
