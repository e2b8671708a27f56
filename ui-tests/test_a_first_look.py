"""The first use of the panel; this module runs first, on an empty list of builds."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from screen import Lab, check_and_capture, show_panel


def test_panel_without_builds_shows_its_purpose_and_two_buttons(page: Page) -> None:
    panel = show_panel(page)
    expect(panel.get_by_text("Build Rust-based Python packages for Pyodide")).to_be_visible()
    expect(panel.get_by_role("button", name="Build Example")).to_be_visible()
    expect(panel.get_by_role("button", name="New Rust Extension")).to_be_visible()
    expect(panel.locator(".jp-wasmwheel-toolchain-line")).to_contain_text("Ready · Rust")
    check_and_capture(page, "panel-empty")


def test_toolchain_expands_to_its_parts(page: Page) -> None:
    panel = show_panel(page)
    panel.locator(".jp-wasmwheel-toolchain-line").click()
    for part in ("Rust", "Node.js", "Pyodide", "wasm-opt", "C compiler"):
        expect(panel.locator(".jp-wasmwheel-findings li", has_text=part).first).to_be_visible()
    panel.locator(".jp-wasmwheel-options summary").click()
    check_and_capture(page, "panel-details")


def test_launcher_creates_a_rust_extension(page: Page, lab: Lab) -> None:
    page.locator(".jp-LauncherCard", has_text="New Rust Extension").click()
    page.locator(".jp-Dialog input").fill("fresh")
    check_and_capture(page, "dialog-new")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("radio", name="function Functions written in Rust.")).to_be_checked()
    page.get_by_role("radio", name="class A class written in Rust").check()
    check_and_capture(page, "dialog-template")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#jp-main-dock-panel")).to_contain_text("A class written in Rust")
    expect(page.locator("#jp-wasmwheel input[type=text]").first).to_have_value("fresh")
    assert (lab.root / "fresh/Cargo.toml").is_file()


def test_palette_lists_the_commands(page: Page) -> None:
    expect(page.locator(".jp-Launcher")).to_be_focused()  # which would close the palette
    page.keyboard.press("Control+Shift+C")
    page.locator("#modal-command-palette input").fill("pyodide")
    for label in ("Build for Pyodide", "Build Example for Pyodide", "New JupyterLite Site"):
        expect(page.locator(".lm-CommandPalette-itemLabel", has_text=label).first).to_be_visible()


def test_build_of_foreign_code_asks_for_consent(page: Page, lab: Lab) -> None:
    panel = show_panel(page)
    panel.get_by_label("Source", exact=True).select_option("pypi")
    panel.get_by_label("PyPI: NAME or NAME==VERSION").fill("uuid-utils")
    abi = lab.api("targets")["default"]
    panel.get_by_label("For", exact=True).select_option(f"wheel:{abi}")
    panel.get_by_role("button", name="Build for Pyodide").click()
    question = page.locator(".jp-Dialog-content")
    expect(question).to_contain_text("Run this package's code on this server?")
    check_and_capture(page, "dialog-consent")
    question.get_by_role("button", name="Cancel").click()
    assert lab.api("jobs")["jobs"] == []
