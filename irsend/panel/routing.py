"""How a route under /api is declared: its path, its method, and the parameters that its query may have."""

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
    """A part of a path that is not the name of a file with its suffix."""

    regex = "[^/.]+"


app.url_map.converters["stem"] = _Stem


def route(path: str, method: str, *parameters: str) -> Callable[[R], R]:
    """Declare a route; its query has these parameters and no others."""

    def declare(answer: R) -> R:
        @functools.wraps(answer)
        def checked(api: Any, request: Request, **named: str) -> Any:
            request_parameters.check_query(request, parameters)
            return answer(api, request, **named)

        app.route(path, methods=[method])(checked)
        return cast(R, checked)

    return declare
