"""Record the animated picture of the README: from a click in JupyterLab to a notebook that runs.

`python docs/record.py [PICTURE]` starts a real JupyterLab on a starter crate, builds it with a
click, opens the site, and runs a cell. Long waits are shortened in the picture. It needs Chromium
and the `dev` extra.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFont
from playwright.sync_api import BrowserContext, Locator, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

PICTURE = Path(__file__).with_name("images") / "click-to-notebook.webp"

#: The size of the browser's window, and of the line of text below it, in pixels.
WINDOW = {"width": 960, "height": 540}
CAPTION_HEIGHT = 36

#: The longest that a frame stays, while nothing but time passes.
MAX_WAIT_MS = 900

#: How long a build and a kernel's start may take.
TIMEOUT_MS = 400_000

#: A pointer, because Chromium draws none into its screenshots.
POINTER = """() => addEventListener('DOMContentLoaded', () => {
  const dot = document.createElement('div');
  dot.style = `position: fixed; z-index: 99999; width: 18px; height: 18px; margin: -9px;
    border-radius: 50%; background: #f37626b0; pointer-events: none; left: -50px`;
  document.body.append(dot);
  addEventListener('mousemove', event => {
    dot.style.left = `${event.clientX}px`;
    dot.style.top = `${event.clientY}px`;
  }, true);
})"""


@dataclass
class Recorder:
    """The frames of a picture, each with how long it stays in milliseconds."""

    frames: list[Image.Image] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)

    def shoot(self, page: Page, caption: str, duration_ms: int) -> None:
        """Add what a page shows, or make the last frame longer where it shows the same."""
        try:
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        except PlaywrightError:  # the page is being replaced by another one
            return
        frame = Image.new("RGB", (WINDOW["width"], WINDOW["height"] + CAPTION_HEIGHT), "#24292f")
        frame.paste(picture)
        font = ImageFont.load_default(size=17)
        where = (16, WINDOW["height"] + CAPTION_HEIGHT // 2)
        ImageDraw.Draw(frame).text(where, caption, "white", font, anchor="lm")
        if self.frames and not ImageChops.difference(frame, self.frames[-1]).getbbox():
            self.durations[-1] = max(
                duration_ms, min(self.durations[-1] + duration_ms, MAX_WAIT_MS)
            )
        else:
            self.frames.append(frame)
            self.durations.append(duration_ms)

    def click(self, page: Page, target: Locator, caption: str, button: str = "left") -> None:
        """Move the pointer to an element, click it, and show both."""
        target.hover()
        self.shoot(page, caption, 900)
        target.click(button=button)

    def watch(self, page: Page, caption: str, until: Locator) -> None:
        """Show a page a few times a second until an element is visible."""
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while not until.is_visible():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not visible: {until}")
            self.shoot(page, caption, 250)
            page.wait_for_timeout(200)

    def save(self, path: Path) -> None:
        """Write the frames as one animated WebP that repeats."""
        first, *others = self.frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.durations,
            loop=0,
            quality=75,
            method=6,
        )


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Run JupyterLab on a folder in it, with settings of its own; yield its address."""
    settings, root, token = folder / "settings", folder / "root", secrets.token_hex(16)
    quiet = settings / "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    root.mkdir()
    subprocess.run(["jupyter", "wasmwheel", "new", "hello"], cwd=root, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    process = subprocess.Popen(
        [
            *("jupyter", "lab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"),
            f"--ServerApp.root_dir={root}",
            f"--IdentityProvider.token={token}",
            f"--LabApp.user_settings_dir={settings}",
            "--LabApp.expose_app_in_browser=True",
            "--WasmwheelApp.prepare_seeds=False",
        ],
        cwd=root,
        env={**os.environ, **own},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_server(f"http://localhost:{port}/api")
        yield f"http://localhost:{port}/lab?token={token}&reset"
    finally:
        process.terminate()
        process.wait(30)


def wait_for_server(address: str) -> None:
    """Wait until a server answers."""
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)


def record(context: BrowserContext, address: str) -> Recorder:
    """Click through a build, and record it."""
    recorder = Recorder()
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("window.jupyterapp", timeout=TIMEOUT_MS)
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")
    page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=TIMEOUT_MS)
    folder = page.locator(".jp-DirListing-item", has_text="hello")
    folder.wait_for()

    click = "1. In JupyterLab, right-click the folder of a Rust-based Python package."
    recorder.shoot(page, click, 900)
    recorder.click(page, folder, click, button="right")
    build = page.locator(".lm-Menu-item", has_text="Build for Pyodide")
    recorder.click(page, build, "2. Build for Pyodide: compile, check, import, publish.")
    page.evaluate("() => void window.jupyterapp.commands.execute('wasmwheel:show-panel')")
    open_site = page.locator(".Toastify__toast").get_by_role("button", name="Try It")
    recorder.watch(page, "2. Build for Pyodide: compile, check, import, publish.", open_site)
    recorder.shoot(page, "3. The wheel works in Pyodide, and is in a JupyterLite site.", 1500)
    open_site.hover()
    recorder.shoot(page, "3. The wheel works in Pyodide, and is in a JupyterLite site.", 900)
    with context.expect_page() as opened:
        open_site.click()

    site = opened.value
    cell = site.locator(".jp-Notebook .jp-CodeCell").first
    cell.wait_for()
    site.wait_for_function(
        """() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status
          === 'idle' && document.querySelector('.jp-Toolbar-kernelName')?.innerText !== 'No Kernel'
        """,
        timeout=TIMEOUT_MS,
    )
    recorder.shoot(site, "4. Try It opens its notebook, which runs in the browser.", 900)
    recorder.click(site, cell.locator(".cm-content"), "5. Run the cell: Rust, called from Python.")
    site.keyboard.press("Control+a")
    site.keyboard.insert_text('import hello\n\nhello.greet("you")')
    recorder.shoot(site, "5. Run the cell: Rust, called from Python.", 900)
    site.keyboard.press("Control+Enter")
    answer = cell.locator(".jp-OutputArea-output").first
    recorder.watch(site, "5. Run the cell: Rust, called from Python.", answer)
    recorder.shoot(site, "5. Run the cell: Rust, called from Python.", 3000)
    return recorder


def main() -> None:
    """Record into the picture of the README, or into the file that is named."""
    picture = Path(sys.argv[1]) if sys.argv[1:] else PICTURE
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyterlab(Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport=WINDOW)
        context.set_default_timeout(TIMEOUT_MS)
        context.add_init_script(f"({POINTER})()")
        record(context, address).save(picture)
        browser.close()
    print(f"{picture}: {picture.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
