"""Actions in JupyterLab, and what they show, for the tests of the front end."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize

#: The root of the clone, where `artifacts/` has the screenshots.
CLONE = Path(__file__).parents[1]

#: How long a first build can take on a busy machine.
BUILD_TIMEOUT_MS = 400_000

#: A window in which the side panel takes half of the width.
NARROW: ViewportSize = {"width": 640, "height": 800}

#: The impacts of accessibility violations that fail a test.
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its origin, its token and its root folder."""

    origin: str
    token: str
    root: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Return the address of an empty workspace."""
        return f"{self.origin}/lab?token={self.token}&reset"

    def api(self, path: str) -> Any:
        """Return a response of the server extension."""
        request = urllib.request.Request(
            f"{self.origin}/wasmwheel/api/{path}", headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def events(self, job: str) -> list[dict[str, Any]]:
        """Return the stored events of a job."""
        request = urllib.request.Request(
            f"{self.origin}/wasmwheel/api/jobs/{job}/events",
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return [json.loads(line) for line in response if line.strip()]


def open_lab(context: BrowserContext, lab: Lab) -> Page:
    """Open JupyterLab in a new tab and wait until it is ready."""
    page = context.new_page()
    page.goto(lab.url)
    wait_until_ready(page)
    return page


def wait_until_ready(page: Page) -> None:
    """Wait until JupyterLab is restored."""
    page.wait_for_function("window.jupyterapp", timeout=BUILD_TIMEOUT_MS)
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")
    page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=BUILD_TIMEOUT_MS)


def show_panel(page: Page) -> Locator:
    """Open the side panel."""
    run(page, "wasmwheel:show-panel")
    panel = page.locator("#jp-wasmwheel")
    panel.locator("form").or_(panel.locator(".jp-wasmwheel-error")).first.wait_for()
    return panel


def run(page: Page, command: str, **arguments: object) -> None:
    """Run a command as the palette does, without waiting for its result."""
    page.evaluate(
        "([command, given]) => void window.jupyterapp.commands.execute(command, given)",
        [command, arguments],
    )


def build_folder(page: Page, folder: str) -> None:
    """Choose *Build for Pyodide* in the context menu of a folder."""
    run(page, "filebrowser:activate")
    run(page, "filebrowser:refresh")
    item = page.locator(".jp-DirListing-item", has=page.get_by_text(folder, exact=True))
    item.hover()
    item.click(button="right")
    page.locator(".lm-Menu-item", has_text="Build for Pyodide").click()


def row(page: Page, name: str) -> Locator:
    """Return the newest build of a package in the list."""
    return page.locator("#jp-wasmwheel .jp-wasmwheel-item[data-job]", has_text=name).first


def check_and_capture(page: Page, state: str) -> None:
    """Take screenshots of a state, wide and narrow, in both themes; fail on serious violations."""
    folder = CLONE / "artifacts"
    folder.mkdir(exist_ok=True)
    violations = []
    wide = page.viewport_size
    assert wide
    for theme in ("Dark", "Light"):
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
            f"JupyterLab {theme}",
        )
        page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light",
            arg=str(theme == "Light").lower(),
        )
        page.wait_for_timeout(500)
        page.screenshot(path=folder / f"{state}-{theme.lower()}.png")
        violations += [f"{theme}: {violation}" for violation in violations_of(page)]
        page.set_viewport_size(NARROW)
        page.wait_for_timeout(500)
        page.screenshot(path=folder / f"{state}-{theme.lower()}-narrow.png")
        page.set_viewport_size(wide)
    assert not violations, "\n".join(violations)


def violations_of(page: Page) -> list[str]:
    """Return the serious violations in the visible panels, documents and dialogs."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=CLONE / "labextension/node_modules/axe-core/axe.min.js")
    found = page.evaluate(
        """async () => {
          const ours = ['.jp-wasmwheel-side', '.jp-wasmwheel-document', '.jp-wasmwheel-builder',
            '.jp-Dialog-content'];
          const seen = ours.filter(each => document.querySelector(each)?.offsetParent);
          const answer = seen.length && await axe.run({include: seen.map(each => [each])});
          return answer ? answer.violations : [];
        }"""
    )
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
