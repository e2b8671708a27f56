"""The proxy of a site's server: fetch from listed hosts for the kernels of the site.

A browser hides from a page what another origin answers without CORS headers. The server can fetch
it instead. The proxy is off until hosts are listed, and restricted:

- Only a kernel of the site can use it: its header cannot be set by a link or a page of another
  origin, and the response is never shown as a page of the site's origin.
- It connects only to checked addresses. Addresses that are not public (loopback, private,
  link-local, multicast, …) must be listed themselves, and so must the hosts of redirects.
- It only reads (GET, HEAD), without cookies, credentials, or headers that identify the user.
"""

from __future__ import annotations

import re
import socket
import ssl
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from tornado.httpclient import HTTPError, HTTPRequest
from tornado.httputil import HTTPHeaders, HTTPInputError, parse_response_start_line
from tornado.iostream import StreamClosedError
from tornado.netutil import DefaultLoopResolver, Resolver
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient
from tornado.web import RequestHandler

from ..api.errors import UsageError
from ..public_hosts import is_public, parse_address
from .site_assets import HOSTS

#: The path under a site's address that fetches.
FETCH = "proxy/fetch"

#: The header of a kernel's request, and the header with the reason for a refusal.
ASKING, REFUSED = "Wasmwheel-Proxy", "Wasmwheel-Proxy-Refused"

#: The placeholder for a host that is not listed yet.
ANOTHER = "{}"

#: The ports of a host that is listed without one.
PORTS = {"http": 80, "https": 443}

#: The limits of a fetch.
MAX_REDIRECTS, MAX_BODY_BYTES, FETCH_TIMEOUT_S, CONNECT_TIMEOUT_S = 5, 2**30, 600.0, 20.0

#: The headers that are passed on. All others identify the user, affect the site's origin (cookies,
#: policies), or are for the next hop only.
REQUEST_HEADERS = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Range",
)
RESPONSE_HEADERS = (
    "Accept-Ranges",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Expires",
    "Last-Modified",
    "Link",
    "Retry-After",
    "Vary",
)

#: A host name in DNS. Its last label starts with a letter: otherwise it is an address.
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"({_LABEL}\.)*[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?")


class ProxyError(Exception):
    """A fetch that the proxy refuses or that fails, with the status of the response."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """The hosts that a site's server may fetch from, as `host:port` in lower case.

    `allow` explains how to list another host, with ANOTHER as its placeholder.
    """

    hosts: frozenset[str] = frozenset()
    allow: str = ""
    names: Resolver = field(default_factory=DefaultLoopResolver, compare=False)

    def document(self) -> dict[str, Any]:
        """Return the document for kernels."""
        return {"hosts": sorted(self.hosts), "allow": self.allow}


#: The proxy of a server that fetches nothing.
OFF = Proxy()


def parse(entries: Iterable[str]) -> frozenset[str]:
    """Return the hosts of a list with their ports; raise a UsageError if an entry is invalid."""
    return frozenset(spelled for entry in entries for spelled in _parse(entry))


def _parse(entry: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(f"//{entry}")
        host, port = (parts.hostname or "").removesuffix("."), parts.port
        host = host if parse_address(host) else host.encode("idna").decode("ascii").lower()
    except ValueError:  # UnicodeError is one
        host, port, parts = "", None, urlsplit("")
    rest = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if rest or not (parse_address(host) or _NAME.fullmatch(host)):
        raise UsageError(
            f"Invalid host {entry!r}.",
            "Expected a host name or a full address, with an optional port: data.example.org, "
            "192.168.0.7:8000, [fd00::7]:8000. Patterns are not supported.",
            "List each host separately, without `https://` and without a path.",
            code="proxy.invalid-host",
        )
    return tuple(_host_and_port(host, each) for each in ([port] if port else PORTS.values()))


def _host_and_port(host: str, port: int) -> str:
    address = parse_address(host)
    if address:
        host = f"[{address}]" if address.version == 6 else str(address)
    return f"{host}:{port}"


def allowed_url(url: str, proxy: Proxy, base: str = "") -> str:
    """Return a URL that may be fetched, normalized; raise a ProxyError for any other.

    `base` is the URL that redirects to it, if any.
    """
    try:
        url = urljoin(base, url)
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise ProxyError(400, "Invalid URL.") from None
    if not url.isascii() or not url.isprintable() or set(url) & set(" \\"):
        raise ProxyError(400, "Invalid URL.")
    if parts.scheme not in PORTS:
        raise ProxyError(403, "Only http and https URLs can be fetched.")
    if "@" in parts.netloc:
        raise ProxyError(403, "URLs with credentials cannot be fetched.")
    host = _host_and_port((parts.hostname or "").removesuffix("."), port)
    netloc = host.removesuffix(f":{PORTS[parts.scheme]}")
    if host not in proxy.hosts:
        source = f" (redirected from {urlsplit(base).netloc})" if base else ""
        raise ProxyError(
            403,
            f"The site's server may not fetch from {netloc}{source}. "
            f"To allow it: {proxy.allow.replace(ANOTHER, netloc)}",
        )
    return urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))


class _FilteringResolver(Resolver):
    """A resolver that returns only the addresses of a host that may be connected to."""

    def initialize(self, proxy: Proxy) -> None:
        self.proxy = proxy

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        """Return the allowed addresses; raise a ProxyError if there are none."""
        found = await self.proxy.names.resolve(host, port, family)
        allowed = [each for each in found if self._is_allowed(*each[1][:2])]
        if not allowed:
            hosts = {_host_and_port(*each[1][:2]) for each in found}
            raise ProxyError(
                403,
                f"{host} is at {', '.join(sorted(hosts)) or 'no address'}, which is not public. "
                "The site's server fetches from it only if that address is listed too.",
            )
        return allowed

    def _is_allowed(self, address: str, port: int) -> bool:
        return is_public(address) or _host_and_port(address, port) in self.proxy.hosts


async def answer(handler: RequestHandler, path: str, proxy: Proxy) -> None:
    """Answer a request for HOSTS or FETCH."""
    if path == HOSTS:
        handler.set_header("Cache-Control", "no-store")
        handler.finish(proxy.document())
    else:
        await _answer(handler, proxy)


async def _answer(handler: RequestHandler, proxy: Proxy) -> None:
    """Fetch the URL in the argument `url` of a kernel's request, or answer with an error."""
    # If a browser shows the data after all, then as a page without an origin.
    handler.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Cross-Origin-Resource-Policy", "same-origin")
    relay = _Relay(handler)
    try:
        if ASKING not in handler.request.headers:
            raise ProxyError(403, "Only a kernel of the site may use the proxy.")
        url = allowed_url(handler.get_query_argument("url", ""), proxy)
        for _ in range(MAX_REDIRECTS + 1):
            await _fetch(url, relay, proxy)
            if relay.location is None:
                return await relay.end()
            url = allowed_url(relay.location, proxy, url)
        raise ProxyError(502, f"More than {MAX_REDIRECTS} redirects.")
    except ProxyError as error:
        if relay.started:
            handler.detach().close()  # so that the client does not take a part for the whole
        else:
            refuse(handler, error.status, str(error))


def refuse(handler: RequestHandler, status: int, why: str) -> None:
    """Answer a kernel's request with an error."""
    text = re.sub("[^ -~]", "?", why)
    handler.set_status(status)
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.set_header("Cache-Control", "no-store")
    handler.set_header(REFUSED, text)
    handler.finish(f"{text}\n")


async def _fetch(url: str, relay: _Relay, proxy: Proxy) -> None:
    """Fetch an allowed URL, and relay the response."""
    host = urlsplit(url).netloc
    asked = relay.handler.request
    headers = {name: asked.headers[name] for name in REQUEST_HEADERS if name in asked.headers}
    request = HTTPRequest(
        url,
        method=str(asked.method),
        headers=headers,
        user_agent="jupyter-wasmwheel",
        follow_redirects=False,
        decompress_response=False,
        connect_timeout=CONNECT_TIMEOUT_S,
        request_timeout=FETCH_TIMEOUT_S,
        header_callback=relay.line,
        streaming_callback=relay.chunk,
    )
    client = SimpleAsyncHTTPClient(
        force_instance=True, resolver=_FilteringResolver(proxy=proxy), max_body_size=sys.maxsize
    )
    try:
        await client.fetch(request, raise_error=False)
    except HTTPTimeoutError as error:
        raise ProxyError(504, f"{host} took too long: {error}.") from error
    except (HTTPError, ssl.SSLError, OSError, UnicodeError) as error:
        text = relay.trouble or f"{host} could not be reached by the site's server: {error}."
        raise ProxyError(502, text) from error
    finally:
        client.close()


class _Relay:
    """A response that is passed on from a host to the page."""

    def __init__(self, handler: RequestHandler) -> None:
        self.handler = handler
        self.status = 0
        self.headers = HTTPHeaders()
        self.started = False
        self.trouble = ""
        self.passed = 0

    @property
    def location(self) -> str | None:
        """Return the target of a redirect."""
        return self.headers.get("Location") if self.status in (301, 302, 303, 307, 308) else None

    def line(self, line: str) -> None:
        """Parse a line of the response's head."""
        if line.startswith("HTTP/"):
            self.status = parse_response_start_line(line.strip()).code
            self.headers = HTTPHeaders()
        elif line.strip():
            self.headers.parse_line(line)

    async def chunk(self, data: bytes) -> None:
        """Pass on a piece of the body; the next one is read when this one is sent."""
        if self.location is not None:
            return
        self.passed += len(data)
        announced = self.headers.get("Content-Length", "")
        if max(self.passed, int(announced) if announced.isdecimal() else 0) > MAX_BODY_BYTES:
            self.trouble = f"The response is larger than {MAX_BODY_BYTES // 2**20} MiB."
            raise HTTPInputError(self.trouble)
        try:
            await self._start()
            self.handler.write(data)
            await self.handler.flush()
        except StreamClosedError as error:
            raise HTTPInputError("The page was closed.") from error

    async def _start(self) -> None:
        if self.started:
            return
        self.started = True
        self.handler.set_status(self.status)
        self.handler.clear_header("Content-Type")
        for name in RESPONSE_HEADERS:
            for value in self.headers.get_list(name):
                self.handler.add_header(name, value)
        await self.handler.flush()

    async def end(self) -> None:
        """End the response."""
        await self._start()
        self.handler.finish()
