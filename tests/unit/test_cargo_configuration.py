"""Cargo's configuration in a project: what cargo must not do when it fetches crates."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import SourceError
from jupyter_wasmwheel.toolchain import cargo_config, cargo_policy

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
