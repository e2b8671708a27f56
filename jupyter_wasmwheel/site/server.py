"""A server for one site, on its own origin.

The code of a wheel runs with the rights of its page. So the page is never on Jupyter's origin, and
has a prefix that cannot be guessed. A site keeps its port and prefix, because the browser stores
the user's notebooks under that address.
"""

from __future__ import annotations

import asyncio
import hmac
import mimetypes
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path, PurePosixPath

import tornado.httpserver
import tornado.web

from ..api.errors import SiteError
from ..safe_paths import Root
from . import data, http_limits, precompressed, proxy, simple_index, wheels
from .addresses import address
from .http_limits import LimitedApplication
from .lite import HOST, PYODIDE, Site
from .proxy import Proxy
from .site_assets import HOST_PROBE, HOSTS, OLD_HOST_PROBE

#: The image that another page loads to check whether its browser reaches this origin.
PROBE = "probe.svg"

#: The path, followed by a challenge, at which a site's server proves that it is one.
IDENTITY = "wasmwheel-identity"

#: Seconds in which a server has to prove that it is a site's, and the most bytes it can send.
PROOF_TIMEOUT_S, MAX_PROOF_BYTES = 1.0, 4096

#: Seconds after which a connection without a request is closed.
IDLE_TIMEOUT_S = 300.0

#: The types of a site's files, because the tables of systems differ.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ipynb": "application/json",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".whl": "application/zip",
    ".zip": "application/zip",
}

#: The bytes of a file that are read at once.
CHUNK_BYTES = 64 * 1024

#: The files of JupyterLite and its extensions that have their hash in their name.
HASHED = re.compile(r"(build|extensions)/.+\.([0-9a-f]{7}|[0-9a-f]{16}|[0-9a-f]{20})\.js")


class _Quiet(tornado.web.RequestHandler):
    """A handler that logs no address: its prefix is a secret."""

    def _request_summary(self) -> str:
        return f"{self.request.method} a file of a site"


class FileHandler(_Quiet, tornado.web.StaticFileHandler):
    """A handler for the files of a site."""

    #: The files that pages of other origins can read: they need no more to use its packages.
    shared: tuple[str, ...] = (f"{simple_index.FOLDER}/", f"{PYODIDE}/")

    port: int
    offline: bool
    is_compressed = False
    file: BufferedReader

    def initialize(self, path: str, port: int, offline: bool) -> None:  # type: ignore[override]
        super().initialize(path, default_filename="index.html")
        self.port = port
        self.offline = offline

    def prepare(self) -> None:
        _refuse_other_host(self, self.port)

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")  # keeps the prefix secret
        self.clear_header("Server")

    def set_extra_headers(self, path: str) -> None:
        # The path as requested can lead elsewhere: a browser sends `simple/..%2ffiles/x` as it is.
        path = self._file.relative_to(os.path.abspath(self.root)).as_posix()
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        # An offline page embeds nothing from other hosts. The worker that checks whether one
        # answers must be able to: that is all it learns.
        probes = [f"{PYODIDE}/{name}" for name in (HOST_PROBE, OLD_HOST_PROBE)]
        strict = self.offline and path not in probes
        policy = "require-corp" if strict else "credentialless"
        self.set_header("Cross-Origin-Embedder-Policy", policy)
        shared = path.startswith(self.shared)
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin" if shared else "same-origin")
        if shared:
            self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("Content-Security-Policy", "frame-ancestors 'self'")
        self.set_header("Vary", "Accept-Encoding")
        forever = _is_hashed(path)
        self.set_header(
            "Cache-Control", "public, max-age=31536000, immutable" if forever else "no-cache"
        )

    def get_content_type(self) -> str:
        path = self._file
        if path.name == simple_index.JSON:
            return simple_index.JSON_TYPE
        known = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        text = known in ("text/css", "text/html", "text/javascript", "application/json")
        return f"{known}; charset=utf-8" if text else known or "application/octet-stream"

    @property
    def _file(self) -> Path:
        """Return the file that is sent, in its own form if it is sent compressed."""
        path = Path(self.absolute_path or "")
        return path.with_suffix("") if self.is_compressed else path

    def compute_etag(self) -> str | None:
        # Tornado caches a hash by path, but these files are replaced while it runs.
        stat = self._stat()
        return f'"{stat.st_mtime_ns:x}-{stat.st_size:x}-{stat.st_ino:x}"'

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        if "\0" in absolute_path:
            raise tornado.web.HTTPError(400)
        try:
            found = super().validate_absolute_path(root, absolute_path)
        except OSError as error:
            raise tornado.web.HTTPError(404) from error
        if found is None:
            return None
        name = Path(found).relative_to(os.path.abspath(root))
        if any(part.startswith(".") for part in name.parts):
            raise tornado.web.HTTPError(404)
        asks = "gzip" in self.request.headers.get("Accept-Encoding", "")
        smaller = precompressed.find(Path(found)) if asks else None
        try:
            # The open file is sent, even if another one replaces it meanwhile.
            self.file = Root(Path(root)).open(
                (precompressed.form(name) if smaller else name).as_posix()
            )
        except (SiteError, OSError) as error:
            raise tornado.web.HTTPError(404) from error
        if smaller:
            self.is_compressed = True
            self.set_header("Content-Encoding", "gzip")
        return str(smaller or found)

    def _stat(self) -> os.stat_result:
        return os.fstat(self.file.fileno())

    def get_content(  # type: ignore[override]
        self, abspath: str, start: int | None = None, end: int | None = None
    ) -> Iterator[bytes]:
        self.file.seek(start or 0)
        left = (self.get_content_size() if end is None else end) - (start or 0)
        while chunk := self.file.read(min(left, CHUNK_BYTES)):
            left -= len(chunk)
            yield chunk

    def on_finish(self) -> None:
        if hasattr(self, "file"):
            self.file.close()

    def write_error(self, status_code: int, **_: object) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {self._reason}\n")


class ProxyHandler(_Quiet):
    """A handler for what the proxy of a site fetches for its kernels."""

    def initialize(self, port: int, proxy: Proxy) -> None:
        self.port = port
        self.proxy = proxy

    def prepare(self) -> None:
        _refuse_other_host(self, self.port)

    async def get(self, path: str) -> None:
        await proxy.answer(self, path, self.proxy)

    head = get


class ProbeHandler(tornado.web.RequestHandler):
    """A handler for an image that any page may load, to see that the site is reachable."""

    def initialize(self, port: int) -> None:
        self.port = port

    def prepare(self) -> None:
        _refuse_other_host(self, self.port)

    def get(self) -> None:
        self.set_header("Content-Type", "image/svg+xml")
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.set_header("Cache-Control", "no-store")
        self.finish('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')


class IdentityHandler(tornado.web.RequestHandler):
    """A handler that proves that this server is the site's, without revealing its prefix."""

    def initialize(self, prefix: str) -> None:
        self.prefix = prefix

    def get(self, challenge: str) -> None:
        self.set_header("Content-Type", "text/plain")
        self.set_header("Cache-Control", "no-store")
        self.finish(_proof(self.prefix, challenge))


def application(site: Site, site_proxy: Proxy = proxy.OFF) -> tornado.web.Application:
    """Return the web application that serves a site's files, and what its proxy may fetch."""
    port = {"port": site.port}
    files = {**port, "path": str(site.folder), "offline": site.mode == "offline"}
    fetch = {**port, "proxy": site_proxy}
    return LimitedApplication(
        [
            (rf"/{IDENTITY}/([0-9a-f]{{32}})", IdentityHandler, {"prefix": site.prefix}),
            (rf"/{site.prefix}/{PROBE}", ProbeHandler, port),
            (rf"/{site.prefix}/({HOSTS}|{proxy.FETCH})", ProxyHandler, fetch),
            (rf"/{site.prefix}/(.*)", FileHandler, files),
        ],
        default_handler_class=tornado.web.ErrorHandler,
        default_handler_args={"status_code": 404},
        log_function=lambda handler: None,
    )


def listen(site: Site, site_proxy: Proxy = proxy.OFF) -> tornado.httpserver.HTTPServer:
    """Serve a site on the running event loop; raise a SiteError if its port is in use."""
    try:
        listening = socket.create_server((HOST, site.port), backlog=128)
    except OSError as error:
        raise _port_taken(site, error) from error
    listening.setblocking(False)
    server = tornado.httpserver.HTTPServer(
        application(site, site_proxy),
        max_body_size=http_limits.MAX_BODY_BYTES,
        max_header_size=http_limits.READ_HEADER_BYTES,
        idle_connection_timeout=IDLE_TIMEOUT_S,
    )
    server.add_socket(listening)
    return server


def serve(
    site: Site,
    ready: Callable[[str], None] = lambda url: None,
    site_proxy: Proxy = proxy.OFF,
) -> None:
    """Serve a site until it is interrupted, and call `ready` with its address."""

    async def until_interrupted() -> None:
        server = listen(site, site_proxy)
        try:
            ready(address(site))
            await asyncio.Event().wait()
        finally:
            server.stop()
            await server.close_all_connections()

    with suppress(KeyboardInterrupt):
        asyncio.run(until_interrupted())


def is_served(site: Site) -> bool:
    """Return whether a server of this site listens at its address.

    Another program may have taken the port, so the prefix is not sent to it: it has to prove that
    it knows the prefix, in time.
    """
    challenge = secrets.token_hex(16)
    expected = _proof(site.prefix, challenge).encode()
    request = f"GET /{IDENTITY}/{challenge} HTTP/1.0\r\n\r\n"
    try:
        _, _, body = _exchange(site.port, request.encode()).partition(b"\r\n\r\n")
    except OSError:
        return False
    return hmac.compare_digest(body, expected)


def _exchange(port: int, request: bytes) -> bytes:
    """Send a request to a port of a site, and return its bounded response; an OSError if late."""
    deadline = time.monotonic() + PROOF_TIMEOUT_S
    response = b""
    with socket.create_connection((HOST, port), PROOF_TIMEOUT_S) as connection:
        connection.sendall(request)
        # A timeout of a socket is one for each call: a byte a second would reset it.
        while len(response) < MAX_PROOF_BYTES:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            chunk = connection.recv(MAX_PROOF_BYTES)
            if not chunk or time.monotonic() > deadline:
                break
            response += chunk
    return response


def _proof(prefix: str, challenge: str) -> str:
    return hmac.digest(prefix.encode(), challenge.encode(), "sha256").hex()


def _refuse_other_host(handler: tornado.web.RequestHandler, port: int) -> None:
    # Pages of another host name that resolves to this machine must not read the site.
    if handler.request.host != f"{HOST}:{port}":
        raise tornado.web.HTTPError(421)


def _is_hashed(path: str) -> bool:
    """Return whether a file, or its folder, is named by its hash, so that it never changes."""
    if HASHED.fullmatch(path):
        return True
    parts = PurePosixPath(path).parts
    folders = (wheels.PUBLISHED, wheels.DEPENDENCIES, data.FOLDER)
    return len(parts) > 3 and parts[-3] in folders and len(parts[-2]) == 64


def _port_taken(site: Site, error: OSError) -> SiteError:
    if is_served(site):
        return SiteError(
            f"Site {site.name} is already being served.",
            f"It answers at {address(site)}.",
            "Open that address, or stop the other server first.",
            code="site.already-served",
        )
    return SiteError(
        f"Could not serve site {site.name}: port {site.port} is in use.",
        f"{error.strerror or error}. A site keeps its port, because the browser stores notebooks "
        "by address.",
        f"Stop the program that listens on port {site.port} and serve the site again.",
        code="site.port-taken",
    )
