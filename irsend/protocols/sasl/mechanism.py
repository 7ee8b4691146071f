"""What a SASL mechanism is to a client: it makes responses to challenges, and knows no protocol.

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
    """One login by one mechanism. A mechanism that needs time returns Deferreds."""

    name: str = Attribute("The mechanism's registered name.")

    def initial() -> bytes | Deferred[bytes | None] | None:
        """Return the initial response, None where the server begins; MechanismFailed."""

    def respond(challenge: bytes) -> bytes | Deferred[bytes]:
        """Return the response to a challenge; MechanismFailed where there is none."""

    def confirmed() -> None:
        """End a login that the server accepted; MechanismFailed where it did not prove what it must."""


async def initial_response(mechanism: IMechanism) -> bytes | None:
    """Return the initial response, None where the server begins; MechanismFailed."""
    initial = mechanism.initial()
    return await initial if isinstance(initial, Deferred) else initial


async def response_to(mechanism: IMechanism, challenge: bytes) -> bytes:
    """Return the response to a challenge; MechanismFailed where there is none."""
    response = mechanism.respond(challenge)
    return await response if isinstance(response, Deferred) else response


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
    """Runs a call that would block the reactor."""
    strict_prompts: bool = False
    """LOGIN responds to no prompts but its own."""
    initial_response: bool = True
    """PLAIN and XOAUTH2 send their response in the command itself."""
    user_inline: bool = False
    """LOGIN sends the user name in the command itself."""
