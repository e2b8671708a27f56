"""Packages of PyPI pass the same tests in Pyodide as natively."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api import events
from jupyter_wasmwheel.project import source
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store
from tests.fixtures.commands import Command

SUITES = tomllib.loads(
    (Path(__file__).parents[1] / "fixtures/suites.toml").read_text(encoding="utf-8")
)

#: A pytest plugin that writes the outcome of each test as JSON lines.
RECORDER = """
import json, os
def tell(*what):
    with open(os.environ["RECORD"], "a") as file:
        file.write(json.dumps(what) + "\\n")
def pytest_collection_finish(session):
    for item in session.items:
        tell(item.nodeid, "not run")
def pytest_runtest_logreport(report):
    tell(report.nodeid, report.outcome)
"""


def run_natively(
    name: str, version: str, entry: dict[str, Any], tmp_path: Path, store: Store
) -> Any:
    """Return the outcome of each test with the native wheel, in its own environment."""
    target = targets.find(targets.default_abi())
    fetched = source.fetch(source.parse(entry["source"]), target, store, events.ignore)
    folder = shutil.copytree(fetched.folder, tmp_path / "sources" / name)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
    subprocess.run([*pip, f"{name}=={version}", *entry["native"]], cwd=folder, check=True)
    (tmp_path / "recorder.py").write_text(RECORDER)
    env = {"PYTHONPATH": str(tmp_path), "RECORD": str(tmp_path / "record")}
    pytest = [venv / "bin/pytest", "-p", "recorder"]
    subprocess.run(pytest, cwd=folder, env=env, stdout=subprocess.DEVNULL, check=False)
    lines = (tmp_path / "record").read_text().splitlines()
    # A skipped phase decides the outcome, although the other phases passed.
    rows = [json.loads(line) for line in lines]
    skipped = {test for test, outcome in rows if outcome == "skipped"}
    return {test: "skipped" if test in skipped else outcome for test, outcome in rows}


def outcomes(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Return the outcome of each test from the log of the run."""
    logged = [e["text"] for e in rows if e["kind"] == "log" and e["stream"] == "stdout"]
    lines = [re.fullmatch(r"([a-z_]+) +(\S+\.py::.*?)( \([a-z ]+\))?", text) for text in logged]
    return {line[2]: line[1] for line in lines if line}


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITES)
def test_package_passes_its_tests(
    wasmwheel: Command, tmp_path: Path, store: Store, name: str
) -> None:
    entry = SUITES[name]
    ran = wasmwheel(
        *("test", entry["source"], "--timeout=900", "--events", "--out", tmp_path / "dist")
    )
    assert ran.status == 0, ran.stderr
    report, here = ran.events[-1]["report"], outcomes(ran.events)
    native = run_natively(name, report["version"], entry, tmp_path, store)
    assert here.keys() == native.keys()
    assert len(here) == report["tests"]["collected"] > 100
    others = {
        test: outcome
        for test, outcome in here.items()
        if outcome != "passed" and not outcome == native[test] == "skipped"
    }
    excluded = [each["tests"] for each in entry.get("excluded", [])]
    unexpected = [t for t in others if not any(re.fullmatch(each, t) for each in excluded)]
    assert not unexpected
    assert all(any(re.fullmatch(each, test) for test in others) for each in excluded)
    assert len(others) < len(here) / 5
