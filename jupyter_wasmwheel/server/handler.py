"""The base of the REST API's handlers: access, errors, and work that blocks.

An error is answered as `{code, what, why, fix, status, counts, remedies, message}` (api/errors.py);
`message` repeats `what`, because Jupyter's clients show that field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from http.client import responses
from typing import Any, ParamSpec, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web
from tornado.httputil import HTTPServerRequest

from ..api import requests
from ..api.errors import LimitError, SiteError, SourceError, UsageError, WasmwheelError
from ..api.sanitize import REDACTED, redact
from ..errors.os_errors import known_error
from ..jobs.preview import Previews
from ..jobs.queue import BusyError, ConflictError, Queue, UnknownJobError
from ..jobs.resolve import AllowedPaths, OutsideError
from ..store import Store

P = ParamSpec("P")
T = TypeVar("T")

#: The largest body of a request, in bytes.
MAX_BODY_BYTES = 64 * 1024

#: Matches the prefix in the address of a site that Jupyter serves.
_PREFIX = re.compile(r"(/wasmwheel/site/[^/?#]+/)[0-9a-f]{16,}")

#: The HTTP status of each class of errors; the first match counts, so subclasses come first.
HTTP_STATUS: tuple[tuple[type[WasmwheelError], int], ...] = (
    (OutsideError, 403),
    (UnknownJobError, 404),
    (SiteError, 404),
    (ConflictError, 409),
    (BusyError, 503),
    (LimitError, 507),
    (UsageError, 400),
    (SourceError, 400),
)

#: The HTTP status of error codes that differ from their class.
HTTP_STATUS_OF_CODE = {
    "site.exists": 409,
    "site.folder-not-empty": 409,
    "job.preview-too-slow": 504,
    "starter.exists": 409,
}

#: The errors for HTTP statuses that Jupyter and tornado answer.
HTTP_ERRORS = {
    403: UsageError(
        "Access denied.",
        "You are not logged in, your page is out of date, or you are not authorized.",
        "Reload the page and log in, or ask the administrator of the server.",
        code="http.forbidden",
    ),
    404: UsageError(
        "Not found.",
        "This address is not one of the extension's.",
        "Correct the address.",
        code="http.not-found",
    ),
    405: UsageError(
        "Method not supported.",
        "The address does not support that method.",
        "Use a method that docs/rest.md lists for it.",
        code="http.method-not-supported",
    ),
    413: UsageError(
        "The request is too large.",
        f"It has more than {MAX_BODY_BYTES // 1024} KiB.",
        "Send a smaller request.",
        code="http.body-too-large",
    ),
}


class Services(Protocol):
    """What the extension (app.py) provides to its handlers."""

    store: Store
    paths: AllowedPaths

    def queue(self) -> Queue:
        """Return the jobs; can block."""

    previews: Previews

    async def in_thread(self, function: Callable[[], T], route: str) -> T:
        """Call a function that can block, without blocking the server or another route."""


class RefusedError(web.HTTPError):
    """A WasmwheelError as an HTTP error."""

    def __init__(self, error: WasmwheelError) -> None:
        matching = (status for kind, status in HTTP_STATUS if isinstance(error, kind))
        status = HTTP_STATUS_OF_CODE.get(error.info.code) or next(matching, 500)
        super().__init__(status, error.what.replace("%", "%%"))
        self.error = error


def protected(method: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a method only to users who are logged in and authorized."""
    return web.authenticated(authorized(method))


def redact_prefix(request: HTTPServerRequest) -> None:
    """Take the prefix of a site, which is a secret, out of what the server logs of a request."""
    request.uri = _PREFIX.sub(rf"\1{REDACTED}", request.uri or "")
    if "Referer" in request.headers:
        request.headers["Referer"] = _PREFIX.sub(rf"\1{REDACTED}", request.headers["Referer"])


def redact_address(request: HTTPServerRequest) -> None:
    """Take logins out of a request's address, which the server logs; its arguments keep them."""
    path, _, query = (request.uri or "").partition("?")
    given = parse_qsl(query, keep_blank_values=True)
    redacted = [(name, redact(value)) for name, value in given]
    if redacted != given:
        request.uri = f"{path}?{urlencode(redacted)}"


@web.stream_request_body
class ServiceHandler(JupyterHandler):
    """A handler with the extension's services; a body is limited while it is read."""

    auth_resource = "wasmwheel"

    def initialize(self) -> None:
        """Redact the request before anything is logged about it."""
        redact_address(self.request)
        self._body = bytearray()

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse a body that says it is too large, and an address that no file can have."""
        length = self.request.headers.get("Content-Length", "0")
        if not length.isdecimal():
            raise web.HTTPError(400, "Content-Length must be a number.")
        if int(length) > MAX_BODY_BYTES:
            raise web.HTTPError(413)
        if "%00" in self.request.path:
            raise web.HTTPError(400, "An address cannot contain a null byte.")
        await super().prepare()

    def data_received(self, chunk: bytes) -> None:
        """Keep the body, up to one byte more than it can have."""
        self._body += chunk[: MAX_BODY_BYTES + 1 - len(self._body)]

    def _log(self) -> None:
        redact_prefix(self.request)
        super()._log()

    def _request_summary(self) -> str:
        redact_prefix(self.request)
        return super()._request_summary()

    @property
    def app(self) -> Services:
        """Return the extension."""
        services: Services = self.settings["wasmwheel"]
        return services

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread; a RefusedError for an error that is known."""
        try:
            return await self.app.in_thread(partial(function, *args, **kwargs), type(self).__name__)
        except Exception as error:
            known = known_error(error)
            if known is None:
                raise
            raise RefusedError(known) from error


class Handler(ServiceHandler, APIHandler):
    """A handler of the REST API; each method of a subclass is `protected`."""

    def body(self) -> Any:
        """Return the posted JSON."""
        if len(self._body) > MAX_BODY_BYTES:
            raise web.HTTPError(413)
        try:
            return json.loads(self._body)
        except (ValueError, RecursionError) as error:
            raise RefusedError(
                UsageError(
                    "Invalid request: expected JSON.",
                    "Its body is not JSON.",
                    "Post a JSON object.",
                    code="request.not-json",
                )
            ) from error

    def posted(self, kind: type[T]) -> T:
        """Return the posted request; a RefusedError if it is invalid."""
        try:
            request: T = requests.parse(self.body(), kind)
        except UsageError as error:
            raise RefusedError(error) from error
        return request

    def answer(self, document: Any, status: int = 200) -> None:
        """Answer with a document, or with a string that is JSON."""
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        if not isinstance(document, str):
            document = json.dumps(document, default=msgspec.to_builtins)
        self.finish(document)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with an error's fields."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        known = error.error if isinstance(error, RefusedError) else _http_error(status_code, error)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(known.as_json() | {"message": known.what}))


def _http_error(status: int, error: object) -> WasmwheelError:
    """Return the error for an HTTP status, or for an unexpected exception."""
    if status in HTTP_ERRORS:
        return HTTP_ERRORS[status]
    reason = str(getattr(error, "log_message", None) or responses.get(status, "Unknown"))
    if status < 500:
        return UsageError(
            "Invalid request.", reason, "Correct the request.", code="http.bad-request"
        )
    return UsageError(
        "The server could not answer.",
        reason,
        "Try again. If it fails again, look at the server's log.",
        code="http.server-error",
    )


class NotFoundHandler(Handler):
    """Any other address under the extension's: its body is not kept."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Answer 404."""
        raise web.HTTPError(404)
