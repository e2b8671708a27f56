"""The builder in a notebook: a real kernel, without the server extension."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, expect
from screen import BUILD_TIMEOUT_MS, Lab, check_and_capture, wait_until_ready

from tests.fixtures import wheel_factory
from tests.fixtures.browser import Tab, wait_for_kernel

#: Collect the values of the progress bar from now on.
COLLECT = """() => {
    window.progressSeen = new Set();
    new MutationObserver(() => {
        const bar = document.querySelector('.jp-wasmwheel-builder .progress-bar');
        if (bar) window.progressSeen.add(bar.style.width);
    }).observe(document.body, {attributes: true, childList: true, subtree: true});
}"""


def open_notebook(context: BrowserContext, lab: Lab, name: str, *cells: str) -> Tab:
    """Open a new notebook with cells in JupyterLab."""
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
    wait_until_ready(page)
    wait_for_kernel(page)
    return Tab(page=page)


def widget(tab: Tab) -> Locator:
    return tab.page.locator(".jp-wasmwheel-builder")


def test_cell_builds_a_wheel(context: BrowserContext, lab: Lab, tmp_path: Path) -> None:
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
    expect(result).to_contain_text("SHA-256", timeout=BUILD_TIMEOUT_MS)
    seen = tab.page.evaluate("() => [...window.progressSeen]")
    assert len(set(seen) - {"0%", ""}) >= 3, seen
    expect(widget(tab).get_by_label("Build", exact=True)).to_be_visible()
    widget(tab).get_by_role("button", name="Log").click()
    check_and_capture(tab.page, "widget-done")

    command = [sys.executable, "-m", "jupyter_wasmwheel", "build", crate, "--profile", "draft"]
    made = subprocess.run(
        [*command, "--json", "--out", tmp_path], check=True, stdout=subprocess.PIPE
    )
    sha256 = json.loads(made.stdout)["sha256"]
    expect(result).to_contain_text(sha256)
    assert " ".join(tab.run(1).split()) == f"('{sha256}', True, 'done')"
    said = tab.run(2)
    assert "nowhere not found." in said
    assert "fix: Check the path" in said


def test_compile_error_is_shown_and_build_is_canceled(context: BrowserContext, lab: Lab) -> None:
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
    expect(widget(tab).get_by_role("alert")).to_be_visible(timeout=BUILD_TIMEOUT_MS)
    expect(widget(tab)).to_contain_text("mismatched types")
    expect(widget(tab)).to_contain_text("<b>no</b>")
    check_and_capture(tab.page, "widget-problems")
    (crate / "build.rs").write_text("fn main() { std::thread::sleep_ms(600_000) }")
    widget(tab).get_by_role("button", name="Build for Pyodide").click()
    widget(tab).get_by_role("button", name="Cancel").click()
    expect(widget(tab).get_by_role("status")).to_have_text("Canceled", timeout=BUILD_TIMEOUT_MS)
    expect(widget(tab).get_by_role("button", name="Build for Pyodide")).to_be_enabled()
