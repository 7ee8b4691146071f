"""How every route writes its response: as JSON, as a problem document, after the machine's Deferred."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest

from irsend.panel import serializers
from irsend.panel.problems import CONTENT_TYPE, Problem, problem_of

T = TypeVar("T")


def write(request: IRequest, content: object, content_type: str = "application/json") -> bytes:
    """Return the body of the response and set its headers; content that is not bytes becomes JSON."""
    body = content if isinstance(content, bytes) else serializers.dumps(content) + b"\n"
    request.setHeader(b"Content-Type", content_type.encode())
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return body


def write_failure(request: IRequest, failure: Failure) -> bytes:
    """Return a problem document for an exception, and set its status and headers."""
    return write_problem(request, problem_of(failure, request.path.decode("utf-8", "replace")))


def write_problem(request: IRequest, problem: Problem) -> bytes:
    """Return a problem document, and set its status and headers."""
    request.setResponseCode(int(problem.status))
    for name, value in problem.headers.items():
        request.setHeader(name.encode(), value.encode())
    return write(request, problem.body(), CONTENT_TYPE)


def shield(inner: Deferred[T]) -> Deferred[T]:
    """Return a Deferred of the same result whose cancellation does not reach `inner` (as asyncio.shield).

    klein cancels the handler when the client disconnects; a reception that was
    begun by it goes on.
    """
    outer: Deferred[T] = Deferred()

    def pass_on(result: T | Failure) -> None:
        # One that was cancelled has fired already.
        if not outer.called:
            outer.callback(result)  # a Failure fails it

    inner.addBoth(pass_on)
    return outer
