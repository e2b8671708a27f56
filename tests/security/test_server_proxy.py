"""The proxy of a site behind the Jupyter server, where the user's login and cookies are."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPResponse

from jupyter_wasmwheel.site import addresses
from jupyter_wasmwheel.site.lite import Site
from tests.fixtures.cross_origin_server import CrossOriginServer, cross_origin_server
from tests.fixtures.site_factory import PREFIX

Ask = Callable[..., Awaitable[HTTPResponse]]

FETCH = f"wasmwheel/site/workshop/{PREFIX}/proxy/fetch"
HOSTS = f"wasmwheel/site/workshop/{PREFIX}/proxy/hosts.json"
KERNEL = {"Wasmwheel-Proxy": "1"}


@pytest.fixture
def other() -> Iterator[CrossOriginServer]:
    with cross_origin_server(Set_Cookie="theirs=1", Content_Type="text/html") as running:
        running.files["/data"] = b"<script>alert(1)</script>"
        yield running


@pytest.fixture
def listed(other: CrossOriginServer) -> dict[str, list[str]]:
    """Return the setting `Wasmwheel.proxy`."""
    return {"workshop": [other.host], "another": ["data.example"]}


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], listed: dict[str, list[str]]
) -> dict[str, Any]:
    return jp_server_config | {"Wasmwheel": {"proxy": listed}}


@pytest.fixture
def ask(http_server_client: Any, jp_base_url: str) -> Ask:
    """Send a request with only these headers; return the answer, whatever its status."""

    async def asking(path: str, *headers: dict[str, str], url: str = "") -> HTTPResponse:
        merged = {name: value for each in headers for name, value in each.items()}
        answer: HTTPResponse = await http_server_client.fetch(
            f"{jp_base_url}{path}?url={quote(url, safe='')}",
            headers=merged,
            follow_redirects=False,
            raise_error=False,
        )
        return answer

    return asking


async def test_proxy_answers_kernel_of_logged_in_user(
    ask: Ask, other: CrossOriginServer, jp_auth_header: dict[str, str]
) -> None:
    answer = await ask(FETCH, KERNEL, jp_auth_header, {"Cookie": "mine=1"}, url=other.url)
    assert (answer.code, answer.body) == (200, other.files["/data"])
    # If a browser shows it anyway, it has an opaque origin, and its scripts do not run.
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "theirs" not in str(answer.headers.get_list("Set-Cookie"))
    ((_, _, seen),) = other.requests
    assert set(seen) <= {"accept", "accept-encoding", "connection", "host", "user-agent"}
    hosts = json.loads((await ask(HOSTS, jp_auth_header)).body)
    assert hosts["hosts"] == [other.host]
    assert hosts["allow"] == (
        f'c.Wasmwheel.proxy = {{"workshop": ["{other.host}", "{{}}"]}} '
        "in jupyter_wasmwheel_config.py"
    )


@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}, {"Cookie": "x=y"}])
async def test_proxy_rejects_requests_without_login(
    ask: Ask, other: CrossOriginServer, headers: dict[str, str]
) -> None:
    answer = await ask(FETCH, KERNEL, headers, url=other.url)
    # It is not the login page, which a kernel would take for the answer.
    assert answer.code == 403
    assert "not logged in" in answer.headers["Wasmwheel-Proxy-Refused"]
    assert (await ask(FETCH, headers, url=other.url)).code == 403
    assert (await ask(HOSTS, headers)).code == 403
    assert other.requests == []


async def test_proxy_rejects_navigation_with_cookie(
    ask: Ask, other: CrossOriginServer, jp_auth_header: dict[str, str]
) -> None:
    login = await ask(HOSTS, jp_auth_header)
    cookie = "; ".join(each.partition(";")[0] for each in login.headers.get_list("Set-Cookie"))
    assert (await ask(HOSTS, {"Cookie": cookie})).code == 200
    answer = await ask(FETCH, {"Cookie": cookie}, url=other.url)
    assert answer.code == 403
    assert other.requests == []
    assert (await ask(FETCH, KERNEL, {"Cookie": cookie}, url=other.url)).code == 200


async def test_proxy_rejects_host_listed_for_other_site(
    ask: Ask, other: CrossOriginServer, jp_auth_header: dict[str, str], jp_serverapp: Any
) -> None:
    jupyter = f"http://127.0.0.1:{jp_serverapp.port}/api/status"
    for url in (jupyter, "http://data.example/", "http://127.0.0.1/", "file:///etc/passwd"):
        answer = await ask(FETCH, KERNEL, jp_auth_header, url=url)
        assert answer.code == 403, url
        assert answer.headers["Wasmwheel-Proxy-Refused"]
    assert other.requests == []


async def test_site_origin_has_same_proxy(
    site: Site, other: CrossOriginServer, jp_fetch: Any
) -> None:
    await jp_fetch("wasmwheel", "api", "sites", "workshop", "open", method="POST", body="{}")
    root = f"{addresses.origin(site)}/{site.prefix}"
    client = AsyncHTTPClient()
    hosts = await client.fetch(f"{root}/proxy/hosts.json")
    assert json.loads(hosts.body)["hosts"] == [other.host]
    url = f"{root}/proxy/fetch?url={quote(other.url, safe='')}"
    answer = await client.fetch(url, headers=KERNEL)
    assert answer.body == other.files["/data"]


@pytest.mark.parametrize("listed", [{}], ids=["nothing"])
async def test_proxy_is_off_by_default(
    ask: Ask, other: CrossOriginServer, jp_auth_header: dict[str, str]
) -> None:
    assert (await ask(FETCH, KERNEL, jp_auth_header, url=other.url)).code == 403
    assert json.loads((await ask(HOSTS, jp_auth_header)).body)["hosts"] == []
    assert other.requests == []


@pytest.mark.parametrize("listed", [{"workshop": ["https://x.example/"]}], ids=["wrong"])
async def test_invalid_proxy_setting_is_reported(
    ask: Ask, jp_fetch: Any, jp_auth_header: dict[str, str]
) -> None:
    opened = await jp_fetch(
        "wasmwheel", "api", "sites", "workshop", "open", method="POST", body="{}"
    )
    row = json.loads(opened.body)
    assert row["up"] is False
    assert "Invalid host 'https://x.example/'" in row["error"]["what"]
    assert (await ask(HOSTS, jp_auth_header)).code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_proxy_rejects_writing_methods(
    jp_fetch: Any, other: CrossOriginServer, method: str
) -> None:
    with pytest.raises(HTTPClientError) as raised:
        await jp_fetch(
            *FETCH.split("/"),
            params={"url": other.url},
            method=method,
            headers=KERNEL,
            body="{}",
            allow_nonstandard_methods=True,
        )
    assert raised.value.code in (403, 405)
    assert other.requests == []
