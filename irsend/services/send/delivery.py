"""What an SMTP session of the machine is given: the server, the mail, and the login."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import field, frozen
from twisted.internet.interfaces import IStreamClientEndpoint

from irsend.interfaces import Mailbox
from irsend.message.prefixed_file import PrefixedFile


@frozen(kw_only=True)
class Server:
    """The server that the session connects to."""

    name: str
    """As configured, or as in the MX record: the certificate is checked against it."""
    endpoint: IStreamClientEndpoint
    implicit_tls: bool = False
    """True where TLS, if it is on, begins with the connection, not by STARTTLS."""


@frozen(kw_only=True)
class Login:
    """User and password for AUTH."""

    user: str
    password: str = field(repr=False)

    def with_defaults(self, stored: Login) -> Login:
        """Return it, with a user or password that is empty taken from `stored`."""
        return Login(user=self.user or stored.user, password=self.password or stored.password)


@frozen(kw_only=True)
class Delivery:
    """A mail as it is handed over, in one part or in several."""

    sender: Mailbox | None
    """None for the null sender."""
    recipients: tuple[Mailbox, ...]
    parts: Sequence[Callable[[bool], PrefixedFile]]
    """Callables that return the content of a part; True allows 8-bit text."""
    has_eight_bit: bool = False
    envelope_id: bytes = b""
    """Empty where no notifications are requested."""
    rehearsed: bool = False
    """True ends the mail transaction before DATA: nothing is handed over."""
