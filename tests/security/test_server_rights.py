"""Rights: each route and method, requested by users with and without permission."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from tornado.httpclient import HTTPClientError, HTTPResponse
from tornado.web import RequestHandler

from jupyter_wasmwheel.server.app import ROUTES
from tests.fixtures.site_factory import PREFIX

API = "wasmwheel/api"
NOBODY = "0123456789abcdef"

#: Every route and method: its address, and the status for a user with all rights.
TABLE = [
    ("GET", f"{API}", 200),
    ("GET", f"{API}/toolchain", 200),
    ("GET", f"{API}/targets", 200),
    ("GET", f"{API}/project?source=none", 400),
    ("POST", f"{API}/edits", 400),
    ("GET", f"{API}/templates", 200),
    ("POST", f"{API}/new", 400),
    ("GET", f"{API}/events?after=x", 400),
    ("GET", f"{API}/jobs", 200),
    ("POST", f"{API}/jobs", 400),
    ("GET", f"{API}/jobs/{NOBODY}", 404),
    ("DELETE", f"{API}/jobs/{NOBODY}", 404),
    ("POST", f"{API}/jobs/{NOBODY}/cancel", 404),
    ("GET", f"{API}/jobs/{NOBODY}/events", 404),
    ("GET", f"{API}/jobs/{NOBODY}/log", 404),
    ("GET", f"{API}/jobs/{NOBODY}/wheel", 404),
    ("GET", f"{API}/sites", 200),
    ("POST", f"{API}/sites/none/open", 404),
    ("GET", f"{API}/sites/workshop/packages", 200),
    ("DELETE", f"{API}/sites/workshop/packages/none", 404),
    ("GET", f"{API}/sites/workshop/packages/none/snippets", 404),
    ("GET", f"wasmwheel/site/workshop/{PREFIX}/api/contents/all.json", 200),
    ("HEAD", f"wasmwheel/site/workshop/{PREFIX}/api/contents/all.json", 200),
    ("GET", f"wasmwheel/site/workshop/{PREFIX}/proxy/hosts.json", 200),
    ("HEAD", f"wasmwheel/site/workshop/{PREFIX}/proxy/hosts.json", 200),
]
ALL = pytest.mark.parametrize(("method", "path", "status"), TABLE)
WRITING = pytest.mark.parametrize(
    ("method", "path", "status"), [row for row in TABLE if row[0] not in ("GET", "HEAD")]
)

Ask = Callable[..., Awaitable[HTTPResponse]]


class ReadOnly(Authorizer):
    """An authorizer that lets logged-in users only read the extension's resources."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return (action, resource) == ("read", "wasmwheel")


class NoAccess(Authorizer):
    """An authorizer that lets logged-in users do everything except use this extension."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "wasmwheel"


@pytest.fixture
def authorizer() -> dict[str, Any]:
    """Return the authorizer of a test, in place of Jupyter's."""
    return {}


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], authorizer: dict[str, Any]
) -> dict[str, Any]:
    return jp_server_config | {"ServerApp": jp_server_config["ServerApp"] | authorizer}


@pytest.fixture
def ask(http_server_client: Any, jp_base_url: str) -> Ask:
    """Send a request with only these headers; return the answer, whatever its status."""

    async def asking(method: str, path: str, headers: dict[str, str]) -> HTTPResponse:
        try:
            answer: HTTPResponse = await http_server_client.fetch(
                f"{jp_base_url}{path}",
                method=method,
                body="{}" if method == "POST" else None,
                headers=headers,
                follow_redirects=False,
            )
        except HTTPClientError as error:
            if error.response is None:
                raise
            answer = error.response
        return answer

    return asking


def is_refused(answer: HTTPResponse, path: str) -> bool:
    """Return whether an answer is a refusal; a page of a site may redirect to the login."""
    if path.startswith(API):
        return answer.code == 403 and set(json.loads(answer.body)) >= {"what", "why", "fix"}
    return answer.code == 403 or (answer.code == 302 and "/login" in answer.headers["Location"])


def test_table_covers_every_route_and_method() -> None:
    there = {
        (method, pattern)
        for pattern, handler in ROUTES
        for method in handler.SUPPORTED_METHODS
        if getattr(handler, method.lower()) is not RequestHandler._unimplemented_method
        and method != "OPTIONS"  # Jupyter's own, which answers with headers and no more
    }
    asked = set()
    for method, path, _ in TABLE:
        pattern = next(p for p, _ in ROUTES if re.fullmatch(p, "/" + path.partition("?")[0]))
        asked.add((method, pattern))
    assert asked == there


@ALL
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "token wrong"}, {"Authorization": "Basic eDp4"}, {"Cookie": "x=y"}],
)
async def test_request_without_login_is_rejected(
    method: str, path: str, status: int, headers: dict[str, str], ask: Ask
) -> None:
    assert is_refused(await ask(method, path, headers), path)


@ALL
async def test_request_with_token_is_answered(
    method: str, path: str, status: int, ask: Ask, jp_auth_header: dict[str, str]
) -> None:
    answer = await ask(method, path, jp_auth_header)
    assert answer.code == status
    if status >= 400:
        assert set(json.loads(answer.body)) == {
            "code",
            "counts",
            "remedies",
            "what",
            "why",
            "fix",
            "status",
            "message",
        }


async def login(ask: Ask, token: dict[str, str]) -> dict[str, str]:
    """Return the cookies of a logged-in user by their names."""
    answer = await ask("GET", f"{API}/targets", token)
    cookies = {}
    for line in answer.headers.get_list("Set-Cookie"):
        name, _, value = line.partition(";")[0].partition("=")
        cookies[name] = value
    return cookies


@WRITING
async def test_cross_site_write_with_cookie_is_rejected(
    method: str, path: str, status: int, ask: Ask, jp_auth_header: dict[str, str]
) -> None:
    cookies = await login(ask, jp_auth_header)
    token = "2|00000000|00000000000000000000000000000000|1700000000"
    for name, value in (("without any", ""), ("with the cookie's alone", token)):
        sent = cookies | ({"_xsrf": value} if value else {})
        cookie = "; ".join(f"{key}={each}" for key, each in sent.items())
        assert (await ask("GET", f"{API}/targets", {"Cookie": cookie})).code == 200
        assert is_refused(await ask(method, path, {"Cookie": cookie}), path), name
    headers = {"Cookie": f"{cookie}", "X-XSRFToken": token}
    assert (await ask(method, path, headers)).code == status


@ALL
@pytest.mark.parametrize("authorizer", [{"authorizer_class": ReadOnly}], ids=["reader"])
async def test_read_only_user_cannot_write(
    method: str, path: str, status: int, ask: Ask, jp_auth_header: dict[str, str]
) -> None:
    answer = await ask(method, path, jp_auth_header)
    if method in ("GET", "HEAD"):
        assert answer.code == status
    else:
        assert is_refused(answer, path)


@ALL
@pytest.mark.parametrize("authorizer", [{"authorizer_class": NoAccess}], ids=["stranger"])
async def test_user_without_rights_is_rejected(
    method: str, path: str, status: int, ask: Ask, jp_auth_header: dict[str, str]
) -> None:
    assert is_refused(await ask(method, path, jp_auth_header), path)


async def test_rejected_request_changes_nothing(
    ask: Ask, jp_auth_header: dict[str, str], tmp_path: Path
) -> None:
    await ask("POST", f"{API}/jobs", {})
    await ask("POST", f"{API}/new", {})
    listing = json.loads((await ask("GET", f"{API}/jobs", jp_auth_header)).body)
    assert listing["jobs"] == []


@pytest.mark.parametrize("verb", ["PUT", "PATCH"])
async def test_unknown_methods_are_rejected(
    verb: str, http_server_client: Any, jp_base_url: str, jp_auth_header: dict[str, str]
) -> None:
    for path in (f"{API}/jobs", f"{API}/sites", f"{API}/events"):
        with pytest.raises(HTTPClientError) as raised:
            await http_server_client.fetch(
                f"{jp_base_url}{path}", method=verb, body="{}", headers=jp_auth_header
            )
        assert raised.value.code == 405
