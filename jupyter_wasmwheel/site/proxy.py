"""The proxy of a site's server: it fetches, for the site's kernels, from hosts on a list.

A browser keeps from a page what a host of another origin answers without CORS headers. The server
may fetch that in the browser's place. It is off until hosts are listed, and narrow then:

- only a kernel of the site may ask: it sets a header that neither a link nor a page of another
  origin can set, and the answer is never shown as a page of the site's origin;
- a host is connected to only at an address that was judged. One that is not public (loopback,
  private, link-local, multicast, …) has to be on the list itself; so has each host that a
  redirect leads to;
- it reads (GET, HEAD) and takes nothing along: no cookies, no login, no header that says who asks.
"""

from __future__ import annotations

import ipaddress
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
from .site_assets import HOSTS

#: Where a server answers, under a site's address: what it may fetch, and what it fetched.
FETCH = "proxy/fetch"

#: The header that a kernel's request has, and the one that says why the proxy refused it.
ASKING, REFUSED = "Wasmwheel-Proxy", "Wasmwheel-Proxy-Refused"

#: What stands for a host that is not on the list yet.
ANOTHER = "{}"

#: The ports of a host that is listed without one.
PORTS = {"http": 80, "https": 443}

#: The IPv6 addresses by which a network without IPv4 reaches IPv4's (RFC 6052).
NAT64 = ipaddress.ip_network("64:ff9b::/96")

#: How many redirects are followed, and the limits of an answer, in bytes and seconds.
REDIRECTS, LARGEST, LONGEST, CONNECTING = 5, 2**30, 600.0, 20.0

#: What is passed on, of a request and of an answer. All else says who asks, sets what belongs to
#: the site's origin (cookies, policies), or is meant for the next hop only.
PASSED_ON = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Range",
)
PASSED_BACK = (
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

#: A host's name, in the letters of DNS. The last label has a letter first: else it is an address.
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"({_LABEL}\.)*[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?")


class Refusal(Exception):
    """The proxy does not fetch something; `status` is HTTP's, the text is for a person."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """What a site's server may fetch: `hosts` are spelled `host:port`, in lower case.

    `allow` tells a person how another host gets onto the list, with ANOTHER in its place.
    """

    hosts: frozenset[str] = frozenset()
    allow: str = ""
    names: Resolver = field(default_factory=DefaultLoopResolver, compare=False)

    def document(self) -> dict[str, Any]:
        """What kernels are told."""
        return {"hosts": sorted(self.hosts), "allow": self.allow}


#: The proxy of a server that fetches nothing.
OFF = Proxy()


def parse(entries: Iterable[str]) -> frozenset[str]:
    """The hosts of a list, each with its ports; a UsageError where an entry is no host."""
    return frozenset(spelled for entry in entries for spelled in _parse(entry))


def _parse(entry: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(f"//{entry}")
        host, port = (parts.hostname or "").removesuffix("."), parts.port
        host = host if _address(host) else host.encode("idna").decode("ascii").lower()
    except ValueError:  # UnicodeError is one
        host, port, parts = "", None, urlsplit("")
    rest = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if rest or not (_address(host) or _NAME.fullmatch(host)):
        raise UsageError(
            f"Invalid host {entry!r}.",
            "A host is a name, or an address written in full, with a port if it has one of its "
            "own: data.example.org, 192.168.0.7:8000, [fd00::7]:8000. There are no patterns.",
            "Name each host by itself, without `https://` and without a path.",
            code="proxy.invalid-host",
        )
    return tuple(_spell(host, each) for each in ([port] if port else PORTS.values()))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is written as; an IPv4 one that is written as IPv6 is the former."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _spell(host: str, port: int) -> str:
    address = _address(host)
    if address:
        host = f"[{address}]" if address.version == 6 else str(address)
    return f"{host}:{port}"


def judge(url: str, proxy: Proxy, base: str = "") -> str:
    """An address that may be fetched, as plain as it can be written; a Refusal for all others.

    Where a redirect leads, `base` is what it comes from.
    """
    try:
        url = urljoin(base, url)
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise Refusal(400, "That is not an address.") from None
    if not url.isascii() or not url.isprintable() or set(url) & set(" \\"):
        raise Refusal(400, "That is not an address.")
    if parts.scheme not in PORTS:
        raise Refusal(403, "Only addresses with http and https are fetched.")
    if "@" in parts.netloc:
        raise Refusal(403, "No addresses with a login in them are fetched.")
    spelled = _spell((parts.hostname or "").removesuffix("."), port)
    netloc = spelled.removesuffix(f":{PORTS[parts.scheme]}")
    if spelled not in proxy.hosts:
        led = f", where {urlsplit(base).netloc} leads to," if base else ""
        raise Refusal(
            403,
            f"{netloc}{led} is not among the hosts that the site's server may fetch from; "
            f"to let it: {proxy.allow.replace(ANOTHER, netloc)}",
        )
    return urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))


class _Judged(Resolver):
    """Finds the addresses of a host, and gives only those out that may be connected to."""

    def initialize(self, proxy: Proxy) -> None:
        self.proxy = proxy

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        """The addresses; a Refusal where there is none that may be connected to."""
        found = await self.proxy.names.resolve(host, port, family)
        judged = [each for each in found if self._may(*each[1][:2])]
        if not judged:
            places = ", ".join(sorted({_spell(*each[1][:2]) for each in found})) or "no address"
            raise Refusal(
                403,
                f"{host} is at {places}, which is not public; the site's server fetches from "
                "there only if that address is on its list too.",
            )
        return judged

    def _may(self, address: str, port: int) -> bool:
        return _is_public(address) or _spell(address, port) in self.proxy.hosts


def _is_public(text: str) -> bool:
    """Whether an address is one of the internet's, and no other one hides in it.

    6to4 and Teredo hide one, and no server is at such an address any more.
    """
    address = _address(text)
    if address is None:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return _is_public(str(ipaddress.IPv4Address(address.packed[-4:])))
        if address.sixtofour or address.teredo or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def answer(handler: RequestHandler, path: str, proxy: Proxy) -> None:
    """Answer a request for HOSTS or FETCH."""
    if path == HOSTS:
        handler.set_header("Cache-Control", "no-store")
        handler.finish(proxy.document())
    else:
        await _answer(handler, proxy)


async def _answer(handler: RequestHandler, proxy: Proxy) -> None:
    """Answer a kernel's request for the address in its argument `url`, or say why not."""
    # Whatever it is, it is data: should a browser show it after all, then as nobody's page.
    handler.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Cross-Origin-Resource-Policy", "same-origin")
    passing = _Passing(handler)
    try:
        if ASKING not in handler.request.headers:
            raise Refusal(403, "Only a kernel of the site may ask for that.")
        url = judge(handler.get_query_argument("url", ""), proxy)
        for _ in range(REDIRECTS + 1):
            await _fetch(url, passing, proxy)
            if passing.location is None:
                return await passing.end()
            url = judge(passing.location, proxy, url)
        raise Refusal(502, f"More than {REDIRECTS} redirects, one after the other.")
    except Refusal as refusal:
        if passing.started:
            handler.detach().close()  # so that nobody takes the part for the whole
        else:
            refuse(handler, refusal.status, str(refusal))


def refuse(handler: RequestHandler, status: int, why: str) -> None:
    """Answer a kernel's request with why there is nothing for it."""
    text = re.sub("[^ -~]", "?", why)
    handler.set_status(status)
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.set_header("Cache-Control", "no-store")
    handler.set_header(REFUSED, text)
    handler.finish(f"{text}\n")


async def _fetch(url: str, passing: _Passing, proxy: Proxy) -> None:
    """Fetch from an address that was judged, and pass on what comes."""
    host = urlsplit(url).netloc
    asked = passing.handler.request
    headers = {name: asked.headers[name] for name in PASSED_ON if name in asked.headers}
    request = HTTPRequest(
        url,
        method=str(asked.method),
        headers=headers,
        user_agent="jupyter-wasmwheel",
        follow_redirects=False,
        decompress_response=False,
        connect_timeout=CONNECTING,
        request_timeout=LONGEST,
        header_callback=passing.line,
        streaming_callback=passing.chunk,
    )
    client = SimpleAsyncHTTPClient(
        force_instance=True, resolver=_Judged(proxy=proxy), max_body_size=sys.maxsize
    )
    try:
        await client.fetch(request, raise_error=False)
    except HTTPTimeoutError as error:
        raise Refusal(504, f"{host} took too long: {error}.") from error
    except (HTTPError, ssl.SSLError, OSError, UnicodeError) as error:
        words = passing.trouble or f"{host} could not be reached by the site's server: {error}."
        raise Refusal(502, words) from error
    finally:
        client.close()


class _Passing:
    """An answer on its way from a host to the page."""

    def __init__(self, handler: RequestHandler) -> None:
        self.handler = handler
        self.status = 0
        self.headers = HTTPHeaders()
        self.started = False
        self.trouble = ""
        self.passed = 0

    @property
    def location(self) -> str | None:
        """Where the answer says that it is instead."""
        return self.headers.get("Location") if self.status in (301, 302, 303, 307, 308) else None

    def line(self, line: str) -> None:
        """Take a line of the answer's head."""
        if line.startswith("HTTP/"):
            self.status = parse_response_start_line(line.strip()).code
            self.headers = HTTPHeaders()
        elif line.strip():
            self.headers.parse_line(line)

    async def chunk(self, data: bytes) -> None:
        """Pass a piece of the answer's body on; the next one is read when this one is gone."""
        if self.location is not None:
            return
        self.passed += len(data)
        announced = self.headers.get("Content-Length", "")
        if max(self.passed, int(announced) if announced.isdecimal() else 0) > LARGEST:
            self.trouble = f"The answer is larger than {LARGEST // 2**20} MiB."
            raise HTTPInputError(self.trouble)
        try:
            await self._start()
            self.handler.write(data)
            await self.handler.flush()
        except StreamClosedError as error:
            raise HTTPInputError("The page is gone.") from error

    async def _start(self) -> None:
        if self.started:
            return
        self.started = True
        self.handler.set_status(self.status)
        self.handler.clear_header("Content-Type")
        for name in PASSED_BACK:
            for value in self.headers.get_list(name):
                self.handler.add_header(name, value)
        await self.handler.flush()

    async def end(self) -> None:
        """Say that this was all."""
        await self._start()
        self.handler.finish()
