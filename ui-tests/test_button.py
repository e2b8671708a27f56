"""The button: from a click in the file browser to the output of a cell, with nothing faked."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, expect
from screen import BUILD_TIMEOUT_MS, CLONE, Lab, build_folder, check_and_capture, row, show_panel

from tests.fixtures.browser import Tab, wait_for_kernel


def test_click_on_a_folder_leads_to_a_cell_that_runs(
    page: Page, context: BrowserContext, lab: Lab, make_crate: Callable[[str], Path]
) -> None:
    crate = make_crate("hello")
    first, second = put_nonce(crate), secrets.token_hex(8)

    build_folder(page, "hello")
    show_panel(page)
    seen = watch_progress(page)
    assert len(seen) >= 3, seen
    notice = page.locator(".Toastify__toast", has_text="hello 0.1.0 is in the site")
    expect(notice).to_be_visible()
    expect(row(page, "hello 0.1.0")).to_contain_text("kB")
    check_and_capture(page, "panel-built")

    with context.expect_page() as opened:
        notice.get_by_role("button", name="Try It").click()
    tab = Tab(opened.value)
    wait_for_kernel(tab.page)
    place, own = urlsplit(tab.page.url), urlsplit(lab.origin)
    assert place.hostname != own.hostname
    assert place.port != own.port
    assert first in tab.run(0)
    tab.page.screenshot(path=CLONE / "artifacts/site-notebook.png")

    put_nonce(crate, second)
    page.bring_to_front()
    build_folder(page, "hello")
    tab.page.bring_to_front()
    offer = tab.page.get_by_text("hello was published again")
    offer.wait_for(timeout=BUILD_TIMEOUT_MS)
    tab.page.screenshot(path=CLONE / "artifacts/site-published-again.png")
    tab.page.get_by_role("button", name="Restart Kernel and Use It").click()
    expect(tab.page.locator(".jp-OutputArea-output").first).to_contain_text(
        second, timeout=BUILD_TIMEOUT_MS
    )

    tab.page.get_by_role("button", name="Packages in This Site").click()
    ours = tab.page.locator('[data-package="hello"]')
    ours.get_by_role("button", name="Insert Import").click()
    expect(tab.page.locator(".jp-CodeCell").filter(has_text="import hello").nth(1)).to_be_visible()
    tab.page.screenshot(path=CLONE / "artifacts/site-packages.png")


def put_nonce(crate: Path, nonce: str | None = None) -> str:
    """Put a random word into the source of the crate, and return it."""
    nonce = nonce or secrets.token_hex(8)
    source = crate / "src/lib.rs"
    text = source.read_text()
    lines = [
        f'    format!("Hello, {{name}}! {nonce}")' if "Hello, {name}!" in line else line
        for line in text.splitlines()
    ]
    source.write_text("\n".join(lines) + "\n")
    return nonce


def watch_progress(page: Page) -> set[str]:
    """Return the values that the progress bar of a build had until the build ended."""
    newest = row(page, "hello")
    newest.wait_for(timeout=BUILD_TIMEOUT_MS)
    seen: set[str] = set()
    while newest.get_attribute("data-state") in ("queued", "running"):
        # In one step, for the bar disappears when the build ends.
        values = newest.get_by_role("progressbar").evaluate_all(
            "bars => bars.map(bar => bar.getAttribute('aria-valuenow'))"
        )
        if value := next(filter(None, values), None):
            seen.add(value)
            if len(seen) == 2:
                newest.locator(".jp-wasmwheel-item-main").click()
                page.screenshot(path=CLONE / "artifacts/building.png")
        page.wait_for_timeout(50)
    return seen
