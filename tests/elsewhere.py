"""A server of another origin, in the place of one of the internet's, that remembers who asked."""

from __future__ import annotations

import gzip
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


@dataclass
class Elsewhere:
    """The server: what it has by path, what it adds to each answer, and what it was asked."""

    port: int = 0
    scheme: str = "http"
    has: dict[str, bytes] = field(default_factory=lambda: {"/data": b"the data"})
    adds: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        """Its host, as it is listed."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where its data are."""
        return f"{self.scheme}://{self.host}/data"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.close_connection = True
        its = self.server.its
        its.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/to":
            self._answer(302, b"", its.adds | {"Location": query["url"][0]})
        elif path == "/gzip":
            packed = gzip.compress(its.has["/data"])
            self._answer(200, packed, its.adds | {"Content-Encoding": "gzip"})
        elif path == "/endless":
            self._start(200, its.adds)
            try:
                while self.server.running:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                self.server.its.hung_up.set()
        elif path == "/broken":
            self._start(200, its.adds | {"Content-Length": "1000"})
            self.wfile.write(b"x" * 10)
        elif path == "/slow":
            while self.server.running:
                time.sleep(0.05)
        elif path not in its.has:
            self._answer(404, b"not here", its.adds)
        elif "Range" in self.headers:
            first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            part = its.has[path][first : last + 1]
            about = f"bytes {first}-{last}/{len(its.has[path])}"
            self._answer(206, part, its.adds | {"Content-Range": about})
        else:
            self._answer(200, its.has[path], its.adds)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self._start(status, {**headers, "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "text/plain"} | dict(headers)).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    its: Elsewhere
    running = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of those who hang up."""


@contextmanager
def elsewhere(certificate: Path | None = None, **adds: str) -> Iterator[Elsewhere]:
    """Run such a server, with TLS if there is a certificate; `adds` are headers of all answers."""
    named = {name.replace("_", "-"): value for name, value in adds.items()}
    server = _Server(("127.0.0.1", 0), _Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.its = Elsewhere(
        port=server.server_port, scheme="https" if certificate else "http", adds=named
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.its
    finally:
        server.running = False
        server.shutdown()
        server.server_close()
        thread.join()
