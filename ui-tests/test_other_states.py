"""States that are rare or slow to reach, with faked responses of the server."""

from __future__ import annotations

import pytest
from answers import JOBS, PACKAGE, SITE, fake
from playwright.sync_api import BrowserContext, Page, expect
from screen import Lab, check_and_capture, open_lab, show_panel


@pytest.fixture
def faked(context: BrowserContext, lab: Lab) -> Page:
    """Open JupyterLab on a server with a job in each state."""
    routes = {
        "jobs": {"jobs": JOBS, "seq": 10},
        "sites": {"sites": [SITE]},
        "sites/workshop/packages": {"site": "workshop", "packages": [PACKAGE]},
    }
    for path, document in routes.items():
        fake(context, path, document)
    context.route(
        "**/wasmwheel/api/jobs/*/events",
        lambda route: route.fulfill(content_type="application/x-ndjson", body=""),
    )
    context.route("**/wasmwheel/api/events?*", lambda route: None)
    page = open_lab(context, lab)
    show_panel(page)
    return page


def test_each_state_has_its_label(faked: Page) -> None:
    rows = faked.locator(".jp-wasmwheel-item[data-job]")
    said = ["Compile 9/14", "Queued", "142 kB24 s", "Failed", "Interrupted", "Canceled"]
    expect(rows.locator(".jp-wasmwheel-details")).to_contain_text(said)
    for number, action in enumerate(["Try It", "Show", "Retry", "Retry"], start=2):
        expect(rows.nth(number).get_by_role("button", name=action, exact=True)).to_be_visible()
    check_and_capture(faked, "panel-states")


def test_report_shows_all_sections(faked: Page) -> None:
    faked.locator(".jp-wasmwheel-item-main", has_text="rpds-py").first.click()
    report = faked.locator(".jp-wasmwheel-report")
    for text in ("142 kB", "5f1c5f1c", "onig_sys", "numpy>=2", "not available", "+tokio"):
        expect(report).to_contain_text(text)
    rows = report.locator(".jp-wasmwheel-matrix tbody tr")
    expect(rows).to_contain_text(["0.29.5", "314.0.7", "pyo3 0.28 does not support Python 3.15"])
    link = rows.first.get_by_role("link")
    assert str(link.get_attribute("href")).endswith("/wheel?target=2025_0")
    check_and_capture(faked, "build-report")


def test_known_failure_shows_its_fix_and_button(faked: Page) -> None:
    faked.locator(".jp-wasmwheel-item-main", has_text="tokenizers").click()
    problems = faked.locator(".jp-wasmwheel-problems")
    expect(problems).to_contain_text("No Rust toolchain")
    expect(problems.get_by_role("button", name="Set Up Toolchain")).to_be_visible()
    check_and_capture(faked, "build-answer")


def test_unreachable_site_opens_through_the_server(faked: Page) -> None:
    fake(faked.context, "sites/workshop/open", SITE)
    opened: list[str] = []
    faked.context.on("page", lambda page: opened.append(page.url))
    faked.locator('[data-package="rpds-py"]').get_by_role("button", name="Try It").click()
    question = faked.locator(".jp-Dialog-content")
    expect(question).to_contain_text("with the rights of your login", timeout=15_000)
    check_and_capture(faked, "dialog-through-the-server")
    with faked.context.expect_page() as through:
        question.get_by_role("button", name="Open Through Server").click()
    through.value.wait_for_url("**/wasmwheel/site/workshop/x/notebooks/**")


def test_missing_server_extension_is_explained(context: BrowserContext, lab: Lab) -> None:
    fake(context, "**", {"message": "Not Found"}, status=404)
    page = open_lab(context, lab)
    panel = show_panel(page)
    answer = panel.get_by_role("alert")
    expect(answer).to_contain_text("The server extension of jupyter-wasmwheel is not running.")
    expect(answer).to_contain_text("does not respond at wasmwheel/api")
    expect(answer).to_contain_text("jupyter server extension list")
    check_and_capture(page, "panel-no-server")


def test_missing_toolchain_shows_a_set_up_button(context: BrowserContext, lab: Lab) -> None:
    finding = {
        "id": "rust",
        "part": "Rust",
        "state": "missing",
        "version": None,
        "text": "No Rust toolchain can build for Pyodide.",
        "fix": "Run `jupyter wasmwheel doctor --fix` to install Rust with rustup.",
        "mend": [],
        "remedies": [{"action": "install", "extras": [], "target": "2026_0"}],
    }
    fake(
        context,
        "toolchain",
        {"schema": 1, "ok": False, "target": "2026_0", "findings": [finding]},
    )
    page = open_lab(context, lab)
    panel = show_panel(page)
    expect(panel.locator(".jp-wasmwheel-toolchain-line")).to_contain_text("Missing: Rust")
    expect(panel.get_by_role("button", name="Set Up Toolchain")).to_be_visible()
    expect(panel.get_by_role("button", name="Build for Pyodide")).to_be_disabled()
    check_and_capture(page, "panel-no-toolchain")


def test_missing_site_is_explained(context: BrowserContext, lab: Lab) -> None:
    error = {
        "what": "No site found in /home/me/sites/workshop.",
        "why": "The folder does not exist.",
        "fix": "Create a site with `jupyter wasmwheel site create workshop`.",
        "status": 7,
    }
    nothing = dict.fromkeys(("target", "pyodide", "mode", "url", "up", "probe", "through"))
    fake(context, "sites", {"sites": [SITE | nothing | {"error": error}]})
    page = open_lab(context, lab)
    panel = show_panel(page)
    expect(panel.locator(".jp-wasmwheel-error")).to_contain_text("The folder does not exist.")
    check_and_capture(page, "panel-no-site")


def test_keyboard_reaches_all_controls(faked: Page) -> None:
    faked.get_by_label("Source", exact=True).select_option("pypi")
    faked.get_by_label("PyPI: NAME or NAME==VERSION").fill("rpds-py")
    faked.locator("#jp-wasmwheel .jp-wasmwheel-header button").focus()
    reached = []
    for _ in range(48):
        faked.keyboard.press("Tab")
        reached.append(
            faked.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText")
        )
    for label in ("Build for Pyodide", "Cancel hello 0.1.0", "Retry"):
        assert any(label in each for each in reached if each), f"{label}: {reached}"
    faked.locator(".jp-wasmwheel-item-main", has_text="rpds-py").first.focus()
    faked.keyboard.press("Enter")
    tab = faked.get_by_role("tab", name="Report")
    tab.focus()
    faked.keyboard.press("ArrowRight")
    expect(faked.get_by_role("tab", name="Timings")).to_be_focused()
    expect(faked.get_by_role("tab", name="Timings")).to_have_attribute("aria-selected", "true")
