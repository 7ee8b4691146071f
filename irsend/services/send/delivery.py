"""What a session with an SMTP server is given: the server, the mail, and who the machine says it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import field, frozen
from twisted.internet.interfaces import IStreamClientEndpoint

from irsend.interfaces import Mailbox
from irsend.message.prefixed_file import PrefixedFile


@frozen(kw_only=True)
class Server:
    """Where a mail is taken to."""

    name: str
    """As it is configured, or as its MX record has it: the certificate is compared with it."""
    endpoint: IStreamClientEndpoint


@frozen(kw_only=True)
class Login:
    """Who the machine says it is."""

    user: str
    password: str = field(repr=False)

    def over(self, stored: Login) -> Login:
        """Return this one, with what was not typed taken from what is stored."""
        return Login(user=self.user or stored.user, password=self.password or stored.password)


@frozen(kw_only=True)
class Delivery:
    """A mail as it is handed over: in one part, or in several."""

    sender: Mailbox | None
    """None for the null sender."""
    recipients: tuple[Mailbox, ...]
    parts: Sequence[Callable[[bool], PrefixedFile]]
    """Each makes its content; for True, with 8-bit text where there is such."""
    has_eight_bit: bool = False
    envelope_id: bytes = b""
    """Not empty: notifications are asked for."""
