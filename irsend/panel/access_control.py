"""Who may use the panel: peers, host names, origins, the password.

Without a password it is for loopback, and a browser there must call it by a
name that belongs to it (DNS rebinding). With one, everybody is asked for it by
HTTP Basic authentication. What changes something is never done for another
origin's page.

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
from irsend.panel.problems import Problem

READING = (b"GET", b"HEAD", b"OPTIONS")
OPEN = b"/healthz"

_HOST = re.compile(
    r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,20}\.?)(:[0-9]{1,5})?"
)
_GUESSES = 5
_GUESSES_IN = 10.0
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

    A program that is no browser sends neither header, and carries nobody's
    authority but its own.
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
    """Lets a request in, or raises Problem; it remembers who guesses passwords."""

    password: str = field(repr=False)
    hostnames: tuple[str, ...]
    now: Callable[[], float]
    """Seconds on a clock that only goes forward."""
    token: str = field(factory=lambda: secrets.token_urlsafe(16), repr=False)
    """In each form of the page: who cannot read a page of ours changes nothing by a form."""
    _salt: bytes = field(factory=lambda: os.urandom(16), repr=False)
    _hashed: bytes | None = field(default=None, repr=False)
    _last_good: bytes | None = field(default=None, repr=False)
    _wrong: collections.OrderedDict[str, list[float]] = field(
        factory=collections.OrderedDict, repr=False
    )

    def admit(self, request: Request) -> None:
        """Let this request in, or raise the Problem that says why not."""
        host = host_of(request)
        if request.path != OPEN:
            peer = getattr(request.getClientAddress(), "host", None)
            if self.password:
                self._check_password(request, peer or "")
            else:
                self._check_loopback(peer, host)
        if request.method.upper() not in READING:
            check_origin(request)

    def check_token(self, given: str) -> None:
        """Raise Problem where a form does not come from a page of this machine, or of an earlier start."""
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            raise Problem(
                403,
                "This form is none of the machine's, or older than its last start; load the page again",
            )

    def change(self, password: str, hostnames: tuple[str, ...]) -> None:
        """Ask for another password from now on; the old one opens nothing any more."""
        self.password, self.hostnames = password, hostnames
        self._hashed = self._last_good = None

    def _check_loopback(self, peer: str | None, host: str | None) -> None:
        # A peer without an address came by a UNIX socket: the file's mode lets it in.
        if peer is not None and not is_loopback(peer):
            raise Problem(
                403, "Without a password the panel is for loopback only; set [panel] password"
            )
        if host is not None and not self._is_ours(host):
            raise Problem(
                403,
                f"{host} is no name of this machine; call it by its address or localhost, "
                "or name it in [tls] hostnames",
            )

    def _is_ours(self, host: str) -> bool:
        name = re.sub(r":[0-9]+$", "", host)
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name == "localhost" or name in {each.lower() for each in self.hostnames}
        return True

    def _check_password(self, request: Request, peer: str) -> None:
        given = _password_of(request)
        if given is None:
            raise _asks_for_password("The panel asks for its password")
        # What was right once needs no slow hash again: the page asks often.
        quick = hashlib.sha256(self._salt + given).digest()
        if self._last_good is not None and hmac.compare_digest(quick, self._last_good):
            return
        self._slow_down(peer)
        if self._hashed is None:
            self._hashed = self._slow_hash(self.password.encode())
        if not hmac.compare_digest(self._slow_hash(given), self._hashed):
            self._remember_wrong(peer)
            raise _asks_for_password("This is not the panel's password")
        self._last_good = quick

    def _slow_hash(self, password: bytes) -> bytes:
        return hashlib.scrypt(password, salt=self._salt, n=2**14, r=8, p=1)

    def _slow_down(self, peer: str) -> None:
        # The slow hash holds up the whole machine, so nobody may order many.
        recent = [at for at in self._wrong.get(peer, []) if self.now() - at < _GUESSES_IN]
        if len(recent) >= _GUESSES:
            raise Problem(
                429,
                "Too many wrong passwords from this address; wait a moment",
                headers={"Retry-After": str(int(_GUESSES_IN))},
            )

    def _remember_wrong(self, peer: str) -> None:
        self._wrong[peer] = [*self._wrong.pop(peer, []), self.now()][-_GUESSES:]
        while len(self._wrong) > _PEERS_REMEMBERED:
            self._wrong.popitem(last=False)


def _asks_for_password(detail: str) -> Problem:
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
