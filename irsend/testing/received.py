"""The mails that a printer in a test has received, and the documents that it has printed."""

from __future__ import annotations

from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage

from attrs import field, frozen

from irsend.message.mail_content import envelope_of, trace_length


@frozen
class Envelope:
    """The envelope of a mail: the addresses of MAIL FROM and RCPT TO."""

    sender: str
    """Empty for the null reverse-path, and for a mail that was fetched by POP."""
    recipients: tuple[str, ...]


@frozen
class Mail:
    """A mail that the printer received."""

    number: str
    """Its number in the communication report."""
    content: bytes = field(repr=False)
    """Octet for octet as it was received, after the trace that the machine added."""

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return _parsed(self.content)

    @property
    def octets(self) -> bytes:
        """The mail as it came, without the trace."""
        return self.content[trace_length(self.content) :]

    @property
    def envelope(self) -> Envelope:
        """Its envelope, which the trace holds."""
        return Envelope(*envelope_of(self.content[: trace_length(self.content)]))


class ReceivedMail(EmailMessage):
    """A mail that a machine received, parsed as its sender wrote it; with envelope and octets."""

    number: str
    """Its number in the communication report."""
    envelope: Envelope
    octets: bytes
    """As they came."""
    trace: str
    """The fields that the machine put above it, Return-Path and Received among them."""

    @classmethod
    def of(cls, mail: Mail) -> ReceivedMail:
        """Return a mail of `Printer.mails` parsed."""
        received = cls(policy=policy.default)
        # Its parts stay plain messages: only a whole mail has an envelope.
        # On the wire lines end with CR LF; in Python's messages with LF, as the sender had them.
        lines = mail.octets.replace(b"\r\n", b"\n")
        received.__dict__.update(_parsed(lines).__dict__)
        received.number, received.envelope, received.octets = (
            mail.number,
            mail.envelope,
            mail.octets,
        )
        received.trace = mail.content[: trace_length(mail.content)].decode("utf-8", "replace")
        return received


def _parsed(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
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
    pdf: bytes = field(repr=False)


def what_came(mails: Sequence[Mail], status: str) -> str:
    """Return in words which mails came, and what the status line shows, for a wait that was in vain."""
    lines = [f"there are {len(mails)}" + (":" if mails else "")]
    for mail in mails:
        sender, recipients = mail.envelope.sender, ", ".join(mail.envelope.recipients)
        subject = mail.message["Subject"]
        lines.append(f"  {mail.number} from <{sender}> to {recipients or '(POP)'}: {subject}")
    if status:
        lines[0] = f"the status line shows {status!r}, and {lines[0]}"
    return "\n".join(lines)
