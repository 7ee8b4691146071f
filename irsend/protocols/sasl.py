"""SASL mechanisms as a client uses them, in SMTP and in POP3 alike.

A mechanism answers challenges and knows no protocol; which one is taken, and
when, is told by the machine's model.

Standards: RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5), draft-murchison-sasl-login (LOGIN).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable

from zope.interface import Attribute, Interface, implementer


class IMechanism(Interface):
    """One login by one mechanism."""

    name: str = Attribute("The mechanism's registered name.")

    def initial() -> bytes | None:
        """Return what the client says first, None where the server begins."""

    def respond(challenge: bytes) -> bytes:
        """Return the answer to a challenge; ValueError where there is nothing left to say."""


@implementer(IMechanism)
class Plain:
    """PLAIN: user name and password in one, readable."""

    name = "PLAIN"

    def __init__(self, user: bytes, password: bytes) -> None:
        self._message = b"\0" + user + b"\0" + password
        self._asked = 0

    def initial(self) -> bytes | None:
        """Return user name and password."""
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        """Return them to a server that did not take them at once, but no second time."""
        self._asked += 1
        if self._asked > 1:
            raise ValueError("asked again")
        return self._message


@implementer(IMechanism)
class Login:
    """LOGIN: user name, then password, whatever the prompts say."""

    name = "LOGIN"

    def __init__(self, user: bytes, password: bytes) -> None:
        self._answers = [user, password]

    def initial(self) -> bytes | None:
        """Wait for the first prompt."""
        return None

    def respond(self, challenge: bytes) -> bytes:
        """Return the next of both."""
        if not self._answers:
            raise ValueError("asked for a third time")
        return self._answers.pop(0)


@implementer(IMechanism)
class CramMD5:
    """CRAM-MD5: a keyed digest of the server's challenge."""

    name = "CRAM-MD5"

    def __init__(self, user: bytes, password: bytes) -> None:
        self._user, self._password = user, password
        self._asked = 0

    def initial(self) -> bytes | None:
        """Wait for the challenge."""
        return None

    def respond(self, challenge: bytes) -> bytes:
        """Return user name and digest, once."""
        self._asked += 1
        if self._asked > 1:
            raise ValueError("asked again")
        digest = hmac.new(self._password, challenge, hashlib.md5).hexdigest()
        return self._user + b" " + digest.encode("ascii")


MECHANISMS: dict[str, Callable[[bytes, bytes], IMechanism]] = {
    "CRAM-MD5": CramMD5,
    "PLAIN": Plain,
    "LOGIN": Login,
}


def choose_mechanism(
    order: Iterable[str], offered: Iterable[str], disabled: Iterable[str]
) -> str | None:
    """Return the first mechanism of the model's order that is offered and not switched off."""
    there = {name.upper() for name in offered}
    off = set(disabled)
    return next(
        (name for name in order if name in there and name not in off and name in MECHANISMS),
        None,
    )
