"""What somebody meets who has never built anything; it runs first, on an empty list of builds."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from screen import Lab, keep, show_panel


def test_the_empty_panel_says_what_it_is_for(page: Page) -> None:
    panel = show_panel(page)
    expect(panel.get_by_text("Put a Python package with Rust in it into a browser")).to_be_visible()
    expect(panel.get_by_role("button", name="Build an example")).to_be_visible()
    expect(panel.get_by_role("button", name="New Rust extension")).to_be_visible()
    expect(panel.locator(".jp-wasmwheel-toolchain-line")).to_contain_text("Ready · Rust")
    keep(page, "panel-empty")


def test_the_toolchain_shows_its_details(page: Page) -> None:
    panel = show_panel(page)
    panel.locator(".jp-wasmwheel-toolchain-line").click()
    for part in ("Rust", "Node.js", "Pyodide", "wasm-opt", "C compiler"):
        expect(panel.locator(".jp-wasmwheel-findings li", has_text=part).first).to_be_visible()
    panel.locator(".jp-wasmwheel-options summary").click()
    keep(page, "panel-details")


def test_a_new_rust_extension_is_made_from_the_launcher(page: Page, lab: Lab) -> None:
    page.locator(".jp-LauncherCard", has_text="New Rust Extension").click()
    page.locator(".jp-Dialog input").fill("fresh")
    keep(page, "dialog-new")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("radio", name="function Functions written in Rust.")).to_be_checked()
    page.get_by_role("radio", name="class A class written in Rust").check()
    keep(page, "dialog-template")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator("#jp-main-dock-panel")).to_contain_text("A class written in Rust")
    expect(page.locator("#jp-wasmwheel input[type=text]").first).to_have_value("fresh")
    assert (lab.root / "fresh/Cargo.toml").is_file()


def test_everything_is_in_the_palette(page: Page) -> None:
    expect(page.locator(".jp-Launcher")).to_be_focused()  # which would close the palette
    page.keyboard.press("Control+Shift+C")
    page.locator("#modal-command-palette input").fill("pyodide")
    for label in ("Build for Pyodide", "Build an Example for Pyodide", "New Site"):
        expect(page.locator(".lm-CommandPalette-itemLabel", has_text=label).first).to_be_visible()


def test_foreign_code_is_asked_about(page: Page, lab: Lab) -> None:
    panel = show_panel(page)
    panel.get_by_label("Where the code comes from").select_option("pypi")
    panel.get_by_label("PyPI: name, or name==version").fill("uuid-utils")
    abi = lab.api("targets")["default"]
    panel.get_by_label("for", exact=True).select_option(f"wheel:{abi}")
    panel.get_by_role("button", name="Build for Pyodide").click()
    question = page.locator(".jp-Dialog-content")
    expect(question).to_contain_text("Building runs this package's code on this server.")
    keep(page, "dialog-consent")
    question.get_by_role("button", name="Cancel").click()
    assert lab.api("jobs")["jobs"] == []
