"""What a SASL mechanism is to a client: it answers challenges, and knows no protocol.

Standards: RFC 4422 (SASL).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface


class MechanismFailed(Exception):
    """The exchange cannot go on; says why."""


class ClockSkew(MechanismFailed):
    """The clocks here and at the KDC differ too much."""


class IMechanism(Interface):
    """One login by one mechanism. What may take its time may be a Deferred."""

    name: str = Attribute("The mechanism's registered name.")

    def initial() -> bytes | Deferred[bytes | None] | None:
        """Return what the client says first, None where the server begins; MechanismFailed."""

    def respond(challenge: bytes) -> bytes | Deferred[bytes]:
        """Return the answer to a challenge; MechanismFailed where there is none."""

    def confirmed() -> None:
        """Hear that the server said yes; MechanismFailed where it has not shown what it must."""


@frozen(kw_only=True)
class Credentials:
    """Who logs in, where, and how the machine does it."""

    user: bytes
    """In UTF-8, as the password."""
    password: bytes = field(repr=False)
    service: str
    """The server's service as GSSAPI and DIGEST-MD5 name it: smtp or pop."""
    host: str
    """The server's name, as it is configured."""
    token: bytes = field(default=b"", repr=False)
    """The access token of XOAUTH2."""
    in_thread: Callable[[Callable[[], Any]], Deferred[Any]] | None = None
    """Runs what must not hold up the reactor."""
    strict_prompts: bool = False
    """LOGIN answers no other prompts than its own."""
    user_inline: bool = False
    """LOGIN says the user name in the command itself."""
