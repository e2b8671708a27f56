"""A hostile wheel in a notebook, next to a Jupyter that the user is logged in to."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures import site_server, wheel_factory
from tests.fixtures.browser import browser, open_notebook
from tests.fixtures.notebooks import create_site_with
from tests.fixtures.site_factory import publish_one

#: The prefix of a user's server on a hub.
BASE = "/user/someone/"

#: What the wheel tries from its kernel, and from the page by its output.
EVIL = b'''
import json
import js
from pyodide.code import run_js

ATTACK = """
async (jupyter) => {
  const found = {};
  const attempt = async (name, act) => {
    try { found[name] = await act(); } catch (error) { found[name] = `refused: ${error.name}`; }
  };
  const api = `${jupyter}api/contents`;
  const json = {'Content-Type': 'application/json'};
  await attempt('cookies', () => globalThis.document?.cookie ?? '');
  await attempt('read', async () => (await fetch(api, {credentials: 'include'})).text());
  await attempt('blind', async () =>
    (await fetch(api, {credentials: 'include', mode: 'no-cors'})).text());
  await attempt('page', async () =>
    (await fetch(`${jupyter}tree`, {credentials: 'include', mode: 'no-cors'})).text());
  await attempt('create', async () => (await fetch(api,
    {method: 'POST', credentials: 'include', mode: 'no-cors', body: '{}'})).text());
  await attempt('build', async () =>
    (await fetch(`${jupyter}wasmwheel/api/jobs`, {method: 'POST', credentials: 'include',
      headers: json, body: '{"kind": "build", "source": "."}'})).text());
  await attempt('delete', async () =>
    (await fetch(`${api}/precious.txt`, {method: 'DELETE', credentials: 'include'})).text());
  await attempt('socket', () => new Promise((done, failed) => {
    const socket = new WebSocket(`${jupyter.replace('http', 'ws')}api/events/subscribe`);
    socket.onopen = () => done('open');
    socket.onerror = () => failed(new Error());
  }));
  if (globalThis.document) {
    await attempt('frame', () => new Promise((done, failed) => {
      const frame = document.createElement('iframe');
      frame.src = `${jupyter}tree`;
      setTimeout(() => failed(new Error()), 3000);
      frame.onload = () => {
        try { done(frame.contentWindow.document.cookie + frame.contentWindow.location.href); }
        catch (error) { failed(error); }
      };
      document.body.append(frame);
    }));
    await attempt('window', async () => {
      const opened = window.open(`${jupyter}tree`);
      await new Promise((done) => setTimeout(done, 3000));
      return opened === null ? '' : opened.document.cookie + opened.location.href;
    });
  }
  return JSON.stringify(found);
}
"""


async def from_the_kernel(jupyter):
    return await run_js(ATTACK)(jupyter)


def from_the_page(jupyter):
    from IPython.display import HTML
    act = f"({ATTACK})({json.dumps(jupyter)}).then((found) => window.stolen = found)"
    return HTML(f"<script>{act}</script>")
'''


@dataclass(frozen=True)
class Jupyter:
    """A Jupyter server under a prefix, and its token."""

    url: str
    token: str
    root: Path

    def ask(self, path: str, **headers: str) -> int:
        """Return the status of an answer."""
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{self.url}{path}", headers=headers), timeout=20
            ) as answer:
                status: int = answer.status
                return status
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Jupyter]:
    """Run a Jupyter server as a hub does, with a file in its folder."""
    root = tmp_path_factory.mktemp("root")
    (root / "precious.txt").write_text("as it was")
    own = tmp_path_factory.mktemp("own")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.base_url={BASE}",
            f"--ServerApp.root_dir={root}",
            f"--IdentityProvider.token={token}",
        ],
        env=os.environ | {f"JUPYTER_{kind}_DIR": str(own) for kind in ("CONFIG", "RUNTIME")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found = Jupyter(f"http://localhost:{port}{BASE}", token, root)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                found.ask("api")
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def test_routes_under_hub_prefix_require_token(jupyter: Jupyter) -> None:
    for path in ("", "jobs", "events", "sites", "toolchain"):
        assert jupyter.ask(f"wasmwheel/api/{path}") == 403, path
    assert jupyter.ask("wasmwheel/api/jobs", Authorization="token wrong") == 403
    assert jupyter.ask("wasmwheel/api/jobs", Authorization=f"token {jupyter.token}") == 200


def test_rebound_host_name_is_rejected(jupyter: Jupyter) -> None:
    right = {"Authorization": f"token {jupyter.token}"}
    assert jupyter.ask("wasmwheel/api/jobs", Host="evil.example", **right) == 403


@pytest.mark.slow
def test_malicious_wheel_cannot_reach_jupyter(
    jupyter: Jupyter, store: Store, tmp_path: Path
) -> None:
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    evil = wheel_factory.wheel(tmp_path, "py3-none-any", {"evil.py": EVIL}, name="evil")
    url = publish_one(site, read(evil), [], ignore).url
    with site_server.serving(site), browser(tmp_path / "profile") as context:
        page = context.new_page()
        page.goto(f"{jupyter.url}lab?token={jupyter.token}")
        mine = page.evaluate(
            "async (url) => (await fetch(url)).text()", f"{jupyter.url}api/contents"
        )
        assert "precious.txt" in mine, "its reader is logged in"
        tab = open_notebook(context, url)
        code = f"import evil\nprint(await evil.from_the_kernel({jupyter.url!r}))"
        got_nothing(json.loads(tab.run(0, code)))
        tab.run(1, f"import evil\nevil.from_the_page({jupyter.url!r})")
        tab.page.wait_for_function("window.stolen", timeout=60_000)
        got_nothing(json.loads(tab.page.evaluate("window.stolen")))
    assert [path.name for path in jupyter.root.iterdir()] == ["precious.txt"]
    assert (jupyter.root / "precious.txt").read_text() == "as it was"


def got_nothing(found: dict[str, Any]) -> None:
    """Check that no attempt reached Jupyter: no text, no cookie, no connection."""
    assert len(found) >= 8
    taken = {
        name: what
        for name, what in found.items()
        if what and not what.startswith("refused: ") and "about:blank" not in what
    }
    assert not taken
