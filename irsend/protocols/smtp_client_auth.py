"""AUTH from the client's side: a mechanism's exchange with the server, in base64.

Standards: RFC 4954 4; RFC 4422 3 (the exchange).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Generator
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred

from irsend.protocols.sasl import IMechanism, MechanismFailed
from irsend.protocols.smtp_client_replies import CHALLENGE, ServerReply
from irsend.protocols.transcript import MASK, masked_command

if TYPE_CHECKING:
    from irsend.protocols.esmtp_client import ESMTPClient

# A mechanism that asks more often than this asks for ever.
_MOST_CHALLENGES = 10
# A command line may have so many octets, its end included.
_COMMAND_LINE = 512


@inlineCallbacks
def log_in(
    client: ESMTPClient, mechanism: IMechanism, secrets: Collection[bytes]
) -> Generator[Deferred[Any], Any, ServerReply]:
    """Do as `ESMTPClient.log_in` says."""
    for secret in secrets:
        client.secrets.keep(secret)
    line = b"AUTH " + mechanism.name.encode("ascii")
    first: bytes | None = yield client.while_connected(maybeDeferred(mechanism.initial))
    if first is not None:
        initial = base64.b64encode(first) or b"="
        if len(line) + len(initial) + 3 <= _COMMAND_LINE:
            line, first = line + b" " + initial, None
            client.secrets.keep(initial)
    reply: ServerReply = yield client.command(line, shown=masked_command(line))
    for _ in range(_MOST_CHALLENGES):
        if reply.code != CHALLENGE:
            break
        try:
            challenge = base64.b64decode(reply.lines[-1].strip(), validate=True)
            response: bytes = (
                first
                if first is not None
                else (yield client.while_connected(maybeDeferred(mechanism.respond, challenge)))
            )
        except (MechanismFailed, binascii.Error) as failed:
            # RFC 4954 4: "*" cancels the exchange; the answer to it says nothing more.
            yield client.command(b"*")
            if isinstance(failed, MechanismFailed):
                raise
            raise MechanismFailed("the server's challenge is not base64") from None
        first = None
        encoded = base64.b64encode(response)
        client.secrets.keep(encoded)
        reply = yield client.command(encoded, shown=MASK.encode() if encoded else b"")
    if reply.code == 235:
        mechanism.confirmed()
    return reply
