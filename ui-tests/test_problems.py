"""A compile error: listed, and linked to its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from screen import BUILD_TIMEOUT_MS, build_folder, check_and_capture, row, show_panel


def test_compile_error_leads_to_its_line(page: Page, make_crate: Callable[[str], Path]) -> None:
    crate = make_crate("broken")
    source = crate / "src/lib.rs"
    lines = source.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if "format!" in line)
    lines.insert(place, "    let answer: u8 = no_such_thing();")
    source.write_text("\n".join(lines) + "\n")

    build_folder(page, "broken")
    notice = page.locator(".Toastify__toast", has_text="Could not build broken 0.1.0: 1 problem")
    notice.wait_for(timeout=BUILD_TIMEOUT_MS)
    show_panel(page)
    expect(row(page, "broken")).to_contain_text("1 problem")
    notice.get_by_role("button", name="Show Problems").click()

    document = page.locator(".jp-wasmwheel-document")
    expect(document.get_by_role("tab", name="Problems")).to_have_attribute("aria-selected", "true")
    problem = document.locator(".jp-wasmwheel-problem").first
    expect(problem).to_contain_text("cannot find function no_such_thing")
    check_and_capture(page, "build-problems")
    for name in ("Log", "Timings", "Report"):
        document.get_by_role("tab", name=name).click()
        check_and_capture(page, f"build-failed-{name.lower()}")
    document.get_by_role("tab", name="Problems").click()

    problem.get_by_role("button", name=f"broken/src/lib.rs:{place + 1}:").click()
    expect(page.locator(".jp-FileEditor")).to_contain_text("no_such_thing")
    expect(page.locator("#jp-main-statusbar")).to_contain_text(f"Ln {place + 1}, Col 22")
