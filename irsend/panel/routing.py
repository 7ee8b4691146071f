"""Declares a route under /api: its path, its method, and the parameters of its query."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from klein import Klein
from twisted.web.server import Request
from werkzeug.routing import BaseConverter

from irsend.panel import request_parameters

R = TypeVar("R", bound=Callable[..., Any])
app = Klein()


class _Stem(BaseConverter):
    """A segment of a path without a suffix: not 5001.pdf."""

    regex = "[^/.]+"


app.url_map.converters["stem"] = _Stem


def route(path: str, method: str, *parameters: str) -> Callable[[R], R]:
    """Declare a route; a query with other parameters than these is refused."""

    def declare(handler: R) -> R:
        @functools.wraps(handler)
        def checked(api: object, request: Request, **segments: str) -> Any:
            request_parameters.check_query(request, parameters)
            return handler(api, request, **segments)

        app.route(path, methods=[method])(checked)
        return cast(R, checked)

    return declare
