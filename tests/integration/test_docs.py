"""The documentation: its examples work, and its pages are complete."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import generated
import live
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from jupyter_wasmwheel import cli
from jupyter_wasmwheel.project import recipes, starter
from jupyter_wasmwheel.site.lite import HOST
from jupyter_wasmwheel.store import Store
from tests.fixtures.browser import START_TIMEOUT_MS, Tab, browser, wait_for_kernel
from tests.fixtures.commands import run_on_terminal

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

#: A command of this project, with its variables and redirections.
COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*((?:jupyter wasmwheel|make) .+?)(?: [>|] .*)?")

#: What stands before the new contents of a file.
REPLACED = re.compile("Replace the contents of `([^`]+)` with")

BLOCKS = ("code_block", "fence")


def tokens(page: Path) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").parse(page.read_text()):
        yield token
        yield from token.children or ()


def commands(page: Path, *kinds: str) -> list[str]:
    """Return the commands of this project in a page's code."""
    texts = [token.content for token in tokens(page) if token.type in kinds]
    lines = [line for text in texts for line in text.replace("\\\n", "").splitlines()]
    return [
        match[1] for line in lines if (match := COMMAND.fullmatch(line.strip().removeprefix("$ ")))
    ]


@EACH_PAGE
def test_commands_in_docs_are_valid(page: Path) -> None:
    rules = re.findall(r"^([a-z-]+(?: [a-z-]+)*):", (ROOT / "Makefile").read_text(), re.M)
    targets = {name for rule in rules for name in rule.split()}
    names = {words for words, _, _ in generated.commands()}
    mentioned = [each for each in commands(page, "code_inline") if each not in names]
    for command in (*commands(page, *BLOCKS), *mentioned):
        words = shlex.split(command, comments=True)
        if words[0] == "make":
            assert set(words[1:]) <= targets, command
        else:
            cli.create_parser().parse_args(words[2:])


def test_options_have_help() -> None:
    for words, _, parser in generated.commands():
        for action in parser._actions:
            assert action.help or not action.option_strings, f"{words} {action.option_strings}"


@EACH_PAGE
def test_settings_in_docs_exist(page: Path) -> None:
    known = {name for name, _ in generated.settings()}
    named = re.findall(r"\bc\.Wasmwheel\w*\.\w+", page.read_text())
    assert set(named) <= known


def test_tests_of_threat_model_exist() -> None:
    text = (DOCS / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:tests/\w+/)?test_\w+\.py)`", text)
    assert named
    for name in named:
        path = name if "/" in name else f"tests/security/{name}"
        assert (ROOT / path).is_file(), name


def test_routes_are_documented() -> None:
    said = (DOCS / "rest.md").read_text()
    for route, _, _ in generated.routes():
        verb, _, path = route.partition(" ")
        if path.startswith("/wasmwheel/site/"):
            assert path.removesuffix("…") in said
        else:
            assert re.search(rf"`{re.escape(f'{verb} {path}'.strip())}[`? ]", said), route


def test_documented_report_matches_real_one(starter_report: dict[str, Any]) -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(each) for key, each in value.items()}
        return [shape(each) for each in value[:1]] if isinstance(value, list) else None

    shown = json.loads((DOCS / "report.json").read_text())
    assert set(shown.pop("published")) == {"site", "url"}
    real = dict(starter_report)
    assert real.pop("published") is None
    assert shape(shown) == shape(real)


def test_documented_report_parts_match_real_ones() -> None:
    shown = json.loads((DOCS / "report.json").read_text())
    rows = [each.split(" | ") for each in generated.report_parts().splitlines()[2:]]
    for key, _, fields in rows:
        part = shown[key.strip("| `")]
        example = part[0] if isinstance(part, list) and part else part
        if example:
            assert re.findall(r"`(\w+)` [a-z(]", fields) == [*example], key


def test_requests_are_in_table_of_fields() -> None:
    table = generated.request_fields()
    for row in (
        "| `with` | `site` |",
        "| `ignore_lock` | `build`, `test` |",
        "| `site` | `bundle` |",
    ):
        assert row in table
    assert "| `out` | `bundle` | string or null | `null` |" in table


def test_documented_recipe_is_valid(tmp_path: Path) -> None:
    (example,) = (
        token.content
        for token in tokens(DOCS / "recipes.md")
        if token.type == "fence" and token.info == "toml"
    )
    path = tmp_path / "recipe.toml"
    path.write_text(example)
    recipe, _ = recipes.choose(str(path), tomllib.loads(example)["name"], "1.3")
    assert recipe


def build(output: Path, *options: str) -> None:
    words = ("-q", "-W", "--keep-going", "-d", output.with_name("trees"), *options, DOCS, output)
    command = [sys.executable, "-m", "sphinx", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_docs_build_without_warnings_or_external_requests(tmp_path: Path) -> None:
    build(tmp_path / "html")
    pages = [tmp_path / f"html/{page.stem}.html" for page in DOCS.glob("*.md")]
    asks = re.compile(r"""<(?!a\b)[^>]*\b(?:src|href|srcset)=["'](?:https?:)?//[^>]*>""")
    for page in pages:
        assert not asks.findall(page.read_text()), page.name
    for style in (tmp_path / "html/_static").rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", style.read_text()), style.name


@pytest.mark.slow
def test_tutorial_works_to_its_end(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("WASMWHEEL_PATH", str(store.home))
    monkeypatch.setenv("WASMWHEEL_HOME", str(tmp_path / "home"))
    words_before, printed = "", ""
    for token in tokens(DOCS / "tutorial.md"):
        if token.type == "inline":
            words_before = token.content
        elif token.type == "fence" and (named := REPLACED.search(words_before)):
            (tmp_path / named[1]).write_text(token.content)
        elif token.type == "code_block" and " serve " in token.content:
            with run_on_terminal(*shlex.split(token.content)[2:]) as terminal:
                terminal.wait_for("Press Ctrl-C")
                url = terminal.wait_for(rf"(http://{re.escape(HOST)}:\d+/\S+)/tree/index.html")[1]
                with urllib.request.urlopen(f"{url}/api/contents/all.json") as answer:
                    assert "try-hello-0.1.0.ipynb" in answer.read().decode()
        elif token.type == "code_block" and token.content.startswith("jupyter"):
            command = ["bash", "-ec", token.content]
            ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr
            printed += ran.stdout
    for words in ("Ready to build", "hello works in Pyodide", "'to': 2", "1 test in Pyodide"):
        assert words in printed


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve a folder as `python -m http.server` does; yield its origin."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.slow
def test_notebook_runs_in_docs_page(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    live.make_site(tmp_path)
    build(tmp_path / "html", "-D", f"live_site={tmp_path / 'site'}")
    named = {
        package
        for page in DOCS.glob("*.md")
        for mark in live.MARK.finditer(page.read_text())
        for package in mark[1].split()
    }
    assert {f"starter-{each.name}==0.1.0" for each in starter.templates()} < named
    for package in named:
        assert (tmp_path / "html/live/files" / live.notebook_of(package)).is_file()
    with serve_folder(tmp_path / "html") as origin, browser(tmp_path / "profile") as context:
        tab = Tab(page=context.new_page())
        context.on("request", lambda request: tab.requests.append(request.url))
        tab.page.goto(f"{origin}/live.html")
        assert not any("/live/" in url for url in tab.asked_for), "not before it is asked for"
        tab.page.get_by_text("Run hello here").click()
        notebook = tab.page.frame_locator("iframe").locator(".jp-Notebook")
        notebook.wait_for(timeout=START_TIMEOUT_MS)
        frame = tab.page.frames[-1]
        wait_for_kernel(frame)
        notebook.locator(".jp-CodeCell .cm-content").last.click()
        tab.page.keyboard.press("Control+a")
        tab.page.keyboard.insert_text("import hello\nhello.greet('you')")
        tab.page.keyboard.press("Control+Enter")
        answer = notebook.locator(".jp-OutputArea-output", has_text="Hello, you! This is Rust")
        answer.first.wait_for(timeout=START_TIMEOUT_MS)
        assert tab.from_elsewhere(origin) == []
