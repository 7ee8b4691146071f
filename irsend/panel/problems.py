"""Errors as responses: application/problem+json, never a traceback.

Standards: RFC 9457 (problem details), RFC 9110 section 15 (status codes).
"""

from __future__ import annotations

import re
from http import HTTPStatus

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from irsend.device.model import Model
from irsend.device.windows import windows
from irsend.errors import (
    IrsendError,
    KeyMaterialError,
    MemoryFull,
    NoSuchRecord,
    NotKept,
    ScanRefused,
    SendRefused,
    SettingsRefused,
    ValueRefused,
)
from irsend.panel import serializers
from irsend.wording import nearest, question, shown

CONTENT_TYPE = "application/problem+json"
_MOST_ERRORS = 100
"""Members of `errors`; there are fewer keys than that."""
_MOST_KEYS = 10
"""Keys that the sentence names."""

_log = Logger()


class Problem(Exception):
    """An error response: a status, and a sentence about this case."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def body(self) -> bytes:
        """Return the members of RFC 9457, and `errors` where single fields are wrong."""
        members: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
        if self.errors is not None:
            members["errors"] = self.errors
        return serializers.dumps(members) + b"\n"


def no_such_window(model: Model, given: str) -> Problem:
    """Return the problem for a window that there is not, with the nearest: it may be one of its settings."""
    names = [name for name, _, _ in windows()]
    near = nearest(given, names) or list(
        dict.fromkeys(key.partition(".")[0] for key in nearest(given, model.items()))
    )
    return Problem(
        404,
        f"The {model.title} has no window {shown(given, 60)}; "
        f"windows are: {', '.join(names)}{question(near)}",
    )


def problem_of(failure: Failure, path: str) -> Problem:
    """Return the problem for an exception; an unexpected one goes to the log."""
    error = failure.value
    if isinstance(error, Problem):
        return error
    if isinstance(error, SettingsRefused):
        return _refused(error.refused)
    if isinstance(error, SendRefused):
        return _refused(error.refused, "Nothing is sent")
    if isinstance(error, ValueRefused):
        return _refused([error])
    if isinstance(error, IrsendError):
        return Problem(_STATUS.get(type(error), HTTPStatus.CONFLICT), str(error))
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        detail = f"This method is not allowed for {_printable(path)}; allowed: {allowed}"
        return Problem(405, detail, headers={"Allow": allowed})
    if isinstance(error, (NotFound, RequestRedirect)):
        return Problem(404, f"There is nothing at {_printable(path)}")
    if isinstance(error, HTTPException) and error.code:
        return Problem(error.code, error.description or error.name)
    if isinstance(error, CancelledError):
        return Problem(503, "This was broken off before it had an answer")
    if isinstance(error, OSError) and error.filename:
        # The machine has told of its disk.
        return Problem(503, f"The disk fails: {error.filename}: {error.strerror}")
    _log.failure("no answer to a request for {path}", failure=failure, path=path)
    return Problem(500, "Something went wrong inside irsend; its log says what")


_STATUS: dict[type[IrsendError], HTTPStatus] = {
    NoSuchRecord: HTTPStatus.NOT_FOUND,
    KeyMaterialError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ScanRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotKept: HTTPStatus.INSUFFICIENT_STORAGE,
    MemoryFull: HTTPStatus.INSUFFICIENT_STORAGE,
}


def _refused(refused: list[ValueRefused], consequence: str = "Nothing was changed") -> Problem:
    keys = ", ".join(_printable(one.key) for one in refused[:_MOST_KEYS])
    if len(refused) > _MOST_KEYS:
        keys += f" and {len(refused) - _MOST_KEYS} more"
    return Problem(
        422,
        f"{consequence}; refused: {keys}",
        errors=[
            {"key": _printable(one.key), "problem": one.problem}
            for one in refused[:_MOST_ERRORS]
        ],
    )


def _printable(text: str) -> str:
    text = re.sub(r"[^\x21-\x7e]", "?", text)
    return text if len(text) <= 100 else text[:97] + "..."
