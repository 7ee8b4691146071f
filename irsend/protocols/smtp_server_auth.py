"""AUTH of the receiving side of SMTP: a mechanism's exchange with the client, and the login.

A part of the session (`esmtp`), which knows when AUTH is allowed.

Standards: RFC 4954 4.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.cred.error import LoginFailed
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from irsend.interfaces import IReception, Reply
from irsend.protocols import smtp_server_replies as replies
from irsend.protocols.command_lines import CommandLines
from irsend.protocols.sasl.exchange import Aborted, ExchangeFailed, NotBase64, SASLExchange
from irsend.protocols.smtp_server_transaction import Client
from irsend.protocols.transcript import MASK

_REFUSALS: dict[type[ExchangeFailed], Reply] = {
    Aborted: replies.AUTH_ABORTED,
    NotBase64: replies.NOT_BASE64,
}


class SMTPServerAuth:
    """The logins of one session, one after the other."""

    def __init__(
        self,
        reply: Callable[[Reply], None],
        lines: CommandLines,
        reception: IReception,
        client: Client,
    ) -> None:
        self._reply = reply
        self._lines = lines
        self._reception = reception
        self._client = client
        self._exchange: SASLExchange | None = None

    @property
    def responding(self) -> bool:
        """True while the next line is a response, not a command."""
        return self._exchange is not None

    def cancel(self) -> None:
        """End the exchange without a login."""
        self._exchange = None

    def begin(self, exchange: SASLExchange, initial: bytes) -> None:
        """Begin an exchange; `initial` is the initial response, empty for none."""
        self._step(exchange, lambda: exchange.begin(initial))

    def respond(self, response: bytes) -> None:
        """Go on with the client's response, or end at "*"."""
        exchange = self._exchange
        assert exchange is not None
        self._reception.transcript.client(response if response == b"*" else MASK.encode())
        self._step(exchange, lambda: exchange.respond(response))

    def _step(self, exchange: SASLExchange, step: Callable[[], bytes | None]) -> None:
        self._exchange = None
        try:
            challenge = step()
        except ExchangeFailed as error:
            self._reply(_REFUSALS.get(type(error), replies.AUTH_REFUSED))
            return
        if challenge is not None:
            self._exchange = exchange
            self._reply(Reply(334, challenge.decode("ascii")))
            return
        self._lines.ask(self._log_in, exchange, then=self._logged_in)

    def _log_in(self, exchange: SASLExchange) -> Deferred[bool]:
        """Fire with whether these credentials are right."""

        def refused(failure: Failure) -> bool:
            failure.trap(LoginFailed)
            return False

        attempt = self._reception.login(exchange.credentials, exchange.mechanism)
        return attempt.addCallbacks(lambda _: True, refused)

    def _logged_in(self, known: bool) -> None:
        self._client.authenticated = known
        self._reply(replies.AUTHENTICATED if known else replies.AUTH_REFUSED)
