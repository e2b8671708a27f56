"""HTML in the texts of a package: shown as text, never as elements of the page.

The responses of the server are faked, so that each text in them can be hostile.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from answers import JOB, JOBS, PACKAGE, REPORT, SITE, fake, job
from playwright.sync_api import BrowserContext, Page, Route, expect
from screen import Lab, open_lab, show_panel

#: A text that would run, fetch or show something if it were taken for HTML.
HTML = (
    "<img class=theirs src=/theirs onerror='window.ran = true'><script>window.ran = true</script>"
    "<b class=theirs>theirs</b><a class=theirs href='javascript:window.ran = true'>theirs</a>"
)

#: The fields that the page reads rather than shows, which stay unchanged.
READ = frozenset(
    {
        *("abi", "created", "from", "id", "job", "kind", "level", "mode", "outcome", "phase"),
        *("probe", "profile", "published", "state", "stream", "target", "through", "url"),
    }
)


def hostile(document: Any, key: str = "") -> Any:
    """Return a document with HTML in each text that is shown to users."""
    if isinstance(document, dict):
        return {name: hostile(value, name) for name, value in document.items()}
    if isinstance(document, list):
        return [hostile(value, key) for value in document]
    shown = isinstance(document, str) and key not in READ
    return f"{document} {HTML}" if shown else document


TESTED = REPORT | {
    "crates": [{"name": "pyo3", "version": "0.30", "seconds": 2.0, "started": 0.1}],
    "phases": [{"name": "compile", "seconds": 2.0}],
    "published": None,
    "tests": {
        **dict.fromkeys(("passed", "skipped", "timed_out", "crashed", "not_run"), 0),
        **{"collected": 2, "failed": 1, "unsupported": 1, "seconds": 1.0},
        "failures": [
            {
                "id": "test_it",
                "outcome": outcome,
                "reason": "threads",
                "message": "no",
                "file": "test_it.py",
                "line": 1,
            }
            for outcome in ("failed", "unsupported")
        ],
    },
}
ERROR = {
    **{"what": "It failed.", "why": "Because.", "fix": "`Mend` it.", "status": 5},
    **{"code": "build.failed", "counts": {}, "remedies": []},
}
EVENTS = [
    {"kind": "phase", "name": "compile", "state": "started"},
    {"kind": "progress", "done": 1, "total": 2, "unit": "crates", "label": "pyo3"},
    {"kind": "log", "stream": "stderr", "text": "said by its compiler"},
    {"kind": "log", "stream": "note", "text": "said by us"},
    {
        "kind": "diagnostic",
        "level": "error",
        "code": "E0425",
        "message": "cannot find it",
        "rendered": "error: cannot find it",
        "file": "src/lib.rs",
        "line": 1,
        "column": 1,
    },
    {"kind": "error", **ERROR},
]
FINDING = {
    **{"id": "rust", "part": "Rust", "state": "missing", "text": "None.", "version": None},
    **{"fix": "`Install` it.", "mend": [], "remedies": []},
}
RUNNING = JOB | {"created": 200.0, "started": 200.0}
ALL = [*JOBS[1:], job(6, "failed", "broken", error=ERROR), job(7, "done", "tested", report=TESTED)]


@pytest.fixture
def faked(context: BrowserContext, lab: Lab) -> Page:
    """Open JupyterLab on a server whose texts contain HTML; its running build has just failed."""
    answers = {
        "jobs": {"jobs": [RUNNING, *ALL], "seq": 10},
        "sites": {"sites": [SITE | {"error": None}]},
        "sites/workshop*/packages": {"site": "workshop", "packages": [PACKAGE]},
        "toolchain": {"schema": 1, "ok": False, "target": "2026_0", "findings": [FINDING]},
    }
    for path, document in answers.items():
        fake(context, path, hostile(document))
    lines = [{"seq": n, "time": 1.0, "job": JOB["id"], **each} for n, each in enumerate(EVENTS, 11)]
    context.route(
        "**/wasmwheel/api/jobs/*/events",
        lambda route: route.fulfill(
            content_type="application/x-ndjson",
            body="".join(json.dumps(hostile(each)) + "\n" for each in lines),
        ),
    )
    context.route("**/wasmwheel/api/events?*", stream_once)
    page = open_lab(context, lab)
    show_panel(page)
    return page


def stream_once(route: Route) -> None:
    """Send once that the running build failed."""
    if "after=10" in route.request.url:
        ended = hostile(RUNNING | {"state": "failed", "ended": 224.0, "error": ERROR, "seq": 20})
        event = json.dumps({"seq": 20, "time": 1.0, "kind": "job", "job": ended})
        route.fulfill(content_type="text/event-stream", body=f"id: 20\ndata: {event}\n\n")


def test_html_in_texts_is_shown_as_text(faked: Page) -> None:
    expect(faked.locator(".Toastify__toast").first).to_contain_text("<img class=theirs")
    panel = faked.locator("#jp-wasmwheel")
    for text in ("Missing: Rust <img", "rpds-py <img", "workshop <img", "broken <img"):
        expect(panel).to_contain_text(text)
    for each in (RUNNING, *ALL):
        panel.locator(f'[data-job="{each["id"]}"] .jp-wasmwheel-item-main').click()
        document = faked.locator(f'.jp-wasmwheel-document:visible:has-text("{each["name"]} <img")')
        expect(document.locator("h1")).to_contain_text(f"{each['name']} <img")
        for name in ("Problems", "Log", "Timings", "Report"):
            document.get_by_role("tab", name=name).click()
            if name == "Log":
                expect(document.get_by_role("log")).to_contain_text("said by its compiler <img")
            if name == "Problems":
                expect(document).to_contain_text("cannot find it <img")
            expect_no_html_of_theirs(faked)
    panel.locator('[data-package] [aria-label^="More actions"]').click()
    faked.locator(".lm-Menu-item", has_text="Remove").click()
    expect(faked.locator(".jp-Dialog-header")).to_contain_text("rpds-py <img")
    expect_no_html_of_theirs(faked)


def expect_no_html_of_theirs(page: Page) -> None:
    """Check that no script of a package ran, and that none of its texts became an element."""
    assert not page.evaluate("window.ran")
    expect(page.locator(".theirs, [src='/theirs']")).to_have_count(0)
    assert not page.evaluate(
        "[...document.scripts].some(script => script.textContent === 'window.ran = true')"
    )
