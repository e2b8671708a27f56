"""The installed package: its wheel in a new environment without Node.js, and a click."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import running
from playwright.sync_api import BrowserContext, expect
from screen import CLONE, build_folder, open_lab

from jupyter_wasmwheel import __version__
from jupyter_wasmwheel.project import starter

#: The user without rights; a run that is not root's is an ordinary user's already.
NOBODY = 65534

#: Programs of Node.js.
NODE_PROGRAMS = {"corepack", "jlpm", "node", "nodejs", "npm", "npx", "yarn"}


@pytest.fixture
def workspace() -> Iterator[Path]:
    """Make a folder outside any clone that an ordinary user can write to."""
    with tempfile.TemporaryDirectory(prefix="installed-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_ordinary_user_without_node_installs_wheel_clicks_button_and_uninstalls(
    workspace: Path, context: BrowserContext
) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", workspace]
    subprocess.run([*build, CLONE], check=True)
    (archive,) = workspace.glob("jupyter_wasmwheel-*.whl")

    as_user = ["setpriv", f"--reuid={NOBODY}", "--clear-groups"] if os.getuid() == 0 else []
    home = workspace / "home"
    for folder in (home, home / "root", home / "settings"):
        folder.mkdir()
    crate = starter.create("hello", home / "root")
    if as_user:
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, -1)
    own = {"HOME": str(home), "WASMWHEEL_HOME": str(home / "store"), "CARGO_HOME": str(home / "c")}
    path = os.pathsep.join([str(home / "venv/bin"), str(programs_without_node(workspace / "bin"))])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    env = {**inherited, **own, "PATH": path}

    def run(*command: str | Path, check: bool = True) -> str:
        return subprocess.run(
            [*as_user, *command], check=check, env=env, cwd=home, stdout=subprocess.PIPE, text=True
        ).stdout

    base = shutil.which("python3", path="/usr/bin") or sys.executable
    run(base, "-m", "venv", home / "venv")
    python = str(home / "venv/bin/python")
    run(python, "-m", "pip", "install", "-q", "jupyterlab>=4.6,<5")
    before = names_of_files(home / "venv")
    run(python, "-m", "pip", "install", "-q", archive)
    assert run("jupyter", "wasmwheel", "--version").strip() == __version__

    def node_finding() -> dict[str, Any]:
        findings = json.loads(run("jupyter", "wasmwheel", "doctor", "--json"))["findings"]
        return next(each for each in findings if each["id"] == "node")

    assert node_finding()["state"] == "optional"
    assert "doctor --fix" in node_finding()["fix"]
    run("jupyter", "wasmwheel", "doctor", "--fix")
    assert node_finding()["state"] == "ok"

    with running([*as_user, python], home / "root", home / "settings", env) as lab:
        page = open_lab(context, lab)
        build_folder(page, crate.name)
        notice = page.locator(".Toastify__toast", has_text="hello 0.1.0 is")
        expect(notice).to_be_visible(timeout=600_000)
        (job,) = (each for each in lab.api("jobs")["jobs"] if each["kind"] == "build")
        assert job["state"] == "done"
        assert job["report"]["smoke"]["ok"]

    run(python, "-m", "pip", "uninstall", "-q", "-y", "jupyter-wasmwheel")
    left = names_of_files(home / "venv") - before
    assert not [name for name in left if "wasmwheel" in name]
    assert "wasmwheel" not in run("jupyter", "server", "extension", "list")
    assert "wasmwheel" not in run("jupyter", "labextension", "list")


def programs_without_node(folder: Path) -> Path:
    """Make a folder of links to the system's programs, those of Node.js left out."""
    folder.mkdir()
    for directory in ("/usr/local/bin", "/usr/bin", "/bin"):
        for program in Path(directory).iterdir():
            link = folder / program.name
            if program.name not in NODE_PROGRAMS and not link.is_symlink():
                link.symlink_to(program)
    return folder


def names_of_files(venv: Path) -> set[str]:
    """Return the files of an environment, relative to it, without bytecode."""
    found = (path.relative_to(venv) for path in venv.rglob("*") if path.is_file())
    return {str(path) for path in found if path.suffix != ".pyc"}
