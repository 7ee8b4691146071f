"""AUTH from the client's side: a mechanism's exchange with the server, in base64.

Standards: RFC 4954 4; RFC 4422 3 (the exchange).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Coroutine
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from irsend.protocols.sasl.mechanism import (
    IMechanism,
    MechanismFailed,
    initial_response,
    response_to,
)
from irsend.protocols.smtp_client_replies import CHALLENGE, ServerReply
from irsend.protocols.transcript import MASK, Secrets, masked_command

# A server that sends more challenges than this sends them without end.
_MOST_CHALLENGES = 10
# A command line may have so many octets, its end included.
_COMMAND_LINE = 512

_T = TypeVar("_T")


class AuthSession(Protocol):
    """What AUTH needs of the session it is part of."""

    @property
    def secrets(self) -> Secrets:
        """What no transcript shows."""

    def command(self, line: bytes, *, shown: bytes) -> Deferred[ServerReply]:
        """Send a command, which the transcript has as `shown`; fires with the reply."""

    def respond(self, line: bytes, *, shown: bytes) -> Deferred[ServerReply]:
        """Send a line that is no command, in the same way."""

    def while_connected(self, work: Coroutine[Deferred[Any], Any, _T]) -> Deferred[_T]:
        """Begin `work`; fires with its result, or fails when the session ends."""


async def log_in(
    session: AuthSession, mechanism: IMechanism, secrets: Collection[bytes]
) -> ServerReply:
    """Send AUTH and answer the challenges; return the last reply: 235, or the refusal.

    Raises MechanismFailed where the mechanism does not go on.
    """
    for secret in secrets:
        session.secrets.keep(secret)
    line = b"AUTH " + mechanism.name.encode("ascii")
    first = await session.while_connected(initial_response(mechanism))
    if first is not None:
        initial = base64.b64encode(first) or b"="
        if len(line) + len(initial) + 3 <= _COMMAND_LINE:
            line, first = line + b" " + initial, None
            session.secrets.keep(initial)
    reply = await session.command(line, shown=masked_command(line))
    for _ in range(_MOST_CHALLENGES):
        if not reply.means(CHALLENGE):
            break
        try:
            challenge = base64.b64decode(reply.lines[-1].strip(), validate=True)
            if first is not None:
                response = first
            else:
                response = await session.while_connected(response_to(mechanism, challenge))
        except (MechanismFailed, binascii.Error) as failed:
            # RFC 4954 4: "*" cancels the exchange; the reply to it adds nothing.
            await session.respond(b"*", shown=b"*")
            if isinstance(failed, MechanismFailed):
                raise
            raise MechanismFailed("the server's challenge is not base64") from None
        first = None
        encoded = base64.b64encode(response)
        session.secrets.keep(encoded)
        reply = await session.respond(encoded, shown=MASK.encode() if encoded else b"")
    if reply.means(235):
        mechanism.confirmed()
    return reply
