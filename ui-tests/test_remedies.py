"""Buttons of remedies, which do not depend on the texts of an error."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from answers import job
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect
from screen import (
    BUILD_TIMEOUT_MS,
    CLONE,
    Lab,
    build_folder,
    check_and_capture,
    open_lab,
    row,
    run,
    show_panel,
)

#: The contract that the form is generated from.
SCHEMA = CLONE / "jupyter_wasmwheel/api/schema.json"

#: The fields of responses and events that are shown to users.
PROSE = {"what", "why", "fix", "text", "message", "rendered"}

#: Remedies, and the labels of their buttons.
REMEDIES: list[tuple[dict[str, Any], str]] = [
    ({"action": "retry", "changes": {}}, "Retry"),
    ({"action": "retry", "changes": {"no_cache": True}}, "Retry: Ignore cached wheels"),
    ({"action": "retry", "changes": {"make_optional": ["torch"]}}, "Retry: Make optional torch"),
    ({"action": "install", "extras": ["emscripten"], "target": None}, "Install Emscripten"),
    ({"action": "install", "extras": [], "target": None}, "Set Up Toolchain"),
    (
        {"action": "open", "file": "/x/a.rs", "line": 2, "column": 1, "path": "a.rs"},
        "Open File",
    ),
]


def nonces(value: Any) -> Any:
    """Replace each text that is shown to users by a nonce."""
    if isinstance(value, list):
        return [nonces(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: secrets.token_hex(8) if key in PROSE and isinstance(each, str) else nonces(each)
        for key, each in value.items()
    }


def rewrite(context: BrowserContext) -> None:
    """Replace the texts in the responses of the server by nonces."""

    def answer(route: Route) -> None:
        response = route.fetch()
        lines = response.text().splitlines()
        body = "\n".join(json.dumps(nonces(json.loads(line))) for line in lines if line)
        route.fulfill(response=response, body=f"{body}\n")

    for path in ("jobs", "jobs?*", "jobs/*/events", "toolchain", "toolchain?*"):
        context.route(f"**/wasmwheel/api/{path}", answer)


def buttons(place: Locator) -> list[str]:
    """Return the labels of the buttons in a part of the page."""
    return place.get_by_role("button").all_inner_texts()


def test_real_failure_has_the_same_buttons_with_other_texts(
    page: Page, context: BrowserContext, lab: Lab, make_crate: Callable[[str], Path]
) -> None:
    crate = make_crate("nonces")
    source = crate / "src/lib.rs"
    source.write_text(source.read_text().replace("format!", "no_such_macro!"))
    build_folder(page, "nonces")
    panel = show_panel(page)
    expect(row(page, "nonces")).to_contain_text("1 problem", timeout=BUILD_TIMEOUT_MS)
    [failed] = [each for each in lab.api("jobs")["jobs"] if each["name"] == "nonces"]

    def look(page: Page) -> tuple[list[str], list[str], list[str]]:
        row(page, "nonces").locator(".jp-wasmwheel-item-main").click()
        problems = page.locator(".jp-wasmwheel-problems")
        expect(problems.locator(".jp-wasmwheel-problem")).to_have_count(1)
        panel = show_panel(page)
        panel.locator(".jp-wasmwheel-toolchain-line").click()
        findings = panel.locator(".jp-wasmwheel-toolchain")
        listed = row(page, "nonces").locator(".jp-wasmwheel-details").all_inner_texts()
        return buttons(problems), buttons(findings), listed

    shown = look(page)
    expect(page.locator(".jp-wasmwheel-error")).to_contain_text(
        failed["error"]["why"].replace("`", "")
    )
    expect(panel).to_be_visible()
    # JupyterLab would move a second tab to another workspace while it loads.
    page.close()
    rewrite(context)
    other = open_lab(context, lab)
    show_panel(other)
    assert look(other) == shown
    expect(other.locator(".jp-wasmwheel-error-what")).not_to_be_empty()
    assert failed["error"]["what"] not in other.locator(".jp-wasmwheel-document").inner_text()
    assert len(shown[0]) >= len(failed["error"]["remedies"]) + 1


def test_each_remedy_is_a_button(context: BrowserContext, lab: Lab) -> None:
    error = {
        "code": "compile.failed",
        **{each: secrets.token_hex(8) for each in ("what", "why", "fix")},
        "status": 5,
        "counts": {"problems": 3},
        "remedies": [remedy for remedy, _ in REMEDIES],
    }
    request = {"kind": "build", "source": "hello", "make_optional": ["numpy"]}
    failed = job(1, "failed", "hello", error=error, request=request)
    accepted = json.dumps(job(0, "done", "accepted"))
    context.route(
        "**/wasmwheel/api/jobs",
        lambda route: route.fulfill(
            content_type="application/json",
            body=accepted
            if route.request.method == "POST"
            else json.dumps({"jobs": [failed], "seq": 10}),
        ),
    )
    context.route(
        "**/wasmwheel/api/jobs/*/events",
        lambda route: route.fulfill(content_type="application/x-ndjson", body=""),
    )
    context.route("**/wasmwheel/api/events?*", lambda route: None)
    page = open_lab(context, lab)
    show_panel(page)
    expect(row(page, "hello")).to_contain_text("3 problems")
    run(page, "wasmwheel:open-build", id=failed["id"])
    answer = page.locator(".jp-wasmwheel-problems .jp-wasmwheel-error")
    expect(answer).to_contain_text(error["what"])
    assert buttons(answer) == [label for _, label in REMEDIES]
    check_and_capture(page, "remedies")

    with page.expect_request(lambda each: each.method == "POST") as posted:
        answer.get_by_role("button", name="Retry: Make optional torch").click()
    assert posted.value.post_data_json == request | {"make_optional": ["numpy", "torch"]}
    # The document of the new build opens, and covers that of the failed one.
    expect(answer).to_be_hidden()
    page.keyboard.press("Escape")
    run(page, "wasmwheel:open-build", id=failed["id"])
    with page.expect_request(lambda each: each.method == "POST") as posted:
        answer.get_by_role("button", name="Install Emscripten").click()
    assert posted.value.post_data_json == {"kind": "install", "extras": ["emscripten"]}


def test_form_shows_the_options_of_the_contract(page: Page) -> None:
    panel = show_panel(page)
    panel.locator(".jp-wasmwheel-options summary").click()
    schema = json.loads(SCHEMA.read_text())["$defs"]["BuildRequest"]["properties"]
    titled = {each["title"]: each["description"] for each in schema.values() if "title" in each}
    labels = panel.locator(".jp-wasmwheel-options label")
    shown = {
        each.inner_text().splitlines()[0].strip(): each.get_attribute("title")
        for each in labels.all()
    }
    assert shown == titled
    check_and_capture(page, "panel-options")
