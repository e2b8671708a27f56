"""A real Chromium, driven as a person drives it: a notebook opened, its cells run and read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import (
    BrowserContext,
    Frame,
    Locator,
    Page,
    Request,
    TimeoutError,
    sync_playwright,
)

#: What keeps Chromium from needing a screen, a sandbox of root's, or the network.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Milliseconds that a kernel may take to start and answer: on two cores with nine other processes
#: it was seen to take 45 s, and a slow machine is no fault.
PATIENCE = 240_000

#: Whether a notebook has its kernel. The indicator says `idle` before there is a session too, with
#: `No Kernel` as its name.
IS_THERE = """() => {
  const indicator = document.querySelector('.jp-Notebook-ExecutionIndicator');
  const kernel = document.querySelector('.jp-Toolbar-kernelName')?.innerText;
  return indicator?.dataset.status === 'idle' && kernel && kernel !== 'No Kernel';
}"""


@dataclass
class Tab:
    """A tab with a notebook in it, with what was asked for in its browser and said in the console.

    `asked_for` are addresses.
    """

    page: Page
    asked_for: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def run(self, number: int, code: str | None = None) -> str:
        """Run a code cell (the first is 0), with other code if given; the text of its output."""
        cell = self._cell(number)
        before = cell.locator(".jp-InputPrompt").inner_text()
        cell.locator(".cm-content").click()
        if code is not None:
            self.page.keyboard.press("Control+a")
            self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Control+Enter")
        return self.result(number, before)

    def result(self, number: int, before: str = "") -> str:
        """The text of a cell's output, once its prompt has a number, other than one before."""
        cell = self._cell(number)
        try:
            self.page.wait_for_function(
                """([prompt, before]) => {
                    const text = prompt.innerText;
                    return /\\d/.test(text) && text !== before;
                }""",
                arg=[cell.locator(".jp-InputPrompt").element_handle(), before],
                timeout=PATIENCE,
            )
        except TimeoutError:
            # What a person would see instead, for whoever looks into it.
            self.page.screenshot(path="artefacts/no-result.png")
            raise
        return "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts())

    def _cell(self, number: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)

    def run_all(self) -> None:
        """Run all cells, by the menu."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()

    def results(self) -> list[str]:
        """The text of each code cell's output, once the last one has been run."""
        cells = self.page.locator(".jp-Notebook .jp-CodeCell").count()
        shown = []
        for number in range(cells):
            self.result(number)
            # What is scrolled out of sight has no text.
            self._cell(number).scroll_into_view_if_needed()
            shown.append(self.result(number))
        return shown

    def errors(self) -> list[str]:
        """What cells said to stderr, exceptions among it."""
        marks = ("vnd.jupyter.stderr", "vnd.jupyter.error")
        shown = ", ".join(f'.jp-OutputArea-output[data-mime-type="application/{m}"]' for m in marks)
        return self.page.locator(shown).all_inner_texts()

    def from_elsewhere(self, origin: str) -> list[str]:
        """What was asked for from any other origin than one."""
        own = (f"{origin}/", "data:", f"blob:{origin}/", "blob:null/")
        return [url for url in self.asked_for if not url.startswith(own)]


@contextmanager
def browser(profile: Path, *flags: str) -> Iterator[BrowserContext]:
    """A browser with a profile of its own, which keeps what a person's browser would keep."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise RuntimeError("There is no chromium on PATH; `make test` says how to install it.")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            args=[*FLAGS, *flags],
            viewport={"width": 1280, "height": 860},
        )
        try:
            yield context
        finally:
            context.close()


def open_notebook(context: BrowserContext, url: str) -> Tab:
    """Open a notebook in a new tab and wait until its kernel is there."""
    tab = Tab(page=context.new_page())

    def asks(request: Request) -> None:
        # What a service worker passes on was asked for already.
        if not request.service_worker or request.url not in tab.asked_for:
            tab.asked_for.append(request.url)

    context.on("request", asks)
    context.on("console", lambda message: tab.said.append(message.text))
    tab.page.goto(url)
    until_there(tab.page)
    return tab


def until_there(page: Page | Frame) -> None:
    """Wait until a notebook has its kernel: a cell run sooner may be asked which one to take."""
    page.wait_for_function(IS_THERE, timeout=PATIENCE)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=PATIENCE)
