"""The package as it is installed: its wheel in a fresh environment, an ordinary user, a click."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import running
from playwright.sync_api import BrowserContext, expect
from screen import CLONE, build_folder, open_lab

from jupyter_wasmwheel.project import starter

#: The user that has no rights; a run that is not root's is an ordinary user's already.
NOBODY = 65534


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder outside of any clone that an ordinary user may write to."""
    with tempfile.TemporaryDirectory(prefix="installed-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.slow
def test_an_ordinary_user_installs_the_wheel_and_clicks_the_button(
    elsewhere: Path, context: BrowserContext
) -> None:
    make = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", elsewhere]
    subprocess.run([*make, CLONE], check=True)
    (archive,) = elsewhere.glob("jupyter_wasmwheel-*.whl")

    as_user = ["setpriv", f"--reuid={NOBODY}", "--clear-groups"] if os.getuid() == 0 else []
    home = elsewhere / "home"
    for folder in (home, home / "root", home / "settings"):
        folder.mkdir()
    crate = starter.create("hello", home / "root")
    if as_user:
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, -1)
    own = {"HOME": str(home), "WASMWHEEL_HOME": str(home / "store"), "CARGO_HOME": str(home / "c")}
    env = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")} | own
    base = shutil.which("python3", path="/usr/bin") or sys.executable
    venv = home / "venv"
    subprocess.run([*as_user, base, "-m", "venv", venv], check=True, env=env, cwd=home)
    python = [*as_user, str(venv / "bin/python")]
    install = [*python, "-m", "pip", "install", "-q", str(archive), "jupyterlab>=4.6,<5"]
    subprocess.run(install, check=True, env=env, cwd=home)
    path = os.pathsep.join([str(venv / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])

    with running(python, home / "root", home / "settings", env | {"PATH": path}) as lab:
        page = open_lab(context, lab)
        build_folder(page, crate.name)
        notice = page.locator(".Toastify__toast", has_text="hello 0.1.0 is")
        expect(notice).to_be_visible(timeout=600_000)
        (job,) = (each for each in lab.api("jobs")["jobs"] if each["kind"] == "build")
        assert job["state"] == "done"
        assert job["report"]["smoke"]["ok"]
