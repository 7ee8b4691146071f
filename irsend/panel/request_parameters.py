"""The parameters of a request: query, JSON body, form, Accept; a wrong one raises Problem."""

from __future__ import annotations

import datetime
import json
import re
from typing import NoReturn, TypeVar
from urllib.parse import parse_qs

from twisted.web.server import Request

from irsend.device.local_time import LocalTime
from irsend.panel.openapi_schemas import ONE_LINE
from irsend.panel.problems import Problem
from irsend.panel.request import PanelRequest
from irsend.panel.uploads import Upload
from irsend.panel.waiting import LONGEST
from irsend.wording import did_you_mean, shown

N = TypeVar("N", int, None)

MOST_SECONDS = 999_999_999_999
"""The largest time that is given in seconds since the epoch."""


def query(request: Request) -> dict[str, str]:
    """Return the query's parameters; each may stand once."""
    _, _, given = request.uri.partition(b"?")
    try:
        parameters = parse_qs(
            given.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except ValueError:
        raise Problem(
            400, "The query cannot be read; write it as name=value&name=value"
        ) from None
    for name, values in parameters.items():
        if len(values) > 1:
            raise Problem(400, f"{shown(name, 60)} stands {len(values)} times in the query")
    return {name: values[0] for name, values in parameters.items()}


def check_query(request: Request, known: tuple[str, ...]) -> None:
    """Raise Problem where the query cannot be read, or has a parameter that is not known."""
    for name in query(request):
        if name not in known:
            there_are = f"; there are: {', '.join(known)}" if known else "; this takes none"
            near = did_you_mean(name, known) or there_are
            raise Problem(400, f"{shown(name, 60)} is no parameter of the query{near}")


def whole_number(
    parameters: dict[str, str], name: str, default: N, minimum: int, maximum: int
) -> int | N:
    """Return a parameter that is a number in a range."""
    given = parameters.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 20) or not (
        minimum <= int(given) <= maximum
    ):
        raise Problem(
            400,
            f"{name}: {shown(given, 60)} is not allowed; "
            f"allowed: a whole number from {minimum} to {maximum}",
        )
    return int(given)


def one_of(
    parameters: dict[str, str], name: str, words: tuple[str, ...], default: str | None = None
) -> str | None:
    """Return a parameter that is one of these words."""
    given = parameters.get(name, default)
    if given is not None and given not in words:
        raise Problem(
            400,
            f"{name}: {shown(given, 60)} is not allowed; "
            f"allowed: {', '.join(words)}{did_you_mean(given, words)}",
        )
    return given


def text(parameters: dict[str, str], name: str, longest: int = 255) -> str | None:
    """Return a parameter that is a line of text; None where it is empty."""
    given = parameters.get(name)
    if given and (len(given) > longest or not re.fullmatch(ONE_LINE, given)):
        raise Problem(
            400,
            f"{name}: {shown(given, 60)} is not allowed; "
            f"allowed: one line of text of up to {longest} characters",
        )
    return given or None


def clock(parameters: dict[str, str], now: float) -> LocalTime:
    """Return what writes the times of a response: in the host's zone, or with ?clock=utc in UTC."""
    chosen = one_of(parameters, "clock", ("local", "utc"), "local")
    return LocalTime(now, datetime.UTC if chosen == "utc" else None)


def time(parameters: dict[str, str], name: str) -> float | None:
    """Return a parameter that is a time, in seconds since the epoch; None where it is empty."""
    given = parameters.get(name)
    if not given:
        return None
    # A plus sign in a query is a blank.
    text = given.upper().replace(" ", "+")
    try:
        if re.fullmatch(r"[0-9.]+(E[+-]?[0-9]{1,3})?", text, re.ASCII):
            seconds = float(text)
            if seconds > MOST_SECONDS:
                raise ValueError
            return seconds
        if not re.fullmatch(r"[^T]+T[^T]+(Z|[+-]\d\d:?\d\d)", text, re.ASCII):
            raise ValueError
        return datetime.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise Problem(
            400,
            f"{name}: {shown(given, 60)} is not allowed; allowed: a time with its zone such as "
            "2026-11-28T14:03:07Z, or seconds since the epoch",
        ) from None


def yes_or_no(parameters: dict[str, str], name: str) -> bool | None:
    """Return a parameter that is 1 or 0; None where it is missing."""
    given = one_of(parameters, name, ("0", "1"))
    return None if given is None else given == "1"


def code(parameters: dict[str, str]) -> str | None:
    """Return a parameter that is a result code; None where it is empty."""
    given = text(parameters, "code")
    if given and not re.fullmatch(r"#?[0-9]{3}", given, re.ASCII):
        raise Problem(
            400,
            f"code: {shown(given, 60)} is not allowed; allowed: # and three digits, such as #806; "
            "the # may be left out",
        )
    # "#" begins a fragment in an address, so it may be left out.
    return given and "#" + given.removeprefix("#")


def wait(parameters: dict[str, str]) -> float:
    """Return the seconds that a request waits; 0 where it does not say so."""
    given = parameters.get("wait", "0")
    if (
        not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})?", given, re.ASCII)
        or float(given) > LONGEST
    ):
        raise Problem(
            400,
            f"wait: {shown(given, 60)} is not allowed; allowed: seconds from 0 to {LONGEST}",
        )
    return float(given)


def json_object(request: Request) -> dict[str, object]:
    """Return the body, a JSON object; 415 for another Content-Type, 400 for any other content."""
    given = json_body(request)
    if not given:
        raise Problem(400, "The body is empty; allowed: a JSON object")
    try:
        body = json.loads(
            given.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
        # Half a surrogate pair may be escaped in JSON, but has no UTF-8.
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON") from None
    if not isinstance(body, dict):
        raise Problem(400, "The body is not a JSON object")
    return body


def json_body(request: Request) -> bytes:
    """Return the body; 415 where it is not empty and its Content-Type is not JSON."""
    body = body_of(request)
    kind = (request.getHeader(b"content-type") or b"").partition(b";")[0].strip().lower()
    if body and kind != b"application/json":
        raise Problem(
            415,
            "This Content-Type is not allowed; allowed: application/json",
            headers={"Accept": "application/json"},
        )
    return body


def body_of(request: Request) -> bytes:
    """Return the body; the site has bounded it."""
    return bytes(request.content.read()) if request.content else b""


def prefers(request: Request, media_type: bytes) -> bool:
    """Say whether Accept prefers a media type to application/json (RFC 9110 12.5.1)."""
    best = {media_type: 0.0, b"application/json": 0.0}
    given = b",".join(request.requestHeaders.getRawHeaders(b"Accept") or [])
    for part in given.split(b","):
        kind, *parameters = (each.strip().lower() for each in part.split(b";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith(b"q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if kind in best:
            best[kind] = max(best[kind], quality)
    return best[media_type] > best[b"application/json"]


def form(request: Request) -> dict[str, list[str]]:
    """Return a form's fields with their values; 415 for any other body."""
    kind = (request.getHeader(b"content-type") or b"").partition(b";")[0].strip().lower()
    body = body_of(request)
    if body and kind != b"application/x-www-form-urlencoded":
        raise Problem(
            415,
            "This Content-Type is not allowed; allowed: application/x-www-form-urlencoded",
        )
    try:
        return parse_qs(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200
        )
    except ValueError:
        raise Problem(400, "The form cannot be read") from None


def upload(request: PanelRequest) -> Upload:
    """Return the form of originals in this request; 415 for another body."""
    if request.upload is None:
        raise Problem(
            415,
            "This Content-Type is not allowed; allowed: multipart/form-data, with its pages",
        )
    return request.upload


def order_items(fields: dict[str, list[str]]) -> dict[str, object]:
    """Return a form's items of an order; only `to` may repeat, or hold several with commas."""
    given: dict[str, object] = {}
    for name, values in fields.items():
        if name == "to":
            given[name] = [
                one.strip() for value in values for one in value.split(",") if one.strip()
            ]
        elif len(values) > 1:
            raise Problem(400, f"{shown(name, 60)} stands {len(values)} times in the form")
        else:
            given[name] = values[0]
    return given


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Problem(400, "The body names a key twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
