"""The mails that a printer in a test has received, and the documents that it has printed."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from attrs import frozen


@frozen
class Mail:
    """A mail that the printer received."""

    number: str
    """Its number in the communication report."""
    content: bytes
    """Octet for octet as it was received, after the trace that the machine added."""

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        message = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message


@frozen
class Printout:
    """A document that the printer printed."""

    number: str
    """As its mail has it in the communication report."""
    pages: int
    sender: str
    subject: str
    codes: tuple[str, ...]
    notices: tuple[str, ...]
    """Sentences that were printed about what could not be printed."""
    pdf: bytes
