"""A SASL exchange from the server's side, on cred's challenge-response credentials.

SMTP and POP3 frame the same exchange differently. A portal checks the credentials.

Standards: RFC 4422 5.1 (the exchange), RFC 4954 4 and RFC 5034 4 (its two framings).
"""

from __future__ import annotations

import base64
import binascii

from twisted.mail.interfaces import IChallengeResponse


class ExchangeFailed(Exception):
    """The exchange ends without credentials that could be checked."""


class Aborted(ExchangeFailed):
    """The client cancelled the exchange, with "*"."""


class NotBase64(ExchangeFailed):
    """A response was not base64."""


class Malformed(ExchangeFailed):
    """A response does not follow the mechanism's grammar."""


class SASLExchange:
    """One attempt to log in. Challenges and responses are base64, as on the wire."""

    def __init__(self, mechanism: bytes, challenger: IChallengeResponse) -> None:
        self.mechanism = mechanism
        self.credentials = challenger
        """To be checked once there are no more challenges."""

    def begin(self, initial: bytes) -> bytes | None:
        """Return the first challenge, or what `respond` returns where an initial response was given."""
        first = self.credentials.getChallenge()
        if initial:
            return self.respond(b"" if initial == b"=" else initial)
        return base64.b64encode(first)

    def respond(self, response: bytes) -> bytes | None:
        """Return the next challenge, None at the end; raises ExchangeFailed."""
        if response == b"*":
            raise Aborted
        try:
            decoded = base64.b64decode(response, validate=True)
        except binascii.Error:
            raise NotBase64 from None
        try:
            self.credentials.setResponse(decoded)
        except Exception:
            # cred's credentials raise whatever their parsing meets.
            raise Malformed from None
        if self.credentials.moreChallenges():
            return base64.b64encode(self.credentials.getChallenge())
        return None
