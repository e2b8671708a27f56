"""The edits of a build: in the panel before it, and in its document after it."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from screen import BUILD_TIMEOUT_MS, Lab, check_and_capture, row, show_panel

PYPROJECT = """[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"

[project]
name = "plain"
version = "1.0"
description = "No Rust."
dependencies = ["never-heard-of-this", "packaging"]
"""

RECIPE = """name = "plain"
[[replace]]
file = "plain/__init__.py"
old = "WORD = 1"
new = "WORD = 2"
why = "Two is more."
"""


def test_edits_are_shown_before_the_build_and_in_its_report(page: Page, lab: Lab) -> None:
    (lab.root / "plain/plain").mkdir(parents=True)
    (lab.root / "plain/plain/__init__.py").write_text("WORD = 1\n")
    (lab.root / "plain/pyproject.toml").write_text(PYPROJECT)
    (lab.root / "mine.toml").write_text(RECIPE)
    panel = show_panel(page)
    # The form first shows the folder of the file browser.
    hint = panel.locator(".jp-wasmwheel-hint")
    expect(hint).to_contain_text("Choose the folder of a package", timeout=BUILD_TIMEOUT_MS)
    panel.get_by_label("Folder", exact=True).fill("plain")
    expect(hint).to_contain_text("plain 1.0", timeout=BUILD_TIMEOUT_MS)
    abi = lab.api("targets")["default"]
    panel.get_by_label("For", exact=True).select_option(f"wheel:{abi}")
    panel.locator(".jp-wasmwheel-options summary").click()
    optional = panel.get_by_label("Make optional")
    expect(optional).to_have_attribute("placeholder", "never-heard-of-this packaging")
    changes = panel.locator(".jp-wasmwheel-edits")
    expect(changes).to_have_count(0)
    optional.fill("numpy")
    expect(panel.get_by_role("alert")).to_contain_text("numpy is not a dependency of the package")
    optional.fill("never-heard-of-this")
    expect(changes).to_contain_text('+dependencies = ["packaging"]')
    panel.get_by_label("Recipe").select_option("file")
    panel.get_by_label("Recipe file").fill("mine.toml")
    expect(changes).to_contain_text("The build changes 2 files in its copy")
    expect(changes).to_contain_text("Two is more.")
    expect(changes).to_contain_text("+WORD = 2")
    check_and_capture(page, "panel-edits")
    panel.get_by_role("button", name="Build for Pyodide").click()
    row(page, "plain").locator(".jp-wasmwheel-item-main").click()
    document = page.locator(".jp-wasmwheel-document")
    expect(document.locator(".jp-wasmwheel-report h2", has_text="Edits")).to_be_visible(
        timeout=BUILD_TIMEOUT_MS
    )
    expect(document).to_contain_text("-WORD = 1")
    check_and_capture(page, "document-edits")
    assert (lab.root / "plain/plain/__init__.py").read_text() == "WORD = 1\n"


def test_preview_button_shows_the_edits_of_a_pypi_package(page: Page, lab: Lab) -> None:
    panel = show_panel(page)
    panel.get_by_label("Source", exact=True).select_option("pypi")
    panel.get_by_label("PyPI: NAME or NAME==VERSION").fill("tokenizers==0.22.2")
    panel.get_by_role("button", name="Preview Edits").click()
    changes = panel.locator(".jp-wasmwheel-edits")
    expect(changes).to_contain_text("The build changes 3 files", timeout=BUILD_TIMEOUT_MS)
    expect(changes).to_contain_text("recipe tokenizers.toml of jupyter-wasmwheel")
    check_and_capture(page, "panel-recipe")
