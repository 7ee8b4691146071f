"""SCRAM-SHA-256, both sides, without channel binding.

Standards: RFC 5802 (SCRAM), RFC 7677 (SHA-256), RFC 4013 (SASLprep).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import stringprep
import unicodedata

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from irsend.protocols.sasl.mechanism import Credentials, IMechanism, MechanismFailed

ITERATIONS = 4096
"""What a server here asks for: the least that RFC 7677 allows."""
# What a client does for a server; one that asks for more wants to keep it busy.
_MOST_ITERATIONS = 1_000_000
# No channel binding, and no other identity (RFC 5802 7: gs2-header).
_HEADER = b"n,,"
_FIRST = re.compile(
    rb"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,9})(?:,.*)?", re.DOTALL
)
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: bytes) -> bytes:
    """Prepare a user name or password in UTF-8 (RFC 4013); ValueError where it holds what it must not."""
    mapped = "".join(
        " " if stringprep.in_table_c12(sign) else sign
        for sign in text.decode("utf-8")
        if not stringprep.in_table_b1(sign)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    if any(prohibited(sign) for sign in prepared for prohibited in _PROHIBITED):
        raise ValueError("it holds characters that SASLprep does not allow")
    if any(stringprep.in_table_d1(sign) for sign in prepared):
        ends = prepared[0], prepared[-1]
        if any(stringprep.in_table_d2(sign) for sign in prepared) or not all(
            stringprep.in_table_d1(sign) for sign in ends
        ):
            raise ValueError("it mixes directions of writing as SASLprep does not allow")
    return prepared.encode("utf-8")


def salted(password: bytes, salt: bytes, iterations: int) -> bytes:
    """Return the salted password; takes its time."""
    return hashlib.pbkdf2_hmac("sha256", password, salt, iterations)


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _proofs(key: bytes, said: bytes) -> tuple[bytes, bytes]:
    """Return the client's proof and the server's, for a salted password and the AuthMessage."""
    client = _hmac(key, b"Client Key")
    signature = _hmac(hashlib.sha256(client).digest(), said)
    proof = bytes(one ^ other for one, other in zip(client, signature, strict=True))
    return proof, _hmac(_hmac(key, b"Server Key"), said)


@implementer(IMechanism)
class ScramSHA256:
    """The client's side."""

    name = "SCRAM-SHA-256"

    def __init__(self, credentials: Credentials, nonce: bytes = b"") -> None:
        self._credentials = credentials
        self._nonce = nonce or secrets.token_urlsafe(24).encode("ascii")
        self._bare = b""
        self._expected = b""
        self._proven = False

    def initial(self) -> bytes | None:
        """Return name and nonce."""
        user = self._prepared(self._credentials.user)
        self._bare = b"n=" + _escaped(user) + b",r=" + self._nonce
        return _HEADER + self._bare

    def respond(self, challenge: bytes) -> bytes | Deferred[bytes]:
        """Return the proof to the server's nonce and salt, and nothing to its own proof."""
        if not self._expected:
            return self._proof(challenge)
        if self._proven:
            raise MechanismFailed("the server asks for more than SCRAM has")
        if challenge.startswith(b"e="):
            raise MechanismFailed(
                f"the server says {challenge[2:82].decode('ascii', 'replace')}"
            )
        if not hmac.compare_digest(challenge.partition(b",")[0], self._expected):
            raise MechanismFailed("the server did not prove that it knows the password")
        self._proven = True
        return b""

    def confirmed(self) -> None:
        """Raise MechanismFailed where the server accepted without its proof (RFC 5802 5)."""
        if not self._proven:
            raise MechanismFailed("the server did not prove that it knows the password")

    def _proof(self, challenge: bytes) -> Deferred[bytes]:
        match = _FIRST.fullmatch(challenge)
        if match is None:
            raise MechanismFailed("the server's SCRAM challenge is not well formed")
        nonce, encoded_salt, iterations = match[1], match[2], int(match[3])
        if not nonce.startswith(self._nonce) or len(nonce) <= len(self._nonce):
            raise MechanismFailed("the server's SCRAM nonce does not begin with ours")
        if iterations > _MOST_ITERATIONS:
            raise MechanismFailed(
                f"the server asks for {iterations} iterations; up to {_MOST_ITERATIONS} are done"
            )
        try:
            salt = base64.b64decode(encoded_salt, validate=True)
        except binascii.Error:
            raise MechanismFailed("the server's SCRAM salt is not base64") from None
        password = self._prepared(self._credentials.password)
        bare = b"c=" + base64.b64encode(_HEADER) + b",r=" + nonce

        def prove(key: bytes) -> bytes:
            proof, signature = _proofs(key, b",".join((self._bare, challenge, bare)))
            self._expected = b"v=" + base64.b64encode(signature)
            return bare + b",p=" + base64.b64encode(proof)

        in_thread = self._credentials.in_thread or maybeDeferred
        return in_thread(lambda: salted(password, salt, iterations)).addCallback(prove)

    def _prepared(self, text: bytes) -> bytes:
        try:
            return saslprep(text)
        except ValueError as wrong:
            raise MechanismFailed(f"user name or password: {wrong}") from None


def _escaped(name: bytes) -> bytes:
    return name.replace(b"=", b"=3D").replace(b",", b"=2C")


class ScramSHA256Challenge:
    """The server's side, for one login."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)
        self._own = secrets.token_urlsafe(24).encode("ascii")
        self._bare = self._first = self._nonce = b""

    def user(self, message: bytes) -> bytes:
        """Read the client's first message; return the user name. ValueError.

        Nobody may act for another here: an authorization identity is refused, as PLAIN's is.
        """
        match = re.fullmatch(rb"[ny],,(n=([^,]+),r=([!-+\--~]+))", message)
        if match is None:
            raise ValueError("not well formed")
        self._bare, self._nonce = match[1], match[3] + self._own
        if re.search(rb"=(?!2C|3D)", match[2]):
            raise ValueError("not well formed")
        self._header = message[: match.start(1)]
        return match[2].replace(b"=2C", b",").replace(b"=3D", b"=")

    def text(self) -> bytes:
        """Return nonce, salt and iterations."""
        self._first = b"r=%b,s=%b,i=%d" % (
            self._nonce,
            base64.b64encode(self._salt),
            ITERATIONS,
        )
        return self._first

    def proof(self, response: bytes, password: bytes) -> bytes | None:
        """Return the server's proof where a response was made with this password, else None; ValueError."""
        bare, _, given = response.rpartition(b",p=")
        if bare != b"c=" + base64.b64encode(self._header) + b",r=" + self._nonce:
            raise ValueError("not to this challenge")
        key = salted(saslprep(password), self._salt, ITERATIONS)
        proof, signature = _proofs(key, b",".join((self._bare, self._first, bare)))
        if not hmac.compare_digest(base64.b64decode(given, validate=True), proof):
            return None
        return b"v=" + base64.b64encode(signature)
