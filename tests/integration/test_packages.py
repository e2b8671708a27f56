"""Packages of PyPI answer a page of calls like their native wheels."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.commands import Command

#: The pages of calls, a file for each package: setup code, `---`, and an expression a line.
PAGES = Path(__file__).parents[1] / "fixtures/pages"

#: nh3's lock file names crates that not every registry has.
MORE = {"nh3": ["--ignore-lock"]}

#: Print the value of each expression of a page, or its exception.
ANSWERS = """
def answers(page):
    import json
    before, _, calls = page.rpartition("---\\n")
    known = {}
    exec(before, known)
    said = []
    for call in calls.splitlines():
        try:
            said.append(repr(eval(call, known)))
        except BaseException as error:  # a panic of Rust is no Exception
            said.append(f"{type(error).__name__}: {error}")
    return json.dumps(said)
"""


def answers_code(page: str) -> str:
    """Return the code that prints the answers to a page."""
    return f"{ANSWERS}\nprint(answers({page!r}))"


def parse_answers(stdout: str) -> list[str]:
    """Return the answers in the output; messages of a Rust panic may precede them."""
    answers: list[str] = json.loads(stdout.splitlines()[-1])
    return answers


def run_natively(requirement: str, page: str, folder: Path) -> list[str]:
    """Return the answers of the native wheel, installed from the index into its own folder."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
    subprocess.run([*pip, "--target", str(folder), requirement], check=True)
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{answers_code(page)}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
    )
    return parse_answers(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["orjson", "rpds-py", "safetensors", "blake3", "bcrypt", "nh3", "pycrdt"]
)
def test_package_answers_like_native_wheel(wasmwheel: Command, tmp_path: Path, name: str) -> None:
    page = (PAGES / f"{name}.txt").read_text(encoding="utf-8")
    words = ("build", f"pypi:{name}", "--json", *MORE.get(name, ()), "--out", tmp_path / "dist")
    ran = wasmwheel(*words)
    assert ran.status == 0, ran.stderr
    assert ran.document["smoke"]["ok"]
    said = wasmwheel("smoke", ran.document["wheel"], "-c", answers_code(page))
    assert said.status == 0, said.stderr
    expected = run_natively(f"{name}=={ran.document['version']}", page, tmp_path / "native")
    assert parse_answers(said.stdout) == expected
    assert len(expected) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("requests", ["as it is", "optional"])
def test_tiktoken_answers_like_native_wheel(
    wasmwheel: Command, tmp_path: Path, requests: str
) -> None:
    page = (PAGES / "tiktoken.txt").read_text(encoding="utf-8")
    words = ["build", "pypi:tiktoken", "--with-dependencies", "--json", "--out", tmp_path / "dist"]
    if requests == "optional":
        words += ["--make-optional", "requests"]
    ran = wasmwheel(*words)
    assert ran.status == 0, ran.stderr
    (regex,) = ran.document["built_along"]
    direct = [one for one in ran.document["dependencies"] if one["needed_by"] is None]
    found = {one["name"]: one["from"] for one in direct}
    assert found == {"regex": "built"} | ({} if requests == "optional" else {"requests": "pyodide"})
    assert regex["toolchain"]["emscripten"]["crates"] == ["regex"]
    said = wasmwheel("smoke", ran.document["wheel"], regex["wheel"], "-c", answers_code(page))
    assert said.status == 0, said.stderr
    expected = run_natively(f"tiktoken=={ran.document['version']}", page, tmp_path / "native")
    assert parse_answers(said.stdout) == expected
