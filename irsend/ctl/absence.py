"""Why there is no machine, in words, and what to do about it."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from irsend.ctl.errors import NoMachine

NAME_IT = "--url or IRSEND_URL names the panel of a machine."
_START_IT = (
    "Start one with `twistd -n irsend` or `irsend-machine` (in a checkout: `make run`), "
    "or name another with --url or IRSEND_URL."
)
_REACH_IT = (
    "Start one there; unless its [listen] panel says otherwise, only its own host can reach it. "
    "--url or IRSEND_URL names another."
)
_MOST_GREETING = 60
"""Characters of a greeting that are repeated."""
_PATIENCE = 1.0
"""Seconds that a greeting is waited for."""


def absent(url: str, reason: str, *, refused: bool = False) -> NoMachine:
    """Return the error for a URL at which nothing answers; `refused` where nothing listens."""
    said = f"There is no machine at {url}: {reason}."
    if not refused:
        # Of a certificate that is not trusted the URL is right.
        return NoMachine(said, "" if "certificate" in reason else NAME_IT)
    host = urlsplit(url).hostname or ""
    on_this_host = host in ("localhost", "::1") or host.startswith("127.")
    return NoMachine(said, _START_IT if on_this_host else _REACH_IT)


def cause(error: BaseException) -> str:
    """Return why a connection failed, in the words of the operating system where it has any."""
    said = str(error) or type(error).__name__
    for inner in _chain(error):
        if isinstance(inner, OSError) and inner.strerror:
            said = inner.strerror
    return said[:1].lower() + said[1:].rstrip(".")


def is_refused(error: BaseException) -> bool:
    """Say whether nothing listens there."""
    return any(isinstance(one, ConnectionRefusedError) for one in _chain(error))


def greeting(error: BaseException) -> str:
    """Return what a server of another protocol said, as h11 quotes it; empty where it does not."""
    found = re.search(r"illegal status line: bytearray\(b(['\"])(.*)\1\)", str(error))
    return _no_http(found[2]) if found else ""


def greeting_of(url: str, timeout: float) -> str:
    """Return what a server says unasked, which none of HTTP does; empty where it says nothing."""
    address = urlsplit(url)
    if address.scheme != "http" or address.hostname is None:
        return ""
    patience = min(timeout, _PATIENCE)
    with contextlib.suppress(OSError):
        where = (address.hostname, address.port or 80)
        with socket.create_connection(where, patience) as connection:
            octets = connection.recv(_MOST_GREETING)
            line = octets.decode("ascii", "replace").splitlines()
            return _no_http(line[0]) if line else ""
    return ""


def _no_http(greeting: str) -> str:
    return f"it answers '{greeting[:_MOST_GREETING].rstrip()}', which is no HTTP"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
