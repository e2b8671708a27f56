"""A server that installers download from: whole files, half ones, and other things than asked."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DownloadServer:
    """Serves a folder; a file that is held is sent by half, and then nothing comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.half_sent = threading.Event()
        self._held = ""
        self._go_on = threading.Event()
        self._garbled = ""
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def hold(self, name: str) -> None:
        """Send only half of the files with this in their name, until `release`."""
        self._held = name
        self.half_sent.clear()
        self._go_on.clear()

    def garble(self, name: str) -> None:
        """Send a page in the place of files with this in their name."""
        self._garbled = name

    def release(self) -> None:
        """Send all as it is, from now on."""
        self._held = self._garbled = ""
        self._go_on.set()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer a request for a file."""
        path = self.folder / request.path.lstrip("/")
        if not path.is_file():
            request.send_error(404)
            return
        data = path.read_bytes()
        if self._garbled and self._garbled in path.name:
            data = b"<html>Please log in to the hotel's network.</html>"
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        half = len(data) // 2 if self._held and self._held in path.name else len(data)
        try:
            request.wfile.write(data[:half])
            if half < len(data):
                self.half_sent.set()
                self._go_on.wait()
                request.wfile.write(data[half:])
        except OSError:
            pass  # who asked is gone


@contextmanager
def serving(folder: Path) -> Iterator[DownloadServer]:
    """Serve a folder while the context lasts."""
    server = DownloadServer(folder)
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release()
        server.http.shutdown()
        server.http.server_close()
        thread.join()
