"""A new field of a request reaches the command line, the schema and the worker by itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jupyter_wasmwheel
from tests.fixtures import wheel_factory
from tests.fixtures.jupyter_server import Jupyter

#: A made-up option, and a stand-in for a build that uses it.
OPTION = """
    pace: Annotated[
        Literal["slow", "fast"], option("--pace", label="Pace", help="a made-up option")
    ] = "slow"
"""
BUILD = """

def _build(request: BuildRequest, context: ExecutionContext) -> Outcome:
    return Outcome(document=document({"pace": request.pace}))
"""

#: Print how the command line and the schema use it, as JSON.
LOOK = """
import json
from jupyter_wasmwheel import cli
from jupyter_wasmwheel.api import schema
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.cli.options import request_from
args = cli.create_parser("build").parse_args(["build", "x", "--pace", "fast"])
declared = schema.document()["$defs"]["BuildRequest"]["properties"]["pace"]
print(json.dumps([request_from(args, BuildRequest).pace, declared]))
"""


@pytest.fixture
def with_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let new processes use a copy of the package with one more declared option."""
    package = tmp_path / "code/jupyter_wasmwheel"
    original = Path(jupyter_wasmwheel.__file__).parent
    shutil.copytree(original, package, ignore=shutil.ignore_patterns("labextension", "__pycache__"))
    requests = package / "api/requests.py"
    head = r'(tag="build"\):\n    """(?s:.*?)"""\n)'
    changed, count = re.subn(head, r"\1" + OPTION, requests.read_text(encoding="utf-8"))
    assert count == 1
    requests.write_text(changed, encoding="utf-8")
    with (package / "jobs/execute.py").open("a", encoding="utf-8") as execute:
        execute.write(BUILD)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")


def python(*words: str) -> str:
    ran = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    return ran.stdout


def test_new_option_appears_in_help_and_schema(with_option: None) -> None:
    shown = python("-m", "jupyter_wasmwheel", "build", "--help")
    assert re.search(r"--pace slow\|fast\s+a made-up option \(default: slow\)", shown)
    parsed, declared = json.loads(python("-c", LOOK))
    assert parsed == "fast"
    assert declared["title"] == "Pace"
    assert set(declared["enum"]) == {"slow", "fast"}


def test_new_option_reaches_worker(with_option: None, tmp_path: Path) -> None:
    wheel_factory.crate("fresh", tmp_path / "root")
    jupyter = Jupyter(tmp_path / "root", tmp_path / "log")
    try:
        job = jupyter.ask("POST", "jobs", kind="build", source="fresh", pace="fast")
        deadline = time.monotonic() + 60
        while job["state"] in ("queued", "running"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
            job = jupyter.ask("GET", f"jobs/{job['id']}")
        assert job["report"] == {"schema": 1, "pace": "fast"}, job
    finally:
        jupyter.process.terminate()
        jupyter.process.wait()
