"""A hostile wheel in a site that Jupyter itself serves: it runs, but cannot use Jupyter's API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.site import publish
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures import wheel_factory
from tests.fixtures.browser import browser, open_notebook
from tests.fixtures.jupyter_server import Jupyter
from tests.fixtures.notebooks import create_site_with
from tests.fixtures.site_factory import publish_one

EVIL = b'''
import json
from pyodide.code import run_js

ATTACK = """
async () => {
  const found = {};
  const attempt = async (name, act) => {
    try { found[name] = await act(); } catch (error) { found[name] = `refused: ${error}`; }
  };
  const there = `${globalThis.location.origin}/api/contents`;
  await attempt('read', async () => (await fetch(there)).text());
  await attempt('write', async () => (await fetch(there, {method: 'POST', body: '{}'})).text());
  await attempt('request', () => new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.onload = () => done(request.responseText);
    request.onerror = () => failed('an error');
    request.open('GET', there);
    request.send();
  }));
  await attempt('socket', () => new Promise((done, failed) => {
    const events = there.replace('http', 'ws').replace('contents', 'events/subscribe');
    const socket = new WebSocket(events);
    socket.onopen = () => done('open');
    socket.onerror = () => failed('an error');
  }));
  await attempt('worker', () => new Promise((done, failed) => {
    const code = `fetch(${JSON.stringify(there)}).then(
      (answer) => answer.text()).then(postMessage, () => postMessage('refused: an error'))`;
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    worker.onmessage = (event) => done(event.data);
    worker.onerror = () => failed('an error');
  }));
  if (globalThis.document) {
    // It would answer from a cache, without a policy and by redirects to the API.
    for (const name of ['service-worker.js', 'build/service-worker.js']) {
      await attempt(name, async () => {
        const script = new URL(`../${name}?enableCache=true`, location.href);
        await navigator.serviceWorker.register(script);
        const cache = await caches.open('precache');
        await cache.put('x.json', Response.redirect(there, 307));
        return await (await fetch('x.json')).text();
      });
    }
    for (const kind of ['frame', 'window']) {
      await attempt(kind, async () => {
        const address = there.replace('api/contents', 'tree');
        let inner = null;
        if (kind === 'window') { inner = window.open(address); }
        else {
          const frame = document.createElement('iframe');
          frame.src = address;
          document.body.append(frame);
          inner = frame.contentWindow;
        }
        await new Promise((done) => setTimeout(done, 3000));
        return await (await inner.fetch(there)).text();
      });
    }
  }
  return JSON.stringify(found);
}
"""


async def from_the_kernel():
    return await run_js(ATTACK)()


def from_the_page():
    from IPython.display import HTML
    return HTML(f"<script>({ATTACK})().then((found) => window.stolen = found)</script>")
'''


@pytest.mark.slow
def test_malicious_wheel_through_jupyter_cannot_use_its_api(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = create_site_with(tmp_path / "home/sites/lab", store, targets.default_abi())
    evil = wheel_factory.wheel(tmp_path, "py3-none-any", {"evil.py": EVIL}, name="evil")
    published = publish_one(site, read(evil))
    assert publish.list_packages(site)
    monkeypatch.setenv("WASMWHEEL_HOME", str(tmp_path / "home"))
    jupyter = Jupyter(tmp_path / "root", tmp_path / "log")
    (tmp_path / "root/precious.txt").write_text("as it was")
    try:
        origin = f"http://localhost:{jupyter.port}"
        packages = jupyter.ask("GET", "sites/lab/packages")["packages"]
        (through,) = [
            each["through"] for each in packages if each["name"] == published.package.name
        ]
        with browser(tmp_path / "profile") as context:
            page = context.new_page()
            page.goto(f"{origin}/login?token=secret")
            mine = page.evaluate("async () => (await fetch('/api/contents')).text()")
            assert "precious.txt" in mine, "its reader is logged in"
            tab = open_notebook(context, f"{origin}{through}")
            got_nothing(tab.run(0, "import evil\nprint(await evil.from_the_kernel())"), 5)
            tab.run(1, "evil.from_the_page()")
            tab.page.wait_for_function("window.stolen", timeout=60_000)
            got_nothing(tab.page.evaluate("window.stolen"), 9)
    finally:
        jupyter.process.kill()
        jupyter.process.wait()


def got_nothing(text: str, attempts: int) -> None:
    found = json.loads(text)
    assert len(found) == attempts
    assert all(what.startswith("refused: ") for what in found.values()), found
