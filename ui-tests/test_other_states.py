"""States that are rare, or that a real build takes long to come to: the answers are ours."""

from __future__ import annotations

import pytest
from answers import JOBS, PACKAGE, SITE, fake
from playwright.sync_api import BrowserContext, Page, expect
from screen import Lab, keep, open_lab, show_panel


@pytest.fixture
def faked(context: BrowserContext, lab: Lab) -> Page:
    """JupyterLab on a server with a job in every state."""
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


def test_every_state_has_its_words(faked: Page) -> None:
    rows = faked.locator(".jp-wasmwheel-item[data-job]")
    said = ["compile 9/14", "waiting", "142 kB24 s", "toolchain", "interrupted", "cancelled"]
    expect(rows.locator(".jp-wasmwheel-details")).to_contain_text(said)
    for number, action in enumerate(["Try it", "Show", "Again", "Again"], start=2):
        expect(rows.nth(number).get_by_role("button", name=action, exact=True)).to_be_visible()
    keep(faked, "panel-states")


def test_the_report_tells_everything(faked: Page) -> None:
    faked.locator(".jp-wasmwheel-item-main", has_text="rpds-py").first.click()
    report = faked.locator(".jp-wasmwheel-report")
    for text in ("142 kB", "5f1c5f1c", "onig_sys", "numpy>=2", "nowhere to be had", "+tokio"):
        expect(report).to_contain_text(text)
    keep(faked, "build-report")


def test_a_known_failure_says_what_to_do(faked: Page) -> None:
    faked.locator(".jp-wasmwheel-item-main", has_text="tokenizers").click()
    problems = faked.locator(".jp-wasmwheel-problems")
    expect(problems).to_contain_text("There is no Rust")
    expect(problems.get_by_role("button", name="Set Up Toolchain")).to_be_visible()
    keep(faked, "build-answer")


def test_a_site_out_of_reach_is_opened_through_the_server(faked: Page) -> None:
    fake(faked.context, "sites/workshop/open", SITE)
    opened: list[str] = []
    faked.context.on("page", lambda page: opened.append(page.url))
    faked.locator('[data-package="rpds-py"]').get_by_role("button", name="Try it").click()
    question = faked.locator(".jp-Dialog-content")
    expect(question).to_contain_text("with the rights of your login", timeout=15_000)
    keep(faked, "dialog-through-the-server")
    with faked.context.expect_page() as through:
        question.get_by_role("button", name="Open through the server").click()
    through.value.wait_for_url("**/wasmwheel/site/workshop/x/notebooks/**")


def test_a_missing_server_extension_is_said(context: BrowserContext, lab: Lab) -> None:
    fake(context, "**", {"message": "Not Found"}, status=404)
    page = open_lab(context, lab)
    panel = show_panel(page)
    answer = panel.get_by_role("alert")
    expect(answer).to_contain_text("The server extension of jupyter-wasmwheel is not running.")
    expect(answer).to_contain_text("does not answer at wasmwheel/api")
    expect(answer).to_contain_text("jupyter server extension list")
    keep(page, "panel-no-server")


def test_a_missing_toolchain_can_be_set_up(context: BrowserContext, lab: Lab) -> None:
    finding = {
        "id": "rust",
        "part": "Rust",
        "state": "missing",
        "version": None,
        "text": "There is no Rust that can build for Pyodide.",
        "fix": "`jupyter wasmwheel doctor --fix` installs one by rustup, in a place of its own.",
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
    keep(page, "panel-no-toolchain")


def test_a_site_that_is_gone_is_said(context: BrowserContext, lab: Lab) -> None:
    error = {
        "what": "There is no site in /home/me/sites/workshop.",
        "why": "There is no such folder.",
        "fix": "Make one with `jupyter wasmwheel site create workshop`.",
        "status": 7,
    }
    nothing = dict.fromkeys(("target", "pyodide", "mode", "url", "up", "probe", "through"))
    fake(context, "sites", {"sites": [SITE | nothing | {"error": error}]})
    page = open_lab(context, lab)
    panel = show_panel(page)
    expect(panel.locator(".jp-wasmwheel-error")).to_contain_text("There is no such folder.")
    keep(page, "panel-no-site")


def test_the_keyboard_is_enough(faked: Page) -> None:
    faked.get_by_label("Where the code comes from").select_option("pypi")
    faked.get_by_label("PyPI: name, or name==version").fill("rpds-py")
    faked.locator("#jp-wasmwheel .jp-wasmwheel-header button").focus()
    reached = []
    for _ in range(24):
        faked.keyboard.press("Tab")
        reached.append(
            faked.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText")
        )
    for label in ("Build for Pyodide", "Cancel hello 0.1.0", "Again"):
        assert any(label in each for each in reached if each), f"{label}: {reached}"
    faked.locator(".jp-wasmwheel-item-main", has_text="rpds-py").first.focus()
    faked.keyboard.press("Enter")
    tab = faked.get_by_role("tab", name="Report")
    tab.focus()
    faked.keyboard.press("ArrowRight")
    expect(faked.get_by_role("tab", name="Timings")).to_be_focused()
    expect(faked.get_by_role("tab", name="Timings")).to_have_attribute("aria-selected", "true")
