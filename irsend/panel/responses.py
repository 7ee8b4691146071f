"""How an answer is written, whichever route it is of."""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest

from irsend.panel import serializers
from irsend.panel.problems import CONTENT_TYPE, Problem, problem_of

T = TypeVar("T")


def write(request: IRequest, answer: Any, content_type: str = "application/json") -> bytes:
    """Return the answer's octets and set its headers; what is not bytes becomes JSON."""
    body = answer if isinstance(answer, bytes) else serializers.dumps(answer) + b"\n"
    request.setHeader(b"Content-Type", content_type.encode())
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return body


def refused(request: IRequest, failure: Failure) -> bytes:
    """Return a problem document for what was raised."""
    return write_problem(request, problem_of(failure, request.path.decode("utf-8", "replace")))


def write_problem(request: IRequest, problem: Problem) -> bytes:
    """Return a problem document's octets and set its status and headers."""
    request.setResponseCode(int(problem.status))
    for name, value in problem.headers.items():
        request.setHeader(name.encode(), value.encode())
    return write(request, problem.body(), CONTENT_TYPE)


def shielded(asked: Deferred[T]) -> Deferred[T]:
    """Return a Deferred of the same result whose cancelling does not reach the machine.

    A client that goes away has its request cancelled; the reception that it
    asked for goes on.
    """
    answer: Deferred[T] = Deferred()

    def tell(result: T | Failure) -> None:
        # One that was cancelled has been answered already.
        if not answer.called:
            answer.callback(result)  # a Failure fails it

    asked.addBoth(tell)
    return answer
