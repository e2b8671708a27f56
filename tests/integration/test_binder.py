"""Binder's files, run step by step as repo2docker does, in a clean folder and home."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from jupyter_wasmwheel.project import starter

CLONE = Path(__file__).parents[2]
BINDER = CLONE / "binder"


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_binder_steps_create_lab_with_built_packages(tmp_path: Path) -> None:
    repository, home = tmp_path / "repository", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", CLONE, repository], check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WASMWHEEL_", "JUPYTER", "VIRTUAL_ENV"))
    }
    path = [str(tmp_path / "env/bin"), *os.environ["PATH"].split(os.pathsep)]
    env = inherited | {
        "HOME": str(home),
        "PATH": os.pathsep.join(each for each in path if each != str(Path(sys.executable).parent)),
    }

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=repository, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("binder/postBuild")
    start = "binder/start"
    packages = json.loads(run(start, "jupyter", "wasmwheel", "site", "list", "workshop", "--json"))
    published = {each["name"] for each in packages["packages"]}
    assert published == {f"starter-{each.name}" for each in starter.templates()}
    findings = json.loads(run(start, "jupyter", "wasmwheel", "doctor", "--json"))["findings"]
    assert {each["state"] for each in findings if each["part"] in ("Rust", "Seeds")} == {"ok"}
    listed = run(start, "bash", "-c", "jupyter labextension list 2>&1")
    assert re.search(r"jupyter-wasmwheel v\S+ .*enabled.*OK", listed), listed
    listed = run(start, "bash", "-c", "jupyter server extension list 2>&1")
    assert re.search(r"jupyter_wasmwheel.*enabled", listed), listed


def test_hub_image_uses_same_script() -> None:
    lines = (BINDER / "hub.Dockerfile").read_text().replace("\\\n", "").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    assert {step for step, _ in steps} <= {"FROM", "USER", "RUN", "COPY", "ENV"}
    (copied,) = [rest.split()[-1] for step, rest in steps if step == "COPY"]
    prepared = [
        rest for step, rest in steps if step == "RUN" and f"{copied}/binder/prepare" in rest
    ]
    (store,) = re.findall(r"WASMWHEEL_HOME=(\S+)", prepared[0])
    assert ["ENV", f"WASMWHEEL_PATH={store}"] in steps
    assert steps[-1] == ["USER", "${NB_UID}"]


def test_binder_files_are_found_by_repo2docker() -> None:
    for name in ("prepare", "postBuild", "start"):
        assert os.access(BINDER / name, os.X_OK)
        assert subprocess.run(["bash", "-n", BINDER / name]).returncode == 0
    assert yaml.safe_load((BINDER / "environment.yml").read_text())["dependencies"]
    # repo2docker would ignore all other files if this file existed.
    assert not (BINDER / "Dockerfile").exists()
