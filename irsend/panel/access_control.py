"""Who may use the panel: peers, host names, origins, the password.

Without a password only loopback may, and a browser there must use a host name
of the machine's (DNS rebinding). With one, every client must authenticate by
HTTP Basic. A page of another origin may change nothing (CSRF).

Standards: RFC 7617 (Basic), RFC 6454 and Fetch (Origin), Fetch Metadata
(Sec-Fetch-Site).
"""

from __future__ import annotations

import base64
import binascii
import collections
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from attrs import define, field
from twisted.web.server import Request

from irsend.addresses import is_loopback
from irsend.panel.options import PanelOptions
from irsend.panel.problems import Problem

SAFE_METHODS = (b"GET", b"HEAD", b"OPTIONS")
UNAUTHENTICATED = b"/healthz"

_HOST = re.compile(
    r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,20}\.?)(:[0-9]{1,5})?"
)
_MOST_FAILURES = 5
"""Wrong passwords from one peer within `_FAILURE_WINDOW`."""
_FAILURE_WINDOW = 10.0
_PEERS_REMEMBERED = 256


def host_of(request: Request) -> str | None:
    """Return the Host header, None where an HTTP/1.0 client sent none; raise Problem."""
    given = request.requestHeaders.getRawHeaders(b"Host") or []
    if not given and request.clientproto != b"HTTP/1.1":
        return None
    if len(given) != 1 or not _HOST.fullmatch(given[0].decode("latin-1")):
        raise Problem(400, "A request has one Host header, with a name or an address")
    return given[0].decode("ascii").lower()


def check_origin(request: Request) -> None:
    """Raise Problem where a page of another origin asks for a change.

    A program that is no browser sends neither header; it needs no check, for
    no page can make it send a request.
    """
    refusal = Problem(403, "A page of another origin may not change anything here")
    for site in request.requestHeaders.getRawHeaders(b"Sec-Fetch-Site") or []:
        if site not in (b"same-origin", b"none"):
            raise refusal
    host = host_of(request)
    for origin in request.requestHeaders.getRawHeaders(b"Origin") or []:
        try:
            parts = urlsplit(origin.decode("ascii"))
        except ValueError:
            raise refusal from None
        if parts.scheme not in ("http", "https") or parts.netloc.lower() != host:
            raise refusal


@define(eq=False)
class AccessControl:
    """Admits a request, or raises Problem; limits the rate of wrong passwords."""

    options: PanelOptions
    now: Callable[[], float]
    """Seconds on a clock that only goes forward."""
    token: str = field(factory=lambda: secrets.token_urlsafe(16), repr=False)
    """In each form of the page: a page of another origin cannot read it (CSRF)."""
    _salt: bytes = field(factory=lambda: os.urandom(16), repr=False)
    _hashed: bytes | None = field(default=None, repr=False)
    _last_correct: bytes | None = field(default=None, repr=False)
    _failures: collections.OrderedDict[str, list[float]] = field(
        factory=collections.OrderedDict, repr=False
    )

    def admit(self, request: Request) -> None:
        """Admit this request, or raise the Problem that says why not."""
        host = host_of(request)
        if request.path != UNAUTHENTICATED:
            peer = getattr(request.getClientAddress(), "host", None)
            if self.options.password:
                self._check_password(request, peer or "")
            else:
                self._check_loopback(peer, host)
        if request.method.upper() not in SAFE_METHODS:
            check_origin(request)

    def admits_by_address(self, peer: str) -> bool:
        """Say whether a peer needs no password; one by a UNIX socket has no address."""
        return not self.options.password and (not peer or is_loopback(peer))

    def check_token(self, given: str) -> None:
        """Raise Problem where a form's token is not of a page that this process has made."""
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            raise Problem(
                403,
                "This form is none of the machine's, or older than its last start; load the page again",
            )

    def change(self, options: PanelOptions) -> None:
        """Take other options: an old password is refused from now on."""
        self.options = options
        self._hashed = self._last_correct = None

    def _check_loopback(self, peer: str | None, host: str | None) -> None:
        # A peer without an address came by a UNIX socket: the file's mode admits it.
        if not self.admits_by_address(peer or ""):
            raise Problem(
                403, "Without a password the panel is for loopback only; set [panel] password"
            )
        if host is not None and not self._is_own_name(host):
            raise Problem(
                403,
                f"{host} is no name of this machine; call it by its address or localhost, "
                "or name it in [tls] hostnames",
            )

    def _is_own_name(self, host: str) -> bool:
        name = re.sub(r":[0-9]+$", "", host)
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name == "localhost" or name in {
                each.lower() for each in self.options.hostnames
            }
        return True

    def _check_password(self, request: Request, peer: str) -> None:
        given = _password_of(request)
        if given is None:
            raise _unauthorized("The panel asks for its password")
        # The page polls often: the last correct password needs no slow hash again.
        quick = hashlib.sha256(self._salt + given).digest()
        if self._last_correct is not None and hmac.compare_digest(quick, self._last_correct):
            return
        self._limit_rate(peer)
        if self._hashed is None:
            self._hashed = self._slow_hash(self.options.password.encode())
        if not hmac.compare_digest(self._slow_hash(given), self._hashed):
            self._count_failure(peer)
            raise _unauthorized("This is not the panel's password")
        self._last_correct = quick

    def _slow_hash(self, password: bytes) -> bytes:
        return hashlib.scrypt(password, salt=self._salt, n=2**14, r=8, p=1)

    def _limit_rate(self, peer: str) -> None:
        # The slow hash blocks the whole machine, so no peer may cause many.
        recent = [
            at for at in self._failures.get(peer, []) if self.now() - at < _FAILURE_WINDOW
        ]
        if len(recent) >= _MOST_FAILURES:
            raise Problem(
                429,
                "Too many wrong passwords from this address; wait a moment",
                headers={"Retry-After": str(int(_FAILURE_WINDOW))},
            )

    def _count_failure(self, peer: str) -> None:
        self._failures[peer] = [*self._failures.pop(peer, []), self.now()][-_MOST_FAILURES:]
        while len(self._failures) > _PEERS_REMEMBERED:
            self._failures.popitem(last=False)


def _unauthorized(detail: str) -> Problem:
    challenge = 'Basic realm="irsend", charset="UTF-8"'
    return Problem(401, detail, headers={"WWW-Authenticate": challenge})


def _password_of(request: Request) -> bytes | None:
    given = request.requestHeaders.getRawHeaders(b"Authorization") or []
    if len(given) != 1:
        return None
    scheme, _, credential = given[0].partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        decoded = base64.b64decode(credential.strip(), validate=True)
    except binascii.Error:
        return None
    _user, colon, password = decoded.partition(b":")
    return password if colon else None
