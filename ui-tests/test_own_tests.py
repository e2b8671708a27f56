"""The tests of a project: run from the menu of its folder, and again from the document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from screen import BUILD_TIMEOUT_MS, check_and_capture, row, run, show_panel


def choose(page: Page, folder: str, entry: str) -> None:
    """Right click on a folder in the file browser, then an entry of its menu."""
    run(page, "filebrowser:activate")
    run(page, "filebrowser:refresh")
    item = page.locator(".jp-DirListing-item", has=page.get_by_text(folder, exact=True))
    item.hover()
    item.click(button="right")
    page.locator(".lm-Menu-item", has_text=entry).click()


def test_failed_test_leads_to_its_line(page: Page, make_crate: Callable[[str], Path]) -> None:
    crate = make_crate("proven")
    tests = crate / "tests/test_module.py"
    text = tests.read_text()
    place = len(text.splitlines()) + 5
    tests.write_text(
        f"{text}\n\ndef test_that_fails():\n    number = proven.fibonacci(3)\n"
        "    assert number == 3\n\n\ndef test_with_a_thread():\n"
        "    import threading\n    threading.Thread(target=print).start()\n"
    )

    choose(page, "proven", "Run Tests in Pyodide")
    show_panel(page)
    newest = row(page, "Tests of proven 0.1.0")
    expect(newest).to_contain_text("1 test failed", timeout=BUILD_TIMEOUT_MS)
    notice = page.locator(".Toastify__toast", has_text="1 of 4 tests of proven 0.1.0 failed")
    notice.get_by_role("button", name="Show Problems").click()

    document = page.locator(".jp-wasmwheel-document")
    problem = document.locator(".jp-wasmwheel-problem").first
    expect(problem).to_contain_text("tests/test_module.py::test_that_fails: assert 2 == 3")
    expect(problem.get_by_text("Test output")).to_be_visible()
    check_and_capture(page, "tests-failed")
    document.get_by_role("tab", name="Report").click()
    expect(document).to_contain_text("2 passed, 1 failed, 1 unsupported")
    expect(document).to_contain_text("Needs threads")
    check_and_capture(page, "tests-report")
    document.get_by_role("tab", name="Problems").click()
    problem.get_by_role("button", name=f"proven/tests/test_module.py:{place}").click()
    expect(page.locator(".jp-FileEditor")).to_contain_text("test_that_fails")
    expect(page.locator("#jp-main-statusbar")).to_contain_text(f"Ln {place}, Col 1")

    tests.write_text(text)
    newest.locator(".jp-wasmwheel-item-main").click()
    document.get_by_role("button", name="Run Again").click()
    expect(row(page, "Tests of proven 0.1.0")).to_contain_text("2 passed", timeout=BUILD_TIMEOUT_MS)
    check_and_capture(page, "tests-passed")
