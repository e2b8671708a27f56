"""Pages of a site: what a package's notebook carries, and what clients and others can send."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from tornado.httpclient import HTTPClientError

from jupyter_wasmwheel.server.handler import MAX_BODY_BYTES
from jupyter_wasmwheel.site import lite, server
from jupyter_wasmwheel.site.lite import Site
from tests.fixtures import site_server
from tests.fixtures.jupyter_server import Fetch
from tests.fixtures.site_factory import publish_one, tiny_wheel

SCRIPT = "<script>parent.location = 'https://evil.example'</script><img src=x onerror=alert(1)>"

# A package's own notebook


def hostile_notebook() -> dict[str, Any]:
    outputs = [
        {"output_type": "display_data", "data": {"text/html": SCRIPT}, "metadata": {}},
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}},
    ]
    code = {"cell_type": "code", "source": "1", "metadata": {"trusted": True, "tags": ["x"]}}
    text = {"cell_type": "markdown", "source": SCRIPT, "metadata": {"trusted": True}}
    text["other"] = code["other"] = SCRIPT
    return {
        "other": SCRIPT,
        "cells": [code | {"outputs": outputs, "execution_count": 7}, text | {"outputs": outputs}],
        "metadata": {"widgets": {"state": SCRIPT}, "trusted": True, "signature": "x"},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def test_published_notebook_has_no_outputs_and_no_trust(site: Site, tmp_path: Path) -> None:
    package = publish_one(site, tiny_wheel(tmp_path), notebook=hostile_notebook()).package
    text = (site.folder / "files" / package.notebook).read_text()
    assert "trusted" not in text
    assert "alert(1)</" not in text
    found = json.loads(text)
    assert [cell.get("outputs") for cell in found["cells"]] == [[], None]
    assert found["cells"][0]["execution_count"] is None
    assert found["cells"][0]["metadata"] == {"tags": ["x"]}
    assert set(found["metadata"]) == {"kernelspec", "language_info"}
    assert "other" not in {*found, *found["cells"][0], *found["cells"][1]}


@pytest.mark.parametrize("metadata", [None, [], "x", 7])
def test_notebook_with_invalid_metadata_is_published(
    site: Site, tmp_path: Path, metadata: object
) -> None:
    cell = {"cell_type": "code", "source": "1", "metadata": metadata}
    own = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    package = publish_one(site, tiny_wheel(tmp_path), notebook=own).package
    found = json.loads((site.folder / "files" / package.notebook).read_text())
    assert found["cells"][0]["metadata"] == {}


# The site's own server


@pytest.fixture
def served(site: Site) -> Iterator[Site]:
    (site.folder / "index.html").write_text("<p>here</p>")
    with site_server.serving(site):
        yield site


def send(site: Site, head: str, body: bytes = b"") -> bytes:
    """Send a request as it is, and return the first line of the answer."""
    with socket.create_connection((lite.HOST, site.port), timeout=10) as client:
        with contextlib.suppress(OSError):
            client.sendall(f"{head}\r\nHost: {lite.HOST}:{site.port}\r\n\r\n".encode() + body)
        return client.makefile("rb").readline()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /PREFIX/index.html HTTP/1.1", b"200"),
        ("GET /PREFIX/x%00y HTTP/1.1", b"400"),
        ("GET /x%00y HTTP/1.1", b"400"),
        ("GET /PREFIX/index.html HTTP/1.1\r\nX: " + "y" * 100_000, b"431"),
        ("GET /PREFIX/index.html HTTP/1.1" + "\r\nX: y" * 20_000, b"431"),
        ("GET /PREFIX/index.html HTTP/1.1\r\nCookie: " + "c=" + "d" * 180_000, b"431"),
        ("GET /PREFIX/" + "x" * 100_000 + " HTTP/1.1", b"431"),
    ],
)
def test_site_server_refuses_unusual_requests(served: Site, head: str, status: bytes) -> None:
    assert send(served, head.replace("PREFIX", served.prefix)).split()[1] == status


def test_site_server_reads_no_large_body(served: Site) -> None:
    memory = psutil.Process().memory_info().rss
    size = 90 * 1024**2
    for path in ("/", f"/{served.prefix}/index.html"):
        send(served, f"POST {path} HTTP/1.1\r\nContent-Length: {size}", bytes(size))
    assert psutil.Process().memory_info().rss - memory < 1.5 * size


def test_prefix_is_not_sent_to_another_program_at_the_port(site: Site) -> None:
    received: list[bytes] = []
    with socket.create_server((lite.HOST, site.port)) as listening:

        def answer() -> None:
            for _ in range(2):
                client, _ = listening.accept()
                with client:
                    received.append(client.recv(65536))
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + b"0" * 64)

        thread = threading.Thread(target=answer)
        thread.start()
        assert [server.is_served(site) for _ in range(2)] == [False, False]
        thread.join(10)
    assert site.prefix.encode() not in b"".join(received)
    assert received[0] != received[1]  # an answer cannot be used again


def test_server_of_site_proves_itself_and_of_another_site_does_not(served: Site) -> None:
    other = type(served)(**{**msgspec.structs.asdict(served), "prefix": "f" * 32})
    assert server.is_served(served)
    assert not server.is_served(other)


# Jupyter


@pytest.mark.parametrize("path", ["wasmwheel/api/jobs", "wasmwheel/api/new", "wasmwheel/nothing"])
async def test_large_body_is_not_kept(path: str, jp_fetch: Fetch) -> None:
    memory = psutil.Process().memory_info().rss
    body = b"x" * (90 * 1024**2)
    for _ in range(3):
        with pytest.raises(HTTPClientError) as caught:
            await jp_fetch(*path.split("/"), method="POST", body=body, request_timeout=60)
        assert caught.value.code in (404, 413)
    assert psutil.Process().memory_info().rss - memory < 3 * len(body)


async def test_body_without_length_is_limited(jp_fetch: Fetch) -> None:
    async def produce(write: Any) -> None:
        for _ in range(100):
            await write(b"x" * MAX_BODY_BYTES)

    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("wasmwheel", "api", "jobs", method="POST", body_producer=produce)
    assert caught.value.code == 413


@pytest.mark.parametrize(
    "path",
    [
        "wasmwheel/api/sites/x%00y/packages",
        "wasmwheel/api/jobs/x%00y",
        "wasmwheel/site/workshop/PREFIX/x%00y",
        "wasmwheel/api/project?source=x%00y",
    ],
)
async def test_null_byte_in_address_is_a_bad_request(
    path: str, site: Site, jp_serverapp: Any, http_server_client: Any, jp_auth_header: Any
) -> None:
    url = jp_serverapp.base_url + path.replace("PREFIX", site.prefix)
    with pytest.raises(HTTPClientError) as caught:
        await http_server_client.fetch(url, headers=jp_auth_header)
    assert caught.value.code in (400, 404)


async def test_prefix_of_site_is_not_logged(
    site: Site, jp_serverapp: Any, http_server_client: Any, jp_auth_header: Any
) -> None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    jp_serverapp.log.addHandler(handler)
    address = f"{jp_serverapp.base_url}wasmwheel/site/workshop/{site.prefix}/"
    headers = {**jp_auth_header, "Referer": f"http://localhost{address}"}
    for path in ("none.html", "x%00y", "proxy/fetch?url=x"):
        with pytest.raises(HTTPClientError):
            await http_server_client.fetch(address + path, headers=headers)
    jp_serverapp.log.removeHandler(handler)
    assert logged.getvalue().count("/wasmwheel/site/workshop/***/") >= 3
    assert site.prefix not in logged.getvalue()
