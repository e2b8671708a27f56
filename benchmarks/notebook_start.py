"""From opening a package's notebook to the result of its import, beside plain JupyterLite.

The plain site is what `jupyter lite build` makes of the same releases of JupyterLite, its kernel
and Pyodide, for use without a network: nothing of ours is in it, and the same wheel is in its lock,
by which `import` finds it with no `%pip`. Both are served by the same server and opened in turn in
one Chromium: `cold` by a browser that has nothing of the site yet, `warm` a second time. What comes
over the slow line shares 10 Mbit/s. A cell is run as soon as the notebook says that its kernel is
there. Run it with `python -m benchmarks.notebook_start [PAIRS [PAIRS ON THE SLOW
LINE]]`.
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
from dataclasses import replace
from pathlib import Path

import tornado.httpserver
import tornado.netutil
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from jupyter_wasmwheel import config, wheel
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.index import Index
from jupyter_wasmwheel.runtime import lock, node, pyodide
from jupyter_wasmwheel.site import contents, lite, server, template
from jupyter_wasmwheel.site.addresses import HOST, address
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store
from tests.fixtures.browser import FLAGS, IS_THERE, PATIENCE
from tests.fixtures.site_factory import create_site, publish_one

from .figures import Figure, tell

#: Bytes a second on the slow line: 10 Mbit/s; how many leave at a time; and the seconds that a busy
#: machine may be late and make up for.
SLOW, PIECE, LATE = 10_000_000 / 8, 16_384, 0.1

#: The most that ours may take of what the plain site takes.
HALF = 0.5

#: What is published: a module of one function.
MODULE = "greeter"

#: Whether the first cell runs or has run; and after how many milliseconds it is run again if not.
HAS_RUN = """() => /[*\\d]/.test(
  document.querySelector('.jp-Notebook .jp-CodeCell .jp-InputPrompt')?.innerText ?? ''
)"""
AGAIN = 500

#: The milliseconds since the page was opened at which the first cell has its number.
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
    """The wheel that is published."""
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


def plain_site(ours: Site, its: wheel.Wheel, folder: Path, store: Store) -> Site:
    """The site as jupyterlite makes it, with the wheel in its lock and our site's notebook."""
    target = ours.target
    assert target.jupyterlite is not None
    release = template.release(ours.kernel)
    work = folder / "work"
    source = work / "lite"
    beside = source / "static/pyodide"
    beside.mkdir(parents=True)
    runtime = pyodide.get(target, node.get(store, ignore), store, ignore)
    for name in (*pyodide.FILES, *pyodide.MAIN_MODULES, "package.json"):
        if (runtime.folder / name).is_file():
            shutil.copy(runtime.folder / name, beside / name)
    original = lock.read(runtime.lock)
    its_packages, _ = lock.read(ours.lock).closure([*lite.KERNEL_PACKAGES, "comm"])
    rows = replace(original, packages={})
    for entry in its_packages:
        place = ours.lock.parent / entry.file_name
        if entry.name == "comm":
            (source / "pypi").mkdir()
            shutil.copy(place, source / "pypi" / place.name)
        else:
            shutil.copy(place, beside / place.name)
            rows = rows.with_entry(replace(entry, file_name=place.name))
    shutil.copy(its.path, beside / its.path.name)
    rows.with_entry(lock.entry_for(its, its.path.name, ())).write(beside / "pyodide-lock.json")
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
    made = folder / "plain"
    told = {"ignore_sys_prefix": True, "no_sourcemaps": True}
    template.build(template.environment(release, Index(), work), work, made, told)
    # JupyterLite's build would list these with the help of a whole Jupyter server.
    for name in (contents.FILES, "api"):
        shutil.copytree(ours.folder / name, made / name, dirs_exist_ok=True)
    return replace(ours, folder=made)


class Line:
    """A way to a server that lets so many bytes a second through, whatever asks."""

    def __init__(self, port: int, rate: float) -> None:
        self.port = port
        self.rate = rate
        self.free_at = 0.0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry a connection until it is closed."""
        there, away = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(self.pass_on(reader, away, 0), self.pass_on(there, writer, self.rate))

    async def pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float
    ) -> None:
        """Pass on what one side says."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(PIECE):
                if rate:
                    since = max(self.free_at, loop.time() - LATE)
                    self.free_at = since + len(piece) / rate
                    await asyncio.sleep(self.free_at - loop.time())
                writer.write(piece)
                await writer.drain()
        writer.close()


@contextmanager
def served(sites: list[Site], rate: float) -> Iterator[None]:
    """Serve sites, each at its own address, by a line of some bytes a second (0: no limit)."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    over = asyncio.Event()

    async def until_over() -> None:
        stops: list[Callable[[], object]] = []
        for site in sites:
            its = tornado.httpserver.HTTPServer(server.application(site))
            sockets = tornado.netutil.bind_sockets(0 if rate else site.port, HOST)
            its.add_sockets(sockets)
            stops.append(its.stop)
            if rate:
                line = Line(sockets[0].getsockname()[1], rate)
                before = await asyncio.start_server(line.carry, HOST, site.port)
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


def opened(context: BrowserContext, url: str) -> float:
    """The seconds from opening a notebook to the result of its first cell."""
    page = context.new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_function(IS_THERE, timeout=PATIENCE)
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    page.evaluate(WATCH)
    cell.locator(".cm-content").click()
    # Where a notebook says too early that its kernel is there, a person presses again.
    while not page.evaluate(HAS_RUN):
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(AGAIN)
    page.wait_for_function("window.resultAt", timeout=PATIENCE)
    shown = cell.locator(".jp-OutputArea-output").inner_text()
    assert "greet" in shown, shown
    taken = float(page.evaluate("window.resultAt")) / 1000
    page.close()
    return taken


def pair(browser: Browser, url: str) -> tuple[float, float]:
    """The seconds of a first opening of a notebook, and of a second one."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    try:
        return opened(context, url), opened(context, url)
    finally:
        context.close()


def measured(
    browser: Browser, sites: dict[str, Site], notebook: str, pairs: int, rate: float, line: str
) -> list[Figure]:
    """The ratios on one line, of first openings and of second ones, with all that was measured."""
    taken: dict[str, dict[str, list[float]]] = {
        when: {name: [] for name in sites} for when in ("cold", "warm")
    }
    with served(list(sites.values()), rate):
        for number in range(pairs):
            names = list(sites) if number % 2 else list(reversed(sites))
            for name in names:
                cold, warm = pair(browser, address(sites[name], notebook))
                taken["cold"][name].append(round(cold, 2))
                taken["warm"][name].append(round(warm, 2))
    return [
        Figure(
            promise=f"From opening a notebook to the result of its import, {line} ({when}), "
            "against the plain offline site",
            figure=round(statistics.median(each["ours"]) / statistics.median(each["plain"]), 2),
            unit="times as long",
            limit=HALF,
            detail={f"{name}_seconds": times for name, times in each.items()},
        )
        for when, each in taken.items()
        if pairs
    ]


def main() -> None:
    """Measure, and tell."""
    numbers = [int(argument) for argument in sys.argv[1:]]
    pairs, slow_pairs = (*numbers, *(3, 3)[len(numbers) :])
    store = config.load().store()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        its = greeter(folder)
        ours = create_site(folder / "ours", store)
        notebook = publish_one(ours, its, [], ignore).package.notebook
        plain = replace(plain_site(ours, its, folder, store), port=ours.port + 10_000)
        sites = {"plain": plain, "ours": ours}
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        figures = [
            *measured(browser, sites, notebook, pairs, 0.0, "on loopback"),
            *measured(browser, sites, notebook, slow_pairs, SLOW, "at 10 Mbit/s"),
        ]
        browser.close()
    tell("notebook_start", figures)


if __name__ == "__main__":
    main()
