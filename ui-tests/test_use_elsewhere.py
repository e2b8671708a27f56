"""What to paste into other front ends: shown for each of them, and copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from screen import Lab, check_and_capture, run, show_panel

from jupyter_wasmwheel import config
from jupyter_wasmwheel.site import lite, snippets
from jupyter_wasmwheel.site.lite import Site
from tests.fixtures.site_factory import create_site, publish_one, tiny_wheel


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    """Create the first site in the store of the server, with a package."""
    store = config.load().store()
    site = create_site(lite.folder_of("a-site", store), store)
    publish_one(site, tiny_wheel(tmp_path))
    yield site
    shutil.rmtree(site.folder)


def text_of(site: Site, front_end: str, url: str | None = None) -> str:
    found = snippets.list_snippets(site, "tiny", url)
    return next(each.text for each in found if each.front_end == front_end)


def test_snippet_for_a_front_end_is_shown_and_copied(
    page: Page, context: BrowserContext, site: Site
) -> None:
    panel = show_panel(page)
    run(page, "wasmwheel:refresh")
    item = panel.locator('[data-package="tiny"]')
    item.get_by_role("button", name="More actions for tiny").click()
    page.locator(".lm-Menu-item", has_text="Use It Elsewhere…").click()
    dialog = page.locator(".jp-Dialog")
    shown = dialog.locator("pre")
    expect(shown).to_contain_text("loadPyodide")
    dialog.get_by_label("Front end").select_option(label="marimo")
    expect(dialog).to_contain_text("the first cell of a notebook")
    assert shown.inner_text().strip() == text_of(site, "marimo").strip()
    check_and_capture(page, "use-elsewhere")

    address = dialog.get_by_label("Address of the site")
    address.fill("example.org/workshop")
    expect(dialog.get_by_role("alert")).to_contain_text("Invalid address")
    expect(dialog.get_by_role("button", name="Copy")).to_be_disabled()
    address.fill("https://example.org/workshop/")
    expect(shown).to_contain_text('"https://example.org/workshop/simple"')
    expect(dialog.get_by_role("alert")).to_have_count(0)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == text_of(site, "marimo", "https://example.org/workshop/")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
