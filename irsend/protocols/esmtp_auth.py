"""The AUTH command of the receiving side, on cred's challenge-response credentials.

The mail host uses it; the machine offers no mechanism, so it does not know the
command. Whether a mechanism is offered without TLS is asked of `IReception`.

Standards: RFC 4954.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from twisted.cred.error import LoginFailed
from twisted.mail import smtp
from twisted.python.failure import Failure

from irsend.interfaces import Reply
from irsend.protocols import smtp_replies as replies
from irsend.protocols.transcript import MASK

if TYPE_CHECKING:
    from irsend.protocols.esmtp import ESMTP as _Session
else:
    _Session = object


class SASLServer(_Session):
    """AUTH, mixed into the session."""

    challenger: Any = None
    _mechanism = b""

    def ext_AUTH(self, rest: bytes) -> None:
        """AUTH mechanism [initial-response]; "=" is an empty initial response."""
        offered = self.reception.challengers(self.secured)
        name, _, initial = rest.partition(b" ")
        if not offered:
            self.reply(replies.NOT_IMPLEMENTED)
        elif self._client_name is None:
            self.reply(replies.HELLO_FIRST)
        elif self.authenticated:
            self.reply(replies.ALREADY_AUTHENTICATED)
        elif self._sender is not None:
            self.reply(replies.NOT_DURING_MAIL)
        elif not name:
            self.reply(replies.ARGUMENT_EXPECTED)
        elif name.upper() not in offered:
            self.reply(replies.UNKNOWN_MECHANISM)
        else:
            self._mechanism = name.upper()
            self.challenger = offered[self._mechanism]()
            self.mode = smtp.AUTH
            first = self.challenger.getChallenge()
            if initial:
                self._respond(b"" if initial == b"=" else initial)
            else:
                self._challenge(first)

    def state_AUTH(self, response: bytes | None) -> None:
        """Take a line of the exchange."""
        assert response is not None
        if response == b"*":
            self.reception.transcript.client(response)
            self._stop(replies.AUTH_ABORTED)
            return
        self.reception.transcript.client(MASK.encode())
        self._respond(response)

    def _challenge(self, challenge: bytes) -> None:
        self.reply(Reply(334, base64.b64encode(challenge).decode("ascii")))

    def _respond(self, response: bytes) -> None:
        try:
            decoded = base64.b64decode(response, validate=True)
            self.challenger.setResponse(decoded)
        except binascii.Error:
            self._stop(replies.NOT_BASE64)
            return
        except Exception:
            # cred's credentials raise whatever their parsing meets.
            self._stop(replies.AUTH_REFUSED)
            return
        if self.challenger.moreChallenges():
            self._challenge(self.challenger.getChallenge())
            return
        credentials, self.challenger = self.challenger, None
        self.mode = smtp.COMMAND

        def outcome(failed: bool) -> None:
            self.authenticated = not failed
            self.reply(replies.AUTH_REFUSED if failed else replies.AUTHENTICATED)

        def login() -> Any:
            attempt = self.reception.login(credentials, self._mechanism)
            return attempt.addCallbacks(lambda _: False, _login_failed)

        self.ask(login, then=outcome)

    def _stop(self, reply: Reply) -> None:
        self.challenger = None
        self.mode = smtp.COMMAND
        self.reply(reply)


def _login_failed(failure: Failure) -> bool:
    failure.trap(LoginFailed)
    return True
