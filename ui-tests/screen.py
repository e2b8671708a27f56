"""What a person does in JupyterLab and sees there, for the tests of the front end."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page

#: The root of the clone; the pictures go into `artefacts/` there.
CLONE = Path(__file__).parents[1]

#: Milliseconds that a first build may take on a machine with much else to do.
PATIENCE = 400_000

#: How axe calls faults that nobody may meet.
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its origin, its token, and the folder that it shows."""

    origin: str
    token: str
    root: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The address of a workspace with nothing open."""
        return f"{self.origin}/lab?token={self.token}&reset"

    def api(self, path: str) -> Any:
        """What the server extension answers."""
        request = urllib.request.Request(
            f"{self.origin}/wasmwheel/api/{path}", headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def events(self, job: str) -> list[dict[str, Any]]:
        """The events of a job that the server kept."""
        request = urllib.request.Request(
            f"{self.origin}/wasmwheel/api/jobs/{job}/events",
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return [json.loads(line) for line in response if line.strip()]


def open_lab(context: BrowserContext, lab: Lab) -> Page:
    """Open JupyterLab in a new tab and wait until it is there."""
    page = context.new_page()
    page.goto(lab.url)
    until_there(page)
    return page


def until_there(page: Page) -> None:
    """Wait until JupyterLab has been restored."""
    page.wait_for_function("window.jupyterapp", timeout=PATIENCE)
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")
    page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=PATIENCE)


def show_panel(page: Page) -> Locator:
    """Open the side panel."""
    run(page, "wasmwheel:show-panel")
    panel = page.locator("#jp-wasmwheel")
    panel.locator("form").or_(panel.locator(".jp-wasmwheel-error")).first.wait_for()
    return panel


def run(page: Page, command: str, **arguments: object) -> None:
    """Run a command as the palette does; what it leads to is not waited for."""
    page.evaluate(
        "([command, given]) => void window.jupyterapp.commands.execute(command, given)",
        [command, arguments],
    )


def build_folder(page: Page, folder: str) -> None:
    """Right click on a folder in the file browser, then *Build for Pyodide*."""
    run(page, "filebrowser:activate")
    run(page, "filebrowser:refresh")
    item = page.locator(".jp-DirListing-item", has=page.get_by_text(folder, exact=True))
    item.hover()
    item.click(button="right")
    page.locator(".lm-Menu-item", has_text="Build for Pyodide").click()


def row(page: Page, name: str) -> Locator:
    """The newest build of a package in the list."""
    return page.locator("#jp-wasmwheel .jp-wasmwheel-item[data-job]", has_text=name).first


def keep(page: Page, state: str) -> None:
    """Take pictures of a state, light and dark; a serious fault that axe finds is an error."""
    folder = CLONE / "artefacts"
    folder.mkdir(exist_ok=True)
    faults = []
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
        faults += [f"{theme}: {fault}" for fault in faults_of(page)]
    assert not faults, "\n".join(faults)


def faults_of(page: Page) -> list[str]:
    """What axe finds serious in the panel, the documents and the questions that are seen."""
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
