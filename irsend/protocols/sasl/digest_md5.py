"""DIGEST-MD5, both sides: the challenge, its digest, and the server's proof.

Authentication only (qop=auth), no security layer, no subsequent authentication.

Standards: RFC 2831; section 2.1.2.1 for the digests, 7.1 for the grammar.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from attrs import frozen
from zope.interface import implementer

from irsend.protocols.sasl.mechanism import Credentials, IMechanism, MechanismFailed

_LONGEST_CHALLENGE = 2048
_LONGEST_RESPONSE = 4096
_TOKEN = rb"[^\x00-\x20()<>@,;:\\\"/\[\]?={}\x7f-\xff]+"
_DIRECTIVE = re.compile(
    rb"\s*(" + _TOKEN + rb")\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|(" + _TOKEN + rb"))\s*(?:,|$)",
    re.DOTALL,
)
_NOTHING = re.compile(rb"[\s,]*")
# These may stand in a challenge or response once only (RFC 2831 2.1.1, 2.1.2); what else
# there may be is ignored, however often it stands there (auth-param).
_ONCE = frozenset(
    (
        *(b"nonce", b"qop", b"stale", b"maxbuf", b"charset", b"algorithm", b"cipher"),
        *(b"username", b"cnonce", b"nc", b"serv-type", b"host", b"serv-name"),
        *(b"digest-uri", b"response", b"authzid", b"rspauth"),
    )
)
_FIRST_USE = b"00000001"


def parse_directives(text: bytes) -> dict[bytes, list[bytes]]:
    """Read directives by their names in lower case; ValueError where they are not well formed."""
    found: dict[bytes, list[bytes]] = {}
    at = 0
    while True:
        nothing = _NOTHING.match(text, at)
        at = nothing.end() if nothing else at
        if at == len(text):
            return found
        match = _DIRECTIVE.match(text, at)
        if match is None:
            raise ValueError("it is not well formed")
        name = match[1].lower()
        value = (
            match[3] if match[2] is None else re.sub(rb"\\(.)", rb"\1", match[2], flags=re.S)
        )
        if name in found and name in _ONCE:
            raise ValueError(f"{name.decode('ascii', 'replace')} stands twice in it")
        found.setdefault(name, []).append(value)
        at = match.end()


def quoted(value: bytes) -> bytes:
    """Return a quoted-string."""
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", value) + b'"'


@frozen(kw_only=True)
class Digest:
    """All that goes into the digest of both sides."""

    user: bytes
    realm: bytes
    password: bytes
    nonce: bytes
    cnonce: bytes
    uri: bytes
    count: bytes = _FIRST_USE
    qop: bytes = b"auth"

    def response(self) -> bytes:
        """Return the client's proof, in hexadecimal."""
        return self._digest(b"AUTHENTICATE:")

    def proof(self) -> bytes:
        """Return the server's, for `rspauth`."""
        return self._digest(b":")

    def _digest(self, method: bytes) -> bytes:
        secret = _md5(b":".join((_latin(self.user), _latin(self.realm), _latin(self.password))))
        first = _hex(b":".join((secret, self.nonce, self.cnonce)))
        second = _hex(method + self.uri)
        return _hex(b":".join((first, self.nonce, self.count, self.cnonce, self.qop, second)))


def _md5(text: bytes) -> bytes:
    return hashlib.md5(text).digest()


def _hex(text: bytes) -> bytes:
    return hashlib.md5(text).hexdigest().encode("ascii")


def _latin(text: bytes) -> bytes:
    """Return text as ISO-8859-1 where all of it can be written so, else as it is: UTF-8 (2.1.2.1)."""
    try:
        return text.decode("utf-8").encode("latin-1")
    except UnicodeError:
        return text


@implementer(IMechanism)
class DigestMD5:
    """The client's side: of several realms the server's own name, else the first."""

    name = "DIGEST-MD5"

    def __init__(self, credentials: Credentials, cnonce: bytes = b"") -> None:
        self._credentials = credentials
        self._cnonce = cnonce or secrets.token_urlsafe(24).encode("ascii")
        self._digest: Digest | None = None
        self._proven = False

    def initial(self) -> bytes | None:
        """Wait for the challenge."""
        return None

    def respond(self, challenge: bytes) -> bytes:
        """Return the response to the challenge; nothing to the server's proof."""
        if self._digest is None:
            return self._response(challenge)
        if self._proven:
            raise MechanismFailed("the server asks for more than DIGEST-MD5 has")
        given = self._read(challenge).get(b"rspauth", [b""])[0]
        if not hmac.compare_digest(given, self._digest.proof()):
            raise MechanismFailed("the server did not prove that it knows the password")
        self._proven = True
        return b""

    def confirmed(self) -> None:
        """Raise MechanismFailed where the server accepted without its proof (RFC 2831 2.1.3)."""
        if not self._proven:
            raise MechanismFailed("the server did not prove that it knows the password")

    def _read(self, challenge: bytes) -> dict[bytes, list[bytes]]:
        try:
            if len(challenge) >= _LONGEST_CHALLENGE:
                raise ValueError("it is too long")
            return parse_directives(challenge)
        except ValueError as wrong:
            raise MechanismFailed(f"the server's DIGEST-MD5 challenge: {wrong}") from None

    def _response(self, challenge: bytes) -> bytes:
        said = self._read(challenge)
        if len(said.get(b"nonce", [])) != 1 or not said[b"nonce"][0]:
            raise MechanismFailed("the server's DIGEST-MD5 challenge has no nonce")
        if [value.lower() for value in said.get(b"algorithm", [])] != [b"md5-sess"]:
            raise MechanismFailed("the server's DIGEST-MD5 challenge is not for md5-sess")
        offered = b",".join(said.get(b"qop", [b"auth"])).lower().split(b",")
        if b"auth" not in [one.strip() for one in offered]:
            raise MechanismFailed("the server wants a DIGEST-MD5 security layer")
        utf8 = [value.lower() for value in said.get(b"charset", [])] == [b"utf-8"]
        own = self._credentials
        host = own.host.encode("idna" if own.host else "ascii", "strict")
        realms = said.get(b"realm", [])
        realm = host if host in realms else (realms[0] if realms else b"")
        self._digest = digest = Digest(
            user=own.user,
            realm=realm,
            password=own.password,
            nonce=said[b"nonce"][0],
            cnonce=self._cnonce,
            uri=own.service.encode("ascii") + b"/" + host,
        )
        # Without charset=utf-8 names are in ISO-8859-1 on the wire (2.1.2).
        user = own.user if utf8 else _latin(own.user)
        if not utf8 and any(
            _latin(one) == one and not one.isascii() for one in (own.user, own.password)
        ):
            raise MechanismFailed(
                "user name or password is not in ISO-8859-1, and the server takes no UTF-8"
            )
        return b",".join(
            [
                *([b"charset=utf-8"] if utf8 else []),
                b"username=" + quoted(user),
                *([b"realm=" + quoted(realm)] if realms else []),
                b"nonce=" + quoted(digest.nonce),
                b"nc=" + digest.count,
                b"cnonce=" + quoted(digest.cnonce),
                b"digest-uri=" + quoted(digest.uri),
                b"response=" + digest.response(),
                b"qop=auth",
            ]
        )


class DigestMD5Challenge:
    """The server's side, for one login: the challenge, then the check of the response to it."""

    def __init__(self, realm: bytes) -> None:
        self._realm = realm
        self._nonce = secrets.token_urlsafe(24).encode("ascii")

    def text(self) -> bytes:
        """Return the challenge."""
        return (
            b"realm=" + quoted(self._realm) + b",nonce=" + quoted(self._nonce)
            + b',qop="auth",charset=utf-8,algorithm=md5-sess'
        )  # fmt: skip

    def read(self, response: bytes) -> dict[bytes, bytes]:
        """Read a response; ValueError where it is none to this challenge."""
        if len(response) > _LONGEST_RESPONSE:
            raise ValueError("too long")
        said = {name: values[0] for name, values in parse_directives(response).items()}
        for name in (b"username", b"cnonce", b"digest-uri", b"response"):
            if name not in said:
                raise ValueError("incomplete")
        if said.get(b"nonce") != self._nonce or said.get(b"nc") != _FIRST_USE:
            raise ValueError("not to this challenge")
        if said.get(b"qop", b"auth") != b"auth" or b"authzid" in said:
            raise ValueError("not offered")
        return said

    def proof(self, said: dict[bytes, bytes], user: bytes, password: bytes) -> bytes | None:
        """Return the server's own proof where a response was made with this password, else None."""
        digest = Digest(
            user=user,
            realm=said.get(b"realm", b""),
            password=password,
            nonce=self._nonce,
            cnonce=said[b"cnonce"],
            uri=said[b"digest-uri"],
        )
        if not hmac.compare_digest(said[b"response"], digest.response()):
            return None
        return b"rspauth=" + digest.proof()
