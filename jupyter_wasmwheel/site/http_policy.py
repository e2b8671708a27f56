"""The ways in which Python reaches the web in a kernel; kernel-start.mjs runs this in the kernel.

The policies:

- `urllib`: `urllib.request` uses the browser, by pyodide-http. So does `requests` if its urllib3
  cannot do that itself (before 2.2).
- `all`: `requests` uses pyodide-http with any urllib3.
- `off`: nothing is patched.

With the first two, files that are shipped with the site (data.py) come from there, the site's
server fetches from the hosts that it may (proxy.py), and errors say what a browser does not:
whether CORS headers are missing, and what helps.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

POLICIES = ("urllib", "all", "off")

#: The default ports.
PORTS = {"http": 80, "https": 443}

#: The headers of a request to the proxy, and of its refusal: see proxy.py.
ASKING, REFUSED = "Wasmwheel-Proxy", "wasmwheel-proxy-refused"


def apply(policy: str, site: str, proxy: str) -> None:
    """Apply a policy, for the address of a site and the document of its proxy."""
    if policy == "off":
        return
    web = Web(site, **json.loads(proxy))
    web.patch_urllib()
    web.patch_pyfetch()
    after_import("urllib3.contrib.emscripten.connection", web.patch_urllib3)
    after_import("requests", lambda requests: web.patch_requests(requests, always=policy == "all"))


class Web:
    """The web as a kernel reaches it.

    `hosts` are those that the site's server fetches from, with their ports; `allow` explains how to
    list another one, with `{}` as its placeholder, or is empty if that is not possible.
    """

    def __init__(self, site: str, hosts: list[str], allow: str) -> None:
        self.site = site
        self.hosts = frozenset(hosts)
        self.allow = allow
        self.prober = _start_worker(f"{site}static/pyodide/host-probe.js")

    @functools.cached_property
    def shipped(self) -> dict[str, str]:
        """Return the files that are shipped with the site by URL, from its lock."""
        import js  # type: ignore[import-not-found]
        import pyodide_js  # type: ignore[import-not-found]

        packages = json.loads(js.JSON.stringify(pyodide_js.lockfile.packages)).values()
        ours = (each.get("tool", {}).get("wasmwheel", {}) for each in packages)
        return {url: place for table in ours for url, place in table.get("data", {}).items()}

    def route(self, method: str, url: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Return the URL to fetch instead of another one, and the headers to send."""
        if method.upper() == "GET" and url in self.shipped:
            return f"{self.site}static/pyodide/{self.shipped[url]}", headers
        if _host(url) not in self.hosts or not _is_plain(method, headers):
            return url, headers
        return f"{self.site}proxy/fetch?url={quote(url, safe='')}", {**headers, ASKING: "1"}

    def explain(self, method: str, url: str, headers: dict[str, str]) -> str:
        """Return the reason for a missing response, as far as it is known, and the remedy."""
        host = _host(url)
        name = host.removesuffix(f":{PORTS.get(urlsplit(url).scheme)}")
        if self.route(method, url, headers)[0] != url:
            return f"The site's server, which fetches this from {name}, does not answer any more."
        answers = self._answers(url)
        if answers is False:
            return f"{name} could not be reached: the browser got no answer from it at all."
        what = f"{name} answers, but sends no CORS headers for this request"
        if answers is None:
            what = f"{name} sends no CORS headers, or it could not be reached"
        if host in self.hosts:
            return (
                f"{what}, so the browser hides the response. The site's server can fetch from it, "
                f"but only reads (GET, HEAD) and passes on no credentials."
            )
        allow = f"let the site's server fetch from it ({self.allow.replace('{}', name)}), or "
        return (
            f"{what}, so the browser hides the response. "
            f"To fix it, {allow if self.allow else ''}ship the data with the site."
        )

    def _answers(self, url: str) -> bool | None:
        """Return whether a host answers, or None if that is not known."""
        if self.prober is None:
            return None
        import js
        from pyodide.ffi import to_js  # type: ignore[import-not-found]

        cell = js.Int32Array.new(js.SharedArrayBuffer.new(4))
        question = to_js({"url": url, "cell": cell}, dict_converter=js.Object.fromEntries)
        self.prober.postMessage(question)
        js.Atomics.wait(cell, 0, 0, 10_000)
        return {1: True, 2: False}.get(cell[0])

    def sending(self, send: Any, failure: Callable[[str], Exception]) -> Any:
        """Return pyodide-http's `send` with the proxy, and with explained errors.

        `failure` creates the error that callers expect.
        """
        from pyodide.ffi import JsException
        from pyodide_http._core import (  # type: ignore[import-not-found]
            _StreamingError,
            _StreamingTimeout,
        )

        def sending(request: Any, *more: Any) -> Any:
            method, url, headers = request.method, request.url, request.headers
            request.url, request.headers = self.route(method, url, headers)
            request.body = _content(request.body)
            try:
                response = send(request, *more)
            except (JsException, _StreamingError) as error:
                if isinstance(error, _StreamingTimeout):
                    raise
                if _is_timeout(error):
                    raise _StreamingTimeout(str(error), request=request) from error
                raise failure(self.explain(method, url, headers)) from error
            finally:
                request.url, request.headers = url, headers
            refused = _refusal(response.headers)
            if refused:
                raise failure(refused)
            return response

        return sending

    def patch_urllib(self) -> None:
        """Let urllib use pyodide-http, with what that leaves out: data, its type, and errors."""
        import urllib.request
        from http.client import responses
        from urllib.error import HTTPError

        import pyodide_http  # type: ignore[import-not-found]
        from pyodide_http import _urllib

        pyodide_http.patch_urllib()
        _urllib.send = self.sending(_urllib.send, _url_error)
        ask = _urllib.urlopen

        def urlopen(url: Any, data: Any = None, *more: Any, **options: Any) -> Any:
            request = urllib.request.Request(url) if isinstance(url, str) else url  # noqa: S310  in a browser
            if data is not None:
                request.data = data
            if request.data is not None and not request.has_header("Content-type"):
                form = "application/x-www-form-urlencoded"
                request.add_unredirected_header("Content-type", form)
            response = ask(request)
            status = response.status
            if not 200 <= status < 300:
                reason = responses.get(status, "")
                raise HTTPError(request.full_url, status, reason, response.headers, response)
            return response

        _urllib.urlopen = urllib.request.urlopen = urlopen

    def patch_requests(self, requests: Any, *, always: bool) -> None:
        """Let `requests` use pyodide-http, always or if its urllib3 is too old."""
        version = sys.modules["urllib3"].__version__
        if not always and tuple(map(int, version.split(".")[:2])) >= (2, 2):
            return
        import pyodide_http
        from pyodide_http import _requests

        pyodide_http.patch_requests()
        _requests.send = self.sending(_requests.send, requests.ConnectionError)

    def patch_urllib3(self, module: Any) -> None:
        """Let urllib3's own requests use the proxy, and explain its errors."""
        # If it can, urllib3 waits by WebAssembly's promise integration. An error that is raised
        # from there (Pyodide's run_sync) ends the cell in the kernel even if the code catches it.
        vars(sys.modules["urllib3.contrib.emscripten.fetch"])["has_jspi"] = lambda: False
        timeout_error = sys.modules["urllib3.exceptions"].ReadTimeoutError
        connection = module.EmscriptenHTTPConnection
        ask = connection.request

        def request(
            self_: Any, method: str, url: str, body: Any = None, headers: Any = None, **more: Any
        ) -> None:
            given = dict(headers or {})
            if url.startswith("/"):
                url = f"{self_.scheme}://{_bracketed(self_.host)}:{self_.port}{url}"
            routed, sent = self.route(method, url, given)
            try:
                ask(self_, method, routed, _content(body), sent, **more)
            except module.TimeoutError as error:
                raise timeout_error(self_, url, "Read timed out.") from error
            except module.HTTPException as error:
                raise module.HTTPException(self.explain(method, url, given)) from error
            refused = _refusal(self_._response.headers)
            if refused:
                raise module.HTTPException(refused)
            self_._response.request.url = url

        connection.request = request

    def patch_pyfetch(self) -> None:
        """Let Pyodide's `pyfetch` use the proxy, and explain its errors."""
        import pyodide.http  # type: ignore[import-not-found]

        ask = pyodide.http.pyfetch

        async def pyfetch(request: Any, /, **options: Any) -> Any:
            if not isinstance(request, str):
                return await ask(request, **options)
            method, headers = options.get("method", "GET"), dict(options.get("headers", {}))
            routed, sent = self.route(method, request, headers)
            try:
                return await ask(routed, **{**options, "headers": sent})
            except Exception as error:
                error.add_note(self.explain(method, request, headers))
                raise

        pyodide.http.pyfetch = pyfetch


def after_import(name: str, then: Callable[[Any], None]) -> None:
    """Call a function with a module after its import."""
    if name in sys.modules:
        then(sys.modules[name])
    else:
        sys.meta_path.insert(0, _ImportHook(name, then))


class _ImportHook(importlib.abc.MetaPathFinder):
    """A finder that calls a function after the import of one module."""

    def __init__(self, name: str, then: Callable[[Any], None]) -> None:
        self.name = name
        self.then = then

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = None
        try:
            spec = importlib.util.find_spec(name)
        finally:
            if spec is None or spec.loader is None:
                sys.meta_path.insert(0, self)  # it may be installed later
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            self.then(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _url_error(words: str) -> Exception:
    from urllib.error import URLError

    return URLError(words)


def _start_worker(address: str) -> Any:
    """Start a worker, or return None if a kernel cannot wait for it."""
    import js

    # No worker starts while a kernel is busy, so it must run before it is needed.
    return js.Worker.new(address) if getattr(js, "crossOriginIsolated", False) else None


def _host(url: str) -> str:
    """Return the host of a URL with its port, or an empty text if it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return ""
    return f"{_bracketed(parts.hostname)}:{port}" if parts.hostname else ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _is_plain(method: str, headers: dict[str, str]) -> bool:
    """Return whether the proxy would pass on a request unchanged."""
    names = {name.lower() for name in headers}
    return method.upper() in ("GET", "HEAD") and not names & {"authorization", "cookie"}


def _content(body: Any) -> bytes | None:
    """Return the bytes of a request's body, which can be a text, a file or several parts."""
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()  # a browser would add a charset to the type of a text
    if hasattr(body, "read"):
        return _content(body.read())
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    return b"".join(_content(part) or b"" for part in body)


def _is_timeout(error: Any) -> bool:
    """Return whether an error of the browser is a timeout."""
    return getattr(error, "name", None) == "TimeoutError"


def _refusal(headers: Any) -> str | None:
    """Return the reason that the proxy gives for a refusal."""
    return next((text for name, text in dict(headers).items() if name.lower() == REFUSED), None)
