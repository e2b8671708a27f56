"""The cookies of a site's page, in real browsers: none reaches Jupyter's hosts."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.site import lite
from jupyter_wasmwheel.site.lite import Site
from tests.fixtures import site_server
from tests.fixtures.browser import browser
from tests.fixtures.firefox import firefox

#: Set a cookie for each host that a page could try, and return those that the page then has.
SET = """(() => {
  for (const domain of ['', 'localhost', '.localhost', '127.0.0.1', '0.0.1', '127.0.0.2']) {
    document.cookie = `_xsrf=tossed${domain}; path=/` + (domain ? `; domain=${domain}` : '');
  }
  return document.cookie + (isSecureContext ? ' secure' : '');
})()"""


class Jupyter(ThreadingHTTPServer):
    """A server at all hosts that stands in for Jupyter, and the cookies that it gets."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("", 0), Handler)
        self.cookies: dict[str, str] = {}


class Handler(BaseHTTPRequestHandler):
    server: Jupyter

    def do_GET(self) -> None:
        self.server.cookies[self.headers["Host"].partition(":")[0]] = self.headers.get("Cookie", "")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Log nothing."""


@pytest.fixture
def jupyter() -> Iterator[Jupyter]:
    with Jupyter() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def page(site: Site) -> Iterator[str]:
    (site.folder / "index.html").write_text("<p>a page</p>")
    with site_server.serving(site) as address:
        yield f"{address.removesuffix('tree/index.html')}index.html"


def hosts() -> list[str]:
    return ["localhost"] if sys.platform == "darwin" else ["localhost", "127.0.0.1"]


def test_cookies_of_site_do_not_reach_jupyter_in_chromium(
    page: str, jupyter: Jupyter, tmp_path: Path
) -> None:
    with browser(tmp_path / "profile") as context:
        tab = context.new_page()
        tab.goto(page)
        found = tab.evaluate(SET)
        for host in hosts():
            tab.goto(f"http://{host}:{jupyter.server_port}/")
    assert "tossed" in found
    assert "secure" in found
    assert jupyter.cookies == dict.fromkeys(hosts(), "")


def test_cookies_of_site_do_not_reach_jupyter_in_firefox(
    page: str, jupyter: Jupyter, tmp_path: Path
) -> None:
    with firefox(tmp_path / "profile") as tab:
        tab.open(page)
        found = tab.evaluate(SET)
        for host in hosts():
            tab.open(f"http://{host}:{jupyter.server_port}/")
    assert "tossed" in found
    assert "secure" in found
    assert {host: jupyter.cookies.get(host) for host in hosts()} == dict.fromkeys(hosts(), "")


async def test_jupyter_at_host_of_sites_says_so(
    site: Site,
    jp_serverapp: Any,
    http_server_client: Any,
    jp_auth_header: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    jp_serverapp.log.addHandler(caplog.handler)
    for host, is_said in (("localhost", False), (lite.HOST, True)):
        caplog.clear()
        await http_server_client.fetch(
            f"{jp_serverapp.base_url}wasmwheel/api/sites/workshop/open",
            method="POST",
            body="{}",
            headers={**jp_auth_header, "Host": f"{host}:8888"},
        )
        messages = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
        assert any("set cookies" in message for message in messages) == is_said
    jp_serverapp.log.removeHandler(caplog.handler)
