"""The builder in a notebook of JupyterLab: a real kernel, without the server extension's help."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, expect
from screen import PATIENCE, Lab, keep
from screen import until_there as until_lab_there

from tests.fixtures import wheel_factory
from tests.fixtures.browser import Tab, until_there

#: Collects the different values that the bar of progress had, from now on.
COLLECT = """() => {
    window.progressSeen = new Set();
    new MutationObserver(() => {
        const bar = document.querySelector('.jp-wasmwheel-builder .progress-bar');
        if (bar) window.progressSeen.add(bar.style.width);
    }).observe(document.body, {attributes: true, childList: true, subtree: true});
}"""


def open_notebook(context: BrowserContext, lab: Lab, name: str, *cells: str) -> Tab:
    """Open a new notebook with some cells in JupyterLab."""
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {
        "cells": [cell | {"id": f"c{n}", "source": text} for n, text in enumerate(cells)],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (lab.root / name).write_text(json.dumps(document))
    page = context.new_page()
    page.goto(f"{lab.origin}/lab/tree/{name}?token={lab.token}&reset")
    until_lab_there(page)
    until_there(page)
    return Tab(page=page)


def widget(tab: Tab) -> Locator:
    return tab.page.locator(".jp-wasmwheel-builder")


def test_a_wheel_is_built_in_a_cell(context: BrowserContext, lab: Lab, tmp_path: Path) -> None:
    crate = wheel_factory.crate("celled", lab.root)
    tab = open_notebook(
        context,
        lab,
        "celled.ipynb",
        "from jupyter_wasmwheel import WheelBuilder\n"
        "builder = WheelBuilder('celled', profile='draft')\nbuilder",
        "report = await builder.build()\nreport['sha256'], report['cached'], builder.state",
        "builder.source = 'nowhere'\nawait builder.build()",
    )
    tab.run(0)
    expect(widget(tab).get_by_label("Build", exact=True)).to_have_value("celled")
    tab.page.evaluate(COLLECT)
    widget(tab).get_by_role("button", name="Build for Pyodide").click()
    result = widget(tab).locator("table")
    expect(widget(tab).get_by_role("button", name="Cancel")).to_be_enabled()
    expect(result).to_contain_text("SHA-256", timeout=PATIENCE)
    seen = tab.page.evaluate("() => [...window.progressSeen]")
    assert len(set(seen) - {"0%", ""}) >= 3, seen
    expect(widget(tab).get_by_label("Build", exact=True)).to_be_visible()
    widget(tab).get_by_role("button", name="Log").click()
    keep(tab.page, "widget-done")

    command = [sys.executable, "-m", "jupyter_wasmwheel", "build", crate, "--profile", "draft"]
    made = subprocess.run(
        [*command, "--json", "--out", tmp_path], check=True, stdout=subprocess.PIPE
    )
    sha256 = json.loads(made.stdout)["sha256"]
    expect(result).to_contain_text(sha256)
    assert " ".join(tab.run(1).split()) == f"('{sha256}', True, 'done')"
    said = tab.run(2)
    assert "There is no" in said
    assert "fix: Check the path" in said


def test_a_mistake_is_shown_and_a_build_is_cancelled(context: BrowserContext, lab: Lab) -> None:
    crate = wheel_factory.crate("mistaken", lab.root)
    good = (crate / "src/lib.rs").read_text()
    (crate / "src/lib.rs").write_text('fn wrong() -> i32 { "<b>no</b>" }\n' + good)
    tab = open_notebook(
        context,
        lab,
        "mistaken.ipynb",
        "from jupyter_wasmwheel import WheelBuilder\n"
        "builder = WheelBuilder('mistaken', profile='draft')\nbuilder",
    )
    tab.run(0)
    widget(tab).get_by_role("button", name="Build for Pyodide").click()
    expect(widget(tab).get_by_role("alert")).to_be_visible(timeout=PATIENCE)
    expect(widget(tab)).to_contain_text("mismatched types")
    expect(widget(tab)).to_contain_text("<b>no</b>")
    keep(tab.page, "widget-problems")
    (crate / "build.rs").write_text("fn main() { std::thread::sleep_ms(600_000) }")
    widget(tab).get_by_role("button", name="Build for Pyodide").click()
    widget(tab).get_by_role("button", name="Cancel").click()
    expect(widget(tab).get_by_role("status")).to_have_text("Cancelled", timeout=PATIENCE)
    expect(widget(tab).get_by_role("button", name="Build for Pyodide")).to_be_enabled()
