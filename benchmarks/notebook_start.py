"""From opening a package's notebook to the result of its import, compared with plain JupyterLite.

`jupyter lite build` makes the plain site from the same releases of JupyterLite, its kernel and
Pyodide, for offline use. The same wheel is in its lock, so that `import` finds it without `%pip`.
The same server serves both, and one Chromium opens them in turn: `cold` with an empty cache, `warm`
a second time. A cell runs as soon as the notebook shows that its kernel is ready. Run it with
`python -m benchmarks.notebook_start [PAIRS [PAIRS_AT_10_MBIT]]`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import tornado.httpserver
import tornado.netutil
from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from jupyter_wasmwheel import config, wheel
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.index import Index
from jupyter_wasmwheel.runtime import lock, node, pyodide
from jupyter_wasmwheel.site import contents, lite, server, template
from jupyter_wasmwheel.site.addresses import address
from jupyter_wasmwheel.site.lite import HOST, Site
from jupyter_wasmwheel.store import Store
from tests.fixtures.browser import FLAGS, HAS_KERNEL, START_TIMEOUT_MS
from tests.fixtures.site_factory import create_site, publish_one

from .figures import Figure, require_quiet_machine, save_and_exit

#: The rate of the slow line (10 Mbit/s), the size of a write, and the delay of a busy machine that
#: the line makes up for.
SLOW_BYTES_PER_S, PIECE_BYTES, MAX_DELAY_S = 10_000_000 / 8, 16_384, 0.1

#: The limit for the ratio.
RATIO_LIMIT = 0.5

#: The published package: a module with one function.
MODULE = "greeter"

#: A function that returns whether the first cell runs or has run, and the pause before a retry.
HAS_RUN = """() => /[*\\d]/.test(
  document.querySelector('.jp-Notebook .jp-CodeCell .jp-InputPrompt')?.innerText ?? ''
)"""
RETRY_PAUSE_MS = 500

#: Records the time since the page was opened at which the first cell has its number.
WATCH = """() => {
  const look = () => {
    const prompt = document.querySelector('.jp-Notebook .jp-CodeCell .jp-InputPrompt');
    if (/\\d/.test(prompt?.innerText ?? '')) {
      window.resultAt = performance.now();
    } else {
      requestAnimationFrame(look);
    }
  };
  look();
}"""


def greeter(folder: Path) -> wheel.Wheel:
    """Write the wheel that is published."""
    path = folder / f"{MODULE}-1.0-py3-none-any.whl"
    about = f"{MODULE}-1.0.dist-info"
    members = {
        f"{MODULE}.py": "def greet(name):\n    return f'Hello, {name}'\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {MODULE}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return wheel.read(path)


def plain_site(ours: Site, greeter_wheel: wheel.Wheel, folder: Path, store: Store) -> Site:
    """Build a site with JupyterLite, with the wheel in its lock and our site's notebook."""
    target = ours.target
    assert target.jupyterlite is not None
    release = template.release(ours.kernel)
    work = folder / "work"
    source = work / "lite"
    beside = source / "static/pyodide"
    beside.mkdir(parents=True)
    runtime = pyodide.ensure_runtime(target, node.ensure_node(store, ignore), store, ignore)
    for name in (*pyodide.FILES, *pyodide.MAIN_MODULES, "package.json"):
        if (runtime.folder / name).is_file():
            shutil.copy(runtime.folder / name, beside / name)
    original = lock.read(runtime.lock)
    kernel_packages, _ = lock.read(ours.lock).closure([*lite.KERNEL_PACKAGES, "comm"])
    rows = replace(original, packages={})
    for entry in kernel_packages:
        place = ours.lock.parent / entry.file_name
        if entry.name == "comm":
            (source / "pypi").mkdir()
            shutil.copy(place, source / "pypi" / place.name)
        else:
            shutil.copy(place, beside / place.name)
            rows = rows.with_entry(replace(entry, file_name=place.name))
    shutil.copy(greeter_wheel.path, beside / greeter_wheel.path.name)
    entry = lock.entry_for(greeter_wheel, greeter_wheel.path.name, ())
    rows.with_entry(entry).write(beside / "pyodide-lock.json")
    settings = {
        "contentsAllJsonFile": Path(contents.LISTING).name,
        "litePluginSettings": {
            lite.PLUGIN: {
                "pyodideUrl": "./static/pyodide/pyodide.mjs",
                "disablePyPIFallback": True,
            }
        },
    }
    (source / "jupyter-lite.json").write_text(
        json.dumps({"jupyter-lite-schema-version": 0, "jupyter-config-data": settings})
    )
    built = folder / "plain"
    flags = {"ignore_sys_prefix": True, "no_sourcemaps": True}
    template.build(template.environment(release, Index(), work), work, built, flags)
    # JupyterLite's build would need a Jupyter server to list these.
    for name in (contents.FILES, "api"):
        shutil.copytree(ours.folder / name, built / name, dirs_exist_ok=True)
    return replace(ours, folder=built)


class Line:
    """A proxy that limits the rate of all connections together."""

    def __init__(self, port: int, rate: float) -> None:
        self.port = port
        self.rate = rate
        self.free_at = 0.0

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward a connection until it is closed."""
        there, away = await asyncio.open_connection(HOST, self.port)
        await asyncio.gather(self.copy(reader, away, 0), self.copy(there, writer, self.rate))

    async def copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float
    ) -> None:
        """Copy what one side sends to the other."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(PIECE_BYTES):
                if rate:
                    since = max(self.free_at, loop.time() - MAX_DELAY_S)
                    self.free_at = since + len(piece) / rate
                    await asyncio.sleep(self.free_at - loop.time())
                writer.write(piece)
                await writer.drain()
        writer.close()


@contextmanager
def served(sites: list[Site], rate: float) -> Iterator[None]:
    """Serve sites, each at its own address, at a rate in bytes a second (0: no limit)."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    over = asyncio.Event()

    async def until_over() -> None:
        stops: list[Callable[[], object]] = []
        for site in sites:
            http = tornado.httpserver.HTTPServer(server.application(site))
            sockets = tornado.netutil.bind_sockets(0 if rate else site.port, HOST)
            http.add_sockets(sockets)
            stops.append(http.stop)
            if rate:
                line = Line(sockets[0].getsockname()[1], rate)
                before = await asyncio.start_server(line.forward, HOST, site.port)
                stops.append(before.close)
        ready.set()
        await over.wait()
        for stop in stops:
            stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(until_over()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def open_notebook(context: BrowserContext, url: str) -> float:
    """Return the time from opening a notebook to the result of its first cell, in seconds."""
    page = context.new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_function(HAS_KERNEL, timeout=START_TIMEOUT_MS)
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    page.evaluate(WATCH)
    cell.locator(".cm-content").click()
    # A notebook may show too early that its kernel is ready; users then press the keys again.
    while not page.evaluate(HAS_RUN):
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(RETRY_PAUSE_MS)
    page.wait_for_function("window.resultAt", timeout=START_TIMEOUT_MS)
    shown = cell.locator(".jp-OutputArea-output").inner_text()
    assert "greet" in shown, shown
    taken = float(page.evaluate("window.resultAt")) / 1000
    page.close()
    return taken


def cold_and_warm(browser: Browser, url: str) -> tuple[float, float]:
    """Return the times of a cold and of a warm start."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    try:
        return open_notebook(context, url), open_notebook(context, url)
    finally:
        context.close()


def measure(
    browser: Browser, sites: dict[str, Site], notebook: str, pairs: int, rate: float, line: str
) -> list[Figure]:
    """Return the ratios on one line, of cold and of warm starts."""
    taken: dict[str, dict[str, list[float]]] = {
        when: {name: [] for name in sites} for when in ("cold", "warm")
    }
    with served(list(sites.values()), rate):
        for number in range(pairs):
            names = list(sites) if number % 2 else list(reversed(sites))
            for name in names:
                cold, warm = cold_and_warm(browser, address(sites[name], notebook))
                taken["cold"][name].append(round(cold, 2))
                taken["warm"][name].append(round(warm, 2))
    return [
        Figure(
            promise=f"From opening a notebook to the result of its import, {line} ({when}), "
            "compared with plain JupyterLite",
            figure=round(statistics.median(each["ours"]) / statistics.median(each["plain"]), 2),
            unit="times as long",
            limit=RATIO_LIMIT,
            detail={f"{name}_seconds": times for name, times in each.items()},
        )
        for when, each in taken.items()
        if pairs
    ]


def main() -> None:
    """Run the benchmark."""
    require_quiet_machine()
    numbers = [int(argument) for argument in sys.argv[1:]]
    pairs, slow_pairs = (*numbers, *(3, 3)[len(numbers) :])
    store = config.load().store()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        package = greeter(folder)
        ours = create_site(folder / "ours", store)
        notebook = publish_one(ours, package, [], ignore).package.notebook
        plain = replace(plain_site(ours, package, folder, store), port=ours.port + 10_000)
        sites = {"plain": plain, "ours": ours}
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        figures = [
            *measure(browser, sites, notebook, pairs, 0.0, "on loopback"),
            *measure(browser, sites, notebook, slow_pairs, SLOW_BYTES_PER_S, "at 10 Mbit/s"),
        ]
        browser.close()
    save_and_exit("notebook_start", figures)


if __name__ == "__main__":
    main()
