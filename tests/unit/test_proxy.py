"""The proxy of a site's server: what it fetches, and what it rejects."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tornado.netutil import Resolver

from jupyter_wasmwheel import public_hosts
from jupyter_wasmwheel.api.errors import UsageError
from jupyter_wasmwheel.site import lite, proxy
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.site.proxy import Proxy
from tests.fixtures import site_server
from tests.fixtures.cross_origin_server import CrossOriginServer, cross_origin_server

#: A public address from the documentation of IP; no test connects to it.
PUBLIC = "93.184.215.14"

Ask = Callable[..., tuple[http.client.HTTPResponse, bytes]]


class Names(Resolver):
    """A stand-in for DNS that counts its lookups."""

    def initialize(self, known: Mapping[str, list[tuple[str, int]]]) -> None:
        self.known = known
        self.lookups = 0

    async def resolve(self, host: str, port: int, family: Any = 0) -> list[tuple[int, Any]]:
        self.lookups += 1
        places = self.known.get(host, [(host, port)])
        return [(socket.AF_INET6 if ":" in at else socket.AF_INET, (at, p)) for at, p in places]


@pytest.fixture
def other() -> Iterator[CrossOriginServer]:
    with cross_origin_server() as running:
        yield running


@contextmanager
def serving(
    site: Site, *hosts: str, names: Mapping[str, list[tuple[str, int]]] | None = None
) -> Iterator[Ask]:
    """Serve the site with a proxy for some hosts; return a function that asks like a kernel."""
    dns = Names(known=names or {})
    with site_server.serving(site, Proxy(hosts=proxy.parse(hosts), allow="allow {}", names=dns)):

        def ask(
            url: str, method: str = "GET", path: str | None = None, **headers: str | None
        ) -> tuple[http.client.HTTPResponse, bytes]:
            sent = {"Wasmwheel-Proxy": "1"} | {
                name.replace("_", "-"): value for name, value in headers.items()
            }
            connection = http.client.HTTPConnection(lite.HOST, site.port, timeout=20)
            connection.request(
                method,
                path or f"/{site.prefix}/proxy/fetch?url={quote(url, safe='')}",
                headers={name: value for name, value in sent.items() if value is not None},
            )
            response = connection.getresponse()
            try:
                return response, response.read()
            finally:
                connection.close()

        yield ask


def assert_refused(
    answer: tuple[http.client.HTTPResponse, bytes], *words: str, status: int = 403
) -> None:
    """Check that an answer is a refusal of the proxy and contains these words."""
    response, body = answer
    assert response.status == status, body
    said = response.headers["Wasmwheel-Proxy-Refused"]
    assert body.decode() == f"{said}\n"
    assert all(word in said for word in words), said


# Forwarding


def test_proxy_is_off_without_listed_hosts(site: Site, other: CrossOriginServer) -> None:
    with serving(site) as ask:
        assert_refused(ask(other.url), f"may not fetch from {other.host}", f"allow {other.host}")
        _, body = ask("", path=f"/{site.prefix}/proxy/hosts.json")
    assert json.loads(body) == {"hosts": [], "allow": "allow {}"}
    assert other.requests == []


def test_proxy_forwards_answer_of_listed_host(site: Site, other: CrossOriginServer) -> None:
    other.files["/data"] = bytes(range(256)) * 10_000
    with serving(site, other.host) as ask:
        response, body = ask(f"{other.url}?a=%2F&b=c d#part".replace(" ", "%20"))
        assert (response.status, body) == (200, other.files["/data"])
        assert response.headers["Content-Type"] == "text/plain"
        assert other.requests[-1][:2] == ("GET", "/data?a=%2F&b=c%20d")
        response, body = ask(other.url, "HEAD")
        assert (response.status, body) == (200, b"")
        assert response.headers["Content-Length"] == str(len(other.files["/data"]))
        response, body = ask(other.url, Range="bytes=2-4")
        assert (response.status, body) == (206, bytes([2, 3, 4]))
        assert response.headers["Content-Range"].startswith("bytes 2-4/")
        response, body = ask(other.url.replace("data", "none"))
        assert (response.status, body) == (404, b"not here")
        assert "Wasmwheel-Proxy-Refused" not in response.headers
        response, body = ask(other.url.replace("data", "gzip"), Accept_Encoding="gzip")
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(body) == other.files["/data"]
        _, body = ask("", path=f"/{site.prefix}/proxy/hosts.json")
    assert json.loads(body)["hosts"] == [other.host]


def test_proxy_drops_request_headers(site: Site, other: CrossOriginServer) -> None:
    private = {
        "Cookie": "login=secret",
        "Authorization": "Bearer secret",
        "Proxy_Authorization": "secret",
        "X_XSRFToken": "secret",
        "Origin": "http://secret.example",
        "Referer": f"http://{lite.HOST}/{site.prefix}/",
        "X_Forwarded_For": "secret",
        "Connection": "keep-alive, Accept",
        "User_Agent": "secret",
    }
    with serving(site, other.host) as ask:
        ask(other.url, Accept="text/x-wanted", **private)
    ((_, _, seen),) = other.requests
    assert seen["accept"] == "text/x-wanted"
    assert seen["host"] == other.host
    assert set(seen) <= {"accept", "accept-encoding", "connection", "host", "user-agent"}
    assert "secret" not in str(seen)
    assert site.prefix not in str(seen)


def test_proxy_drops_response_headers_that_affect_origin(site: Site) -> None:
    theirs = {
        "Set_Cookie": "a=b",
        "Clear_Site_Data": '"*"',
        "Service_Worker_Allowed": "/",
        "Access_Control_Allow_Origin": "*",
        "Strict_Transport_Security": "max-age=1",
        "Refresh": "0; url=http://evil.example",
        "Content_Security_Policy": "default-src *",
        "Keep_Alive": "timeout=5",
        "Proxy_Authenticate": "Basic",
        "Content_Type": "text/html",
        "ETag": '"tag"',
    }
    with cross_origin_server(**theirs) as other, serving(site, other.host) as ask:
        response, _ = ask(other.url)
    kept = {"Content_Type", "ETag", "Content_Security_Policy"}
    assert not {name.replace("_", "-") for name in {*theirs} - kept} & {*response.headers}
    assert response.headers["ETag"] == '"tag"'
    assert response.headers["Content-Security-Policy"].startswith("sandbox;")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


# Clients


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1"])
def test_proxy_rejects_foreign_host_header(site: Site, other: CrossOriginServer, host: str) -> None:
    with serving(site, other.host) as ask:
        assert ask(other.url, Host=host)[0].status == 421
        hosts = f"/{site.prefix}/proxy/hosts.json"
        assert ask("", path=hosts, Host=host)[0].status == 421
    assert other.requests == []


def test_proxy_rejects_requests_of_other_pages(site: Site, other: CrossOriginServer) -> None:
    with serving(site, other.host) as ask:
        assert_refused(ask(other.url, Wasmwheel_Proxy=None), "Only a kernel of the site")
        wrong = f"/{'0' * len(site.prefix)}/proxy/fetch?url={quote(other.url, safe='')}"
        assert ask("", path=wrong)[0].status == 404
        # The preflight request for a page of another origin that sets the header.
        response, _ = ask(other.url, "OPTIONS", Origin="http://evil.example")
        assert response.status == 405
        assert not [name for name in response.headers if name.startswith("Access-Control")]
    assert other.requests == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_proxy_rejects_writing_methods(site: Site, other: CrossOriginServer, method: str) -> None:
    with serving(site, other.host) as ask:
        assert ask(other.url, method)[0].status == 405
    assert other.requests == []


# Rejected addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/data",
        "http://localhost:{port}/data",
        "http://2130706433:{port}/data",
        "http://0x7f000001:{port}/data",
        "http://0x7f.1:{port}/data",
        "http://017700000001:{port}/data",
        "http://0177.0.0.1:{port}/data",
        "http://127.1:{port}/data",
        "http://127.0.0.1.:{port}/data",
        "http://0:{port}/data",
        "http://0.0.0.0:{port}/data",
        "http://[::1]:{port}/data",
        "http://[::]:{port}/data",
        "http://[::ffff:127.0.0.1]:{port}/data",
        "http://[::ffff:7f00:1]:{port}/data",
        "http://[fe80::1%25lo]:{port}/data",
        "http://①②⑦.⓪.⓪.①:{port}/data",
        "http://\uff11\uff12\uff17.0.0.1:{port}/data",
        "http://data.example:{port}/data",
        "http://data.example.evil.example/data",
        "http://evil.example/http://data.example/",
        "http://data.example@127.0.0.1:{port}/data",
        "http://user:word@data.example/data",
        "http://127.0.0.1:{port}\\@data.example/data",
        "http://data.example\\@127.0.0.1:{port}/data",
        "http://data.example#@127.0.0.1:{port}/data\n",
        "http://data.example /data",
        "http://data.example/\r\nHost: 127.0.0.1",
        "//data.example/data",
        "/data",
        "",
        "data.example",
        "http:data.example",
        "http:///data",
        "http://",
        "http://[",
        "http://data.example:port/",
        "http://data.example:99999/",
        "file:///etc/passwd",
        "ftp://data.example/data",
        "gopher://data.example/1",
        "data:text/plain,x",
        "javascript:1",
        "ws://data.example/",
        "unix:/run/docker.sock",
    ],
)
def test_proxy_rejects_unlisted_url(site: Site, other: CrossOriginServer, url: str) -> None:
    names = {"data.example": [("127.0.0.1", other.port)]}
    with serving(site, "data.example", names=names) as ask:
        response, _ = ask(url.format(port=other.port))
    assert response.status in (400, 403)
    assert response.headers["Wasmwheel-Proxy-Refused"]
    assert other.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",  # a provider's own
        "169.254.169.254",  # a cloud's metadata
        "192.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:a01:203",
        "fe80::1",
        "fe80::1%lo",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::",  # 127.0.0.1 in 6to4's form
        "2002:a9fe:a9fe::1",
        "64:ff9b::7f00:1",  # and in NAT64's
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "::7f00:1",  # and in a form that nobody uses
        "2001:0:7f00:1::",  # and in Teredo's
    ],
)
def test_proxy_rejects_listed_name_at_private_address(
    site: Site, other: CrossOriginServer, address: str
) -> None:
    names = {"data.example": [(address, other.port)]}
    with serving(site, "data.example", names=names) as ask:
        for scheme in ("http", "https"):
            assert_refused(ask(f"{scheme}://data.example/data"), "data.example is at", "not public")
    assert other.requests == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_recognized(address: str) -> None:
    assert public_hosts.is_public(address)


def test_listed_private_address_is_allowed(site: Site, other: CrossOriginServer) -> None:
    names = {"data.example": [("10.1.2.3", 80), ("127.0.0.1", other.port)]}
    with serving(site, "data.example", other.host, names=names) as ask:
        assert ask("http://data.example/data")[1] == b"the data"
    assert other.requests[0][2]["host"] == "data.example"
    with serving(site, "data.example", "127.0.0.1", names=names) as ask:
        assert_refused(ask("http://data.example/data"), f"127.0.0.1:{other.port}")
    assert len(other.requests) == 1


def test_host_is_resolved_once_and_connected_to_checked_address(
    site: Site, other: CrossOriginServer
) -> None:
    dns = Names(known={"data.example": [("127.0.0.1", other.port)]})
    own_proxy = Proxy(hosts=proxy.parse(["data.example", other.host]), names=dns)
    path = f"/{site.prefix}/proxy/fetch?url=http%3A%2F%2Fdata.example%2Fdata"
    with site_server.serving(site, own_proxy):
        connection = http.client.HTTPConnection(lite.HOST, site.port, timeout=20)
        connection.request("GET", path, headers={"Wasmwheel-Proxy": "1"})
        assert connection.getresponse().read() == b"the data"
        connection.close()
    assert dns.lookups == 1


# Redirects


def redirect_url(other: CrossOriginServer, to: str) -> str:
    return f"http://{other.host}/to?url={quote(to, safe='')}"


def test_redirect_to_listed_host_is_followed(site: Site, other: CrossOriginServer) -> None:
    with cross_origin_server() as second, serving(site, other.host, second.host) as ask:
        response, body = ask(redirect_url(other, second.url), Cookie="a=b")
        assert (response.status, body) == (200, b"the data")
        assert "Location" not in response.headers
        assert ask(redirect_url(other, "/data"))[1] == b"the data"
        assert ask(redirect_url(other, f"//{second.host}/data"))[1] == b"the data"
    assert second.requests[0][2]["host"] == second.host


@pytest.mark.parametrize(
    "to",
    [
        "http://{second}/data",
        "//{second}/data",
        "http://localhost:{port}/data",
        "http://2130706433:{port}/data",
        "http://[::ffff:127.0.0.1]:{port}/data",
        "http://inside.example/data",
        "http://{first}@{second}/data",
        "file:///etc/passwd",
        "gopher://{second}/",
        "http://[",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_redirect_to_unlisted_host_is_rejected(
    site: Site, other: CrossOriginServer, to: str
) -> None:
    with cross_origin_server() as second:
        # A listed name with an address that is not listed.
        names = {"inside.example": [("127.0.0.1", second.port)]}
        url = to.format(first=other.host, second=second.host, port=second.port)
        with serving(site, other.host, "inside.example", names=names) as ask:
            response, _ = ask(redirect_url(other, url))
        assert response.status in (400, 403)
        assert response.headers["Wasmwheel-Proxy-Refused"]
        assert second.requests == []
    assert len(other.requests) == 1


def test_rejected_redirect_error_names_host_and_fix(site: Site, other: CrossOriginServer) -> None:
    with cross_origin_server() as second, serving(site, other.host) as ask:
        answer = ask(redirect_url(other, second.url))
        assert_refused(answer, f"from {second.host} (redirected from {other.host})")
        assert_refused(answer, f"To allow it: allow {second.host}")


def test_endless_redirects_are_stopped(site: Site, other: CrossOriginServer) -> None:
    again = redirect_url(other, "/data")
    for _ in range(8):
        again = redirect_url(other, again)
    with serving(site, other.host) as ask:
        assert_refused(ask(again), "More than 5 redirects", status=502)
    assert len(other.requests) == 6


# Limits and failures


def test_unreachable_host_error_is_reported(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with serving(site, f"127.0.0.1:{port}") as ask:
        assert_refused(ask(f"http://127.0.0.1:{port}/"), f"127.0.0.1:{port} could not", status=502)
        assert_refused(ask(f"https://127.0.0.1:{port}/"), f"127.0.0.1:{port} could not", status=502)


def test_unknown_host_name_error_is_reported(site: Site) -> None:
    own_proxy = Proxy(hosts=proxy.parse(["nobody.invalid"]))  # with the system's own names
    path = f"/{site.prefix}/proxy/fetch?url=http%3A%2F%2Fnobody.invalid%2F"
    with site_server.serving(site, own_proxy):
        connection = http.client.HTTPConnection(lite.HOST, site.port, timeout=60)
        connection.request("GET", path, headers={"Wasmwheel-Proxy": "1"})
        response = connection.getresponse()
        assert_refused((response, response.read()), "nobody.invalid could not", status=502)
        connection.close()


def test_untrusted_certificate_is_rejected(site: Site, other: CrossOriginServer) -> None:
    with serving(site, other.host) as ask:
        assert_refused(
            ask(other.url.replace("http:", "https:")), "could not be reached", status=502
        )


def test_too_large_answer_is_rejected_or_cut(
    site: Site, other: CrossOriginServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "MAX_BODY_BYTES", 2**20)
    other.files["/data"] = b"x" * (2**20 + 1)
    with serving(site, other.host) as ask:
        assert_refused(ask(other.url), "larger than 1 MiB", status=502)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(other.url.replace("data", "endless"))


def test_incomplete_answer_is_detected(site: Site, other: CrossOriginServer) -> None:
    with serving(site, other.host) as ask, pytest.raises(http.client.IncompleteRead):
        ask(other.url.replace("data", "broken"))


def test_missing_answer_times_out(
    site: Site, other: CrossOriginServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "FETCH_TIMEOUT_S", 0.5)
    with serving(site, other.host) as ask:
        assert_refused(ask(other.url.replace("data", "slow")), "took too long", status=504)


def test_client_disconnect_ends_fetch(site: Site, other: CrossOriginServer) -> None:
    path = f"/{site.prefix}/proxy/fetch?url={quote(f'http://{other.host}/endless', safe='')}"
    with serving(site, other.host):
        connection = http.client.HTTPConnection(lite.HOST, site.port, timeout=20)
        connection.request("GET", path, headers={"Wasmwheel-Proxy": "1"})
        assert connection.getresponse().read(100_000)
        connection.close()
        assert other.hung_up.wait(20)


# The list of hosts


@pytest.mark.parametrize(
    ("entry", "hosts"),
    [
        ("data.example.org", {"data.example.org:80", "data.example.org:443"}),
        ("Data.Example.ORG.", {"data.example.org:80", "data.example.org:443"}),
        ("data.example.org:8443", {"data.example.org:8443"}),
        ("bücher.example", {"xn--bcher-kva.example:80", "xn--bcher-kva.example:443"}),
        ("localhost:8000", {"localhost:8000"}),
        ("10.0.0.7", {"10.0.0.7:80", "10.0.0.7:443"}),
        ("[fd00::0:7]:8000", {"[fd00::7]:8000"}),
        ("[::ffff:10.0.0.7]:8000", {"10.0.0.7:8000"}),
    ],
)
def test_host_entry_is_parsed_with_ports(entry: str, hosts: set[str]) -> None:
    assert proxy.parse([entry]) == hosts


@pytest.mark.parametrize(
    "entry",
    [
        "", "*", "*.example.org", ".example.org", "https://data.example.org", "data.example.org/x",
        "user@data.example.org", "a b", "data.example.org:port", "2130706433", "127.1", "0x7f.1",
        "0177.0.0.1", "127.0.0.1/8", "fd00::7", "a..b", "-a.example", "data.example.org?x",
    ],
)  # fmt: skip
def test_invalid_host_entry_is_rejected(entry: str) -> None:
    with pytest.raises(UsageError, match="Invalid host") as caught:
        proxy.parse([entry])
    assert repr(entry) in caught.value.what


def test_host_list_combines_settings_and_command_line(site: Site, tmp_path: Path) -> None:
    settings = {"Wasmwheel": {"proxy": {site.name: ["one.example"], "another": ["no.example"]}}}
    (tmp_path / "jupyter_wasmwheel_config.json").write_text(json.dumps(settings))
    command = ["site", "serve", str(site.folder), "--proxy", "two.example:8443"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_wasmwheel", *command],
        env=os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        line = next(line for line in process.stdout if line.startswith("Its notebooks may read"))
        connection = http.client.HTTPConnection(lite.HOST, site.port, timeout=20)
        connection.request("GET", f"/{site.prefix}/proxy/hosts.json")
        document = json.loads(connection.getresponse().read())
        connection.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert document["hosts"] == ["one.example:443", "one.example:80", "two.example:8443"]
    assert all(host in line for host in document["hosts"])
    assert document["allow"] == f"jupyter wasmwheel {' '.join(command)} --proxy {{}}"
