"""The web application of a site, with limits on what a client sends."""

from __future__ import annotations

from typing import Any

import tornado.web
from tornado.httputil import HTTPServerRequest

#: The most bytes of a request's body, and of its headers: the site's server needs no bodies.
MAX_BODY_BYTES, MAX_HEADER_BYTES = 64 * 1024, 64 * 1024

#: How much more of the headers is read, so that they can be answered.
READ_HEADER_BYTES = 1024 * 1024


class LimitedApplication(tornado.web.Application):
    """An application that refuses requests before any of its handlers sees them."""

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """Return the handler of a request, or one that refuses it."""
        status = _refusal(request)
        if status is None:
            return super().find_handler(request, **kwargs)
        options = {"status_code": status}
        return self.get_handler_delegate(request, tornado.web.ErrorHandler, options)


def _refusal(request: HTTPServerRequest) -> int | None:
    """Return the status with which a request is refused, if it is."""
    headers = sum(len(name) + len(value) + 4 for name, value in request.headers.get_all())
    if headers > MAX_HEADER_BYTES or len(request.uri or "") > MAX_HEADER_BYTES:
        return 431
    if "%00" in request.path or "\0" in request.path:
        return 400
    return None
