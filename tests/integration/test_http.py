"""HTTP from a notebook's Python in a real Chromium: which hosts it reaches, and its errors."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.site import proxy
from jupyter_wasmwheel.site.proxy import Proxy
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures import site_server, wheel_factory
from tests.fixtures.browser import Tab, browser, open_notebook
from tests.fixtures.cross_origin_server import CrossOriginServer, cross_origin_server
from tests.fixtures.notebooks import SERVED
from tests.fixtures.site_factory import create_site, publish_one

#: Code of a notebook that handles a host without an answer.
READING = """
import urllib.request, urllib.error, requests

def by_urllib(url):
    try:
        return urllib.request.urlopen(url).read().decode()
    except urllib.error.URLError as error:
        return str(error)

def by_requests(url, method="get"):
    try:
        return requests.request(method, url).text
    except requests.exceptions.ConnectionError as error:
        return str(error)
"""

ALLOW = "jupyter wasmwheel site serve workshop --proxy {}"

#: The original address of a file that the site ships; nothing listens there.
SHIPPED = "http://127.0.0.1:9/shipped"


@contextmanager
def opened(store: Store, folder: Path, hosts: Sequence[str], http: str, abi: str) -> Iterator[Tab]:
    """Open a notebook of a new site with a proxy for some hosts and a shipped file."""
    site = create_site(folder / "site", store, abi, http=http)
    empty = wheel_factory.wheel(folder, "py3-none-any", {"empty.py": b""}, name="empty")
    (folder / "shipped.bin").write_text("shipped along")
    shipped = {SHIPPED: folder / "shipped.bin"}
    url = publish_one(site, read(empty), [], ignore, shipped=shipped).url
    site_proxy = Proxy(hosts=proxy.parse(hosts), allow=ALLOW)
    with site_server.serving(site, site_proxy), browser(folder / "profile") as context:
        yield open_notebook(context, url)


def closed_port() -> int:
    """Return a port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def says_cors(text: str, host: str) -> bool:
    """Return whether a text names missing CORS headers and the fix."""
    return (
        f"{host} answers, but sends no CORS headers" in text
        and ALLOW.replace("{}", host) in text
        and "ship the data with the site" in text
    )


def check_reading(
    tab: Tab, plain: CrossOriginServer, open_: CrossOriginServer, proxied: CrossOriginServer
) -> None:
    """Read without CORS headers, with them, through the proxy, from no host, and a shipped file."""
    nobody = f"127.0.0.1:{closed_port()}"
    urls = [plain.url, open_.url, proxied.url, f"http://{nobody}/", SHIPPED]
    shown = tab.run(1, f"{READING}\nfor url in {urls}:\n    print(by_urllib(url))")
    without, cors, through, none, shipped = shown.splitlines()
    assert says_cors(without, plain.host)
    assert (cors, through, shipped) == ("the data", "the data", "shipped along")
    assert f"{nobody} could not be reached" in none
    shown = tab.run(1, f"for url in {urls}:\n    print(by_requests(url))")
    without, cors, through, none, shipped = shown.splitlines()
    assert says_cors(without, plain.host)
    assert (cors, through, shipped) == ("the data", "the data", "shipped along")
    assert f"{nobody} could not be reached" in none
    # The browser itself never requested that host.
    assert {seen["user-agent"] for _, _, seen in proxied.requests} == {"jupyter-wasmwheel"}
    assert [path for method, path, _ in proxied.requests if method == "GET"] == ["/data"] * 2


def test_notebook_reads_hosts_allowed_by_cors_or_proxy(store: Store, tmp_path: Path) -> None:
    with (
        cross_origin_server() as plain,
        cross_origin_server(Access_Control_Allow_Origin="*") as open_,
        cross_origin_server() as proxied,
        opened(store, tmp_path, [proxied.host], "urllib", targets.default_abi()) as tab,
    ):
        check_reading(tab, plain, open_, proxied)
        # The message without exception handling.
        shown = tab.run(1, f"requests.get({plain.url!r})")
        last = shown.strip().splitlines()[-1]
        assert last.startswith("ConnectionError: ")
        assert says_cors(last, plain.host)
        shown = tab.run(1, f"print(by_requests({proxied.url!r}, 'post'))")
        assert "The site's server can fetch from it, but only reads" in shown
        assert f"at {proxied.url}" in tab.run(
            1, f"r = requests.get({proxied.url!r})\n'at ' + r.url"
        )
        fetching = "from pyodide.http import pyfetch\nprint(await (await pyfetch({!r})).string())"
        assert tab.run(1, fetching.format(proxied.url)).strip() == "the data"
        assert tab.run(1, fetching.format(SHIPPED)).strip() == "shipped along"
        assert says_cors(tab.run(1, fetching.format(plain.url)), plain.host)
        # A rejected address is an error, not an answer.
        away = f"{proxied.url.replace('data', 'to')}?url={plain.url}"
        shown = tab.run(1, f"print(by_urllib({away!r}))\nprint(by_requests({away!r}))")
        assert shown.count(f"from {plain.host} (redirected from {proxied.host})") == 2
        assert shown.count(f"To allow it: {ALLOW.replace('{}', plain.host)}") == 2


#: Code that sends a body in each way, and prints what comes back instead of an answer.
SENDING = """
import io, requests, urllib.error, urllib.request

url, base = {url!r}, {url!r}.removesuffix("/data")
for data in (io.BytesIO(b"file"), "téxt", (part for part in (b"a", b"b")), {{"a": 1}}):
    requests.post(url, data=data)
urllib.request.urlopen(url, b"x=1")
typed = {{"Content-Type": "text/plain"}}
urllib.request.urlopen(urllib.request.Request(url, io.BytesIO(b"file"), typed))
try:
    urllib.request.urlopen(base + "/nothing")
except urllib.error.HTTPError as error:
    print(error.code, error.reason, error.read().decode())
try:
    requests.get(base + "/slow", timeout=0.5)
except requests.Timeout:
    print("timed out")
"""

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("http", ["urllib", "all"])
def test_notebook_sends_as_natively(store: Store, tmp_path: Path, http: str) -> None:
    with (
        cross_origin_server(Access_Control_Allow_Origin="*") as open_,
        opened(store, tmp_path, [], http, targets.default_abi()) as tab,
    ):
        shown = tab.run(1, SENDING.format(url=open_.url))
        assert shown.splitlines() == ["404 Not Found not here", "timed out"]
        sent = [
            (body.decode(), headers.get("content-type"))
            for body, (method, _, headers) in zip(open_.bodies, open_.requests, strict=True)
            if method == "POST"
        ]
        assert sent == [
            ("file", None),
            ("téxt", None),
            ("ab", None),
            ("a=1", FORM),
            ("x=1", FORM),
            ("file", "text/plain"),
        ]


@pytest.mark.slow
@pytest.mark.parametrize("abi", SERVED)
def test_notebook_reads_hosts_with_requests(store: Store, tmp_path: Path, abi: str) -> None:
    with (
        cross_origin_server() as plain,
        cross_origin_server(Access_Control_Allow_Origin="*") as open_,
        cross_origin_server() as proxied,
        opened(store, tmp_path, [proxied.host], "all", abi) as tab,
    ):
        check_reading(tab, plain, open_, proxied)
        adapter = "type(requests.Session().get_adapter('https://x')).__module__"
        assert "pyodide_http" in tab.run(1, adapter)


@pytest.mark.slow
def test_disabled_http_policy_patches_nothing(store: Store, tmp_path: Path) -> None:
    with (
        cross_origin_server(Access_Control_Allow_Origin="*") as open_,
        opened(store, tmp_path, [open_.host], "off", targets.default_abi()) as tab,
    ):
        asking = f"import requests\nprint(requests.get({open_.url!r}).text)"
        assert tab.run(1, asking).strip() == "the data"
        assert "origin" in open_.requests[-1][2]  # it is the browser that asked
        assert tab.run(1, "import sys\n'pyodide_http' in sys.modules").strip() == "False"
