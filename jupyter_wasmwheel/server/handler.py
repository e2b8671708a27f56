"""What all handlers of the REST API share: who may ask, how errors are said, where work is done.

An error is answered as `{code, what, why, fix, status, counts, remedies, message}` (api/errors.py);
`message` is `what` again, which is where Jupyter's clients look.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import responses
from typing import Any, ParamSpec, Protocol, TypeVar

from jupyter_server.base.handlers import APIHandler
from tornado import web

from ..api.errors import LimitError, SiteError, SourceError, UsageError, WasmwheelError
from ..errors.os_errors import from_os_error
from ..jobs.queue import BusyError, ConflictError, Queue, UnknownJobError
from ..jobs.resolve import AllowedPaths, OutsideError
from ..store import Store

P = ParamSpec("P")
T = TypeVar("T")

#: The largest body that a request may have, in bytes.
MAX_BODY_BYTES = 64 * 1024

#: The HTTP status for an error of ours; the first that fits, so a subclass comes before its base.
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

#: The status of HTTP for the codes whose class has another one.
HTTP_STATUS_OF_CODE = {"site.exists": 409, "starter.exists": 409}


class Services(Protocol):
    """What the extension (app.py) provides to its handlers."""

    store: Store
    paths: AllowedPaths

    def queue(self) -> Queue:
        """Return the jobs; may block."""

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that may block, without blocking the server."""


class RefusedError(web.HTTPError):
    """An error of ours on its way to the client."""

    def __init__(self, error: WasmwheelError) -> None:
        fitting = (status for kind, status in HTTP_STATUS if isinstance(error, kind))
        status = HTTP_STATUS_OF_CODE.get(error.info.code) or next(fitting, 500)
        super().__init__(status, error.what.replace("%", "%%"))
        self.error = error


class Handler(APIHandler):
    """A handler of the REST API; each method of a subclass is authenticated and authorized."""

    auth_resource = "wasmwheel"

    @property
    def app(self) -> Services:
        """The extension."""
        found: Services = self.settings["wasmwheel"]
        return found

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse what is too large before it is read."""
        await super().prepare()
        if len(self.request.body) > MAX_BODY_BYTES:
            raise web.HTTPError(413)

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that may block, in a thread, and refuse with the error that it raises."""
        try:
            return await self.app.in_thread(function, *args, **kwargs)
        except WasmwheelError as error:
            raise RefusedError(error) from error
        except OSError as error:
            known = from_os_error(error)
            if known is None:
                raise
            raise RefusedError(known) from error

    def body(self) -> Any:
        """What was posted, as JSON."""
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise RefusedError(
                UsageError(
                    "Invalid request: expected JSON.",
                    "Its body is not JSON.",
                    "Post a JSON object.",
                    code="request.not-json",
                )
            ) from error

    def fields(self, *names: str) -> dict[str, Any]:
        """The posted object, which may have these fields and no other."""
        body = self.body()
        if not isinstance(body, dict) or not set(body) <= set(names):
            raise RefusedError(
                UsageError(
                    "Invalid request.",
                    f"Expected an object with {', '.join(names) or 'no field'}.",
                    "Omit all other fields.",
                    code="request.invalid",
                )
            )
        return body

    def answer(self, document: Any, status: int = 200) -> None:
        """Answer with a JSON document, or with a text that is one."""
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(document if isinstance(document, str) else json.dumps(document))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with an error's three sentences."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        known = error.error if isinstance(error, RefusedError) else _plain(status_code, error)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(known.as_json() | {"message": known.what}))


def _plain(status_code: int, error: object) -> WasmwheelError:
    """Return the error for a status of HTTP's, or for a fault of ours."""
    reason = getattr(error, "log_message", None) or responses.get(status_code, "Unknown")
    match status_code:
        case 403:
            return UsageError(
                "Access denied.",
                "You are not logged in, your page is out of date, or you are not authorized.",
                "Reload the page and log in, or ask the administrator of the server.",
                code="http.forbidden",
            )
        case 404:
            return UsageError(
                "Not found.",
                "This address is not one of the extension's.",
                "Correct the address.",
                code="http.not-found",
            )
        case 405:
            return UsageError(
                "Method not supported.",
                "The address does not support that method.",
                "Use a method that docs/rest.md lists for it.",
                code="http.method-not-supported",
            )
        case 413:
            return UsageError(
                "The request is too large.",
                f"It has more than {MAX_BODY_BYTES // 1024} KiB.",
                "Request less at once.",
                code="http.body-too-large",
            )
    if status_code >= 500:
        return UsageError(
            "The server could not answer.",
            str(reason),
            "Try again; if it fails again, look at the server's log.",
            code="http.server-error",
        )
    return UsageError(
        "Invalid request.", str(reason), "Correct the request.", code="http.bad-request"
    )
