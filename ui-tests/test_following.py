"""Following a build: after a reload, after a lost connection, and with much output."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from answers import JOB
from playwright.sync_api import BrowserContext, Page, Route, expect
from screen import (
    BUILD_TIMEOUT_MS,
    Lab,
    build_folder,
    open_lab,
    row,
    run,
    show_panel,
    wait_until_ready,
)

#: The most lines that are sent at once: what a network delivers, about 100 kB.
MAX_LINES_AT_ONCE = 400

#: Replace the server's stream by RATE lines a second, sent in batches, and count the streams that
#: were opened.
FLOOD = """
window.opened = 0;
window.longest = 0;
window.sent = 0;
new PerformanceObserver(list => {
  for (const task of list.getEntries()) {
    window.longest = Math.max(window.longest, task.duration);
  }
}).observe({ type: 'longtask' });
const real = window.fetch;
const isEvents = url => new URL(url).pathname.endsWith('/wasmwheel/api/events');
window.fetch = (request, init) => {
  if (!isEvents(request.url ?? request)) {
    return real(request, init);
  }
  window.opened += 1;
  let seq = 1000;
  let begun = 0;
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    start(controller) {
      setInterval(() => {
        // A network waits for its reader, and delivers what was waiting in pieces.
        if (!window.flooding || controller.desiredSize <= 0) {
          return;
        }
        begun ||= performance.now();
        const due = Math.floor(((performance.now() - begun) / 1000) * RATE);
        const last = Math.min(due, window.sent + MOST);
        let text = '';
        for (; window.sent < last; window.sent += 1) {
          const job = window.jobs[window.sent % window.jobs.length];
          const line = `   line ${window.sent} of a build that says very much about what it does`;
          const head = { seq: ++seq, job, job_seq: seq, time: Date.now() / 1000 };
          const event = { ...head, kind: 'log', stream: 'stderr', text: line };
          text += `id: ${seq}\\ndata: ${JSON.stringify(event)}\\n\\n`;
        }
        controller.enqueue(encoder.encode(text));
      }, 20);
    }
  });
  return Promise.resolve(new Response(body, { status: 200 }));
};
"""


def test_reload_during_a_build_shows_each_line_once(
    page: Page, lab: Lab, make_crate: Callable[[str], Path]
) -> None:
    make_crate("reloaded")
    build_folder(page, "reloaded")
    show_panel(page)
    newest = row(page, "reloaded")
    newest.locator(".jp-wasmwheel-details", has_text="Compile").wait_for(timeout=BUILD_TIMEOUT_MS)
    newest.locator(".jp-wasmwheel-item-main").click()
    document = page.locator(".jp-wasmwheel-document")
    document.get_by_role("log").get_by_text("Compiling").first.wait_for(timeout=BUILD_TIMEOUT_MS)
    page.wait_for_timeout(1500)  # JupyterLab keeps its layout a second after a change
    page.goto(f"{lab.origin}/lab")
    wait_until_ready(page)
    expect(document).to_be_visible(timeout=BUILD_TIMEOUT_MS)
    expect(document.locator("h1")).to_have_text("reloaded 0.1.0")
    expect(row(page, "reloaded")).to_have_attribute("data-state", "done", timeout=BUILD_TIMEOUT_MS)
    assert log_of(page) == full_log(lab, row(page, "reloaded").get_attribute("data-job"))


def test_lost_connection_is_resumed_without_missing_lines(
    page: Page, context: BrowserContext, lab: Lab, make_crate: Callable[[str], Path]
) -> None:
    make_crate("offline")
    build_folder(page, "offline")
    show_panel(page)
    newest = row(page, "offline")
    newest.locator(".jp-wasmwheel-details", has_text="Compile").wait_for(timeout=BUILD_TIMEOUT_MS)
    newest.locator(".jp-wasmwheel-item-main").click()
    job = newest.get_attribute("data-job")
    context.set_offline(True)
    while lab.api(f"jobs/{job}")["state"] == "running":
        time.sleep(0.2)
    warning = page.get_by_role("button", name="Close", exact=True)  # JupyterLab's own
    warning.wait_for(timeout=BUILD_TIMEOUT_MS)
    context.set_offline(False)
    warning.click()
    expect(row(page, "offline")).to_have_attribute("data-state", "done", timeout=BUILD_TIMEOUT_MS)
    page.locator(".jp-wasmwheel-document").get_by_role("tab", name="Log").click()
    assert log_of(page) == full_log(lab, job)


def test_build_with_much_output_does_not_block_the_page(context: BrowserContext, lab: Lab) -> None:
    page = flooded(context, lab, [JOB], rate=10_000)
    run(page, "wasmwheel:open-build", id=JOB["id"])
    lines = page.locator(".jp-wasmwheel-log-lines")
    lines.wait_for()
    page.wait_for_timeout(2000)
    page.evaluate("window.longest = 0; window.flooding = true")
    page.wait_for_timeout(8000)
    sent, longest = page.evaluate("[window.sent, window.longest]")
    print(f"{sent} lines in 8 s; the longest task took {longest:.0f} ms")
    assert sent > 20_000, "no flood, but a busy machine"
    assert longest < 100
    expect(lines.locator(".jp-wasmwheel-log-line").last).to_contain_text("line ")
    assert lines.locator(".jp-wasmwheel-log-line").count() < 200

    lines.hover()
    page.mouse.wheel(0, -2000)
    page.wait_for_timeout(500)
    assert not page.get_by_label("Follow").is_checked()
    first = lines.locator(".jp-wasmwheel-log-line").first.inner_text()
    page.wait_for_timeout(1000)
    assert lines.locator(".jp-wasmwheel-log-line").first.inner_text() == first
    page.evaluate("window.flooding = false")
    page.get_by_placeholder("Search the log").fill("line 4242 ")
    page.keyboard.press("Enter")
    expect(lines.locator("mark").first).to_be_visible()


def test_twenty_jobs_share_one_stream(context: BrowserContext, lab: Lab) -> None:
    jobs = [JOB | {"id": f"{number:016x}", "name": f"job{number}"} for number in range(20)]
    page = flooded(context, lab, jobs, rate=100)
    for job in jobs:
        run(page, "wasmwheel:open-build", id=job["id"])
    page.evaluate("window.flooding = true")
    page.wait_for_timeout(3000)
    expect(page.locator(".jp-wasmwheel-document")).to_have_count(20)
    assert page.evaluate("window.opened") == 1


def flooded(context: BrowserContext, lab: Lab, jobs: list[dict[str, Any]], rate: int) -> Page:
    """Open JupyterLab with jobs and a stream that the test provides."""
    names = [job["id"] for job in jobs]
    context.add_init_script(
        FLOOD.replace("RATE", str(rate)).replace("MOST", str(MAX_LINES_AT_ONCE))
        + f"window.jobs = {json.dumps(names)};"
    )
    context.route("**/wasmwheel/api/jobs", lambda route: answer(route, {"jobs": jobs, "seq": 10}))
    context.route(
        "**/wasmwheel/api/jobs/*/events",
        lambda route: route.fulfill(content_type="application/x-ndjson", body=""),
    )
    page = open_lab(context, lab)
    show_panel(page)
    return page


def answer(route: Route, document: object) -> None:
    route.fulfill(content_type="application/json", body=json.dumps(document))


def log_of(page: Page) -> list[str]:
    """Return the lines of the log that the page shows."""
    page.locator(".jp-wasmwheel-document").get_by_role("tab", name="Log").click()
    page.evaluate("() => { window.copied = null; }")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy Log").click()
    text: str = page.evaluate("() => navigator.clipboard.readText()")
    return text.splitlines()


def full_log(lab: Lab, job: str | None) -> list[str]:
    """Return the lines of the log that the server stored."""
    return [
        line
        for event in lab.events(f"{job}")
        if event["kind"] == "log"
        for line in event["text"].split("\n")
    ]
