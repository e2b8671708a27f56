"""A machine without a network builds a starter crate from another machine's bundle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.commands import Command, error_of


def test_invalid_bundle_is_rejected(wasmwheel: Command, tmp_path: Path) -> None:
    env: dict[str, str | None] = {"WASMWHEEL_HOME": str(tmp_path / "home")}
    error_of(wasmwheel("cache", "unpack", tmp_path / "none.tar.gz", "--json", env=env), 3)
    (tmp_path / "sites/mine").mkdir(parents=True)
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as other:
        other.add(tmp_path / "sites", "sites")
    error = error_of(wasmwheel("cache", "unpack", tmp_path / "other.tar.gz", "--json", env=env), 3)
    assert "not a bundle" in error["what"]
    assert not (tmp_path / "home/sites").exists()


def without_network(*arguments: str | Path, cwd: Path, **variables: str) -> dict[str, Any]:
    """Run a command without a network and with an empty home; return its document."""
    kept = ("PATH", "LANG", "TMPDIR")
    env = {name: os.environ[name] for name in kept if name in os.environ} | variables
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-m", "jupyter_wasmwheel"]
    ran = subprocess.run(
        [*command, *arguments, "--json"], cwd=cwd, env=env, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    document: dict[str, Any] = json.loads(ran.stdout)
    return document


@pytest.mark.slow
def test_machine_without_network_builds_from_bundle(wasmwheel: Command, tmp_path: Path) -> None:
    packed = wasmwheel("cache", "bundle", "--out", tmp_path / "store.tar.gz", "--json")
    assert packed.status == 0, packed.stderr
    kinds = {key.split("/")[0] for key in packed.document["entries"]}
    assert {"crates", "pyodide", "snapshots", "sysroots"} <= kinds

    home = tmp_path / "home"
    home.mkdir()
    own = {"HOME": str(home), "WASMWHEEL_HOME": str(home / "store")}
    unpacked = without_network("cache", "unpack", tmp_path / "store.tar.gz", cwd=home, **own)
    assert unpacked["entries"] == packed.document["entries"]
    assert (
        without_network("cache", "unpack", tmp_path / "store.tar.gz", cwd=home, **own)["entries"]
        == []
    )
    without_network("new", "first", "--template", "text", cwd=home, **own)
    built = without_network("build", "first", "--offline", cwd=home, **own)
    assert built["smoke"]["module"] == "first"
    assert {"unicode-segmentation", "strsim"} <= {crate["name"] for crate in built["crates"]}

    # The same store as a shared one, unpacked by an administrator.
    shared = {"HOME": str(home), "WASMWHEEL_HOME": str(home / "other")}
    shared["WASMWHEEL_PATH"] = str(home / "store")
    without_network("doctor", "--fix", "seeds", cwd=home, **shared)
    without_network("new", "second", "--template", "class", cwd=home, **shared)
    built = without_network("build", "second", "--offline", cwd=home, **shared)
    assert built["seeded"]
    assert built["smoke"]["module"] == "second"
    assert [crate["name"] for crate in built["crates"]] == ["second"]
