"""What the protocols ask of the machine and of the mail host, and the values that cross between them.

    wire -> protocols -> IReception: may it? for whom? -> IMessageSink: the bytes -> the final 250
                      -> ITranscript: what was said

What the panel asks of the machine is in `machine_interface`.

Reply texts are str and ASCII; what came from the wire is bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import field, frozen
from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
    from twisted.mail.interfaces import IChallengeResponse


_ATOM = rb"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+"
_DOT_STRING = re.compile(_ATOM + rb"(?:\." + _ATOM + rb")*")


@frozen
class Reply:
    """An SMTP reply: code, text and enhanced status code (RFC 5321 4.2, RFC 2034)."""

    code: int
    text: str
    enhanced: str = ""

    def line(self, *, enhanced: bool) -> bytes:
        """Return the reply as one line without its end, with the enhanced code where that was announced."""
        status = f"{self.enhanced} " if enhanced and self.enhanced else ""
        return f"{self.code} {status}{self.text}".encode("ascii", "replace")


@frozen
class Verdict:
    """A decision on a command: accepted, or refused with a reply."""

    reply: Reply | None = None
    """None accepts."""
    hang_up: bool = False
    """The session ends after the reply."""

    @classmethod
    def refuse(cls, reply: Reply, *, hang_up: bool = False) -> Verdict:
        """Refuse with this reply."""
        return cls(reply, hang_up)


ACCEPT = Verdict()


@frozen
class Mailbox:
    """A mailbox: a local part at a domain or an address literal (RFC 5321 4.1.2)."""

    local: bytes
    """Without quotes."""
    domain: bytes
    """Empty for the reserved `postmaster`; a literal keeps its brackets."""

    def __bytes__(self) -> bytes:
        """Return it as in a path, quoted where it must be, without angle brackets."""
        local = self.local
        if not _DOT_STRING.fullmatch(local):
            local = b'"' + re.sub(rb'(["\\])', rb"\\\1", local) + b'"'
        return local + b"@" + self.domain if self.domain else local


@frozen(kw_only=True)
class Envelope:
    """The envelope of a message, and the protocol by which it came (RFC 5321 2.3.1)."""

    sender: Mailbox | None
    """None for the null reverse-path <>."""
    recipients: tuple[Mailbox, ...]
    helo: bytes
    protocol: bytes
    """SMTP, ESMTP, ESMTPS, ESMTPA or ESMTPSA (RFC 3848)."""
    parameters: dict[bytes, bytes] = field(factory=dict)
    """The parameters of MAIL."""
    recipient_parameters: tuple[dict[bytes, bytes], ...] = ()
    """The parameters of each RCPT."""


class ITranscript(Interface):
    """Records a protocol session line by line."""

    def client(line: bytes) -> None:
        """Record a line that the client sent."""

    def server(line: bytes) -> None:
        """Record a line that the server sent."""

    def note(text: str) -> None:
        """Record an event: TLS began, the connection was closed."""


class IMessageSink(Interface):
    """Where a message is written as it arrives."""

    def write(content: bytes) -> None:
        """Take the next octets; MemoryFull when there is no room for them."""

    def commit() -> Deferred[None]:
        """Fire once the message will survive a crash; only then may the final 250 be sent."""

    def abort() -> None:
        """Discard the message; nothing of it remains."""


class ISteps(Interface):
    """What listens at the steps of a session, and may stand in their place; a session without has None.

    Steps have the names of `irsend.device.faults.STEPS`; those of commands are the command's, in
    small letters.
    """

    def begin(session: object, ask: Callable[..., None] | None) -> None:
        """The session of this protocol begins; `ask` is that of a server's command lines, else None."""

    def reached(
        step: str,
        go_on: Callable[[], None] = ...,
        otherwise: Callable[[], None] = ...,
        argument: bytes = ...,
    ) -> None:
        """The session is at a step: call `go_on` now or later, or `otherwise` where it does not go on.

        A client goes on by itself: what it writes next belongs to the step.
        """

    def announced(step: str, lines: list[bytes]) -> list[bytes]:
        """Return the lines that answer EHLO or CAPA, the first of which is no extension."""

    def closed() -> None:
        """The connection is closed."""


class IReception(Interface):
    """What one SMTP session asks of the receiver: of the machine, or of the mail host.

    Each verdict may also be a Deferred of one; the protocol waits for it.
    """

    host: bytes = Attribute("The name that greets.")
    keywords: tuple[bytes, ...] = Attribute(
        "The EHLO keywords announced, without STARTTLS and AUTH."
    )
    size_limit: int = Attribute("The largest message taken, in octets; the value of SIZE.")
    transcript: ITranscript = Attribute("The session's transcript.")
    steps: ISteps | None = Attribute("What listens at the session's steps.")

    def tls_context() -> IOpenSSLServerConnectionCreator | None:
        """Return what makes the TLS connection for STARTTLS; None where it is not offered."""

    def greeted(helo: bytes, secured: bool) -> None:
        """Take the client's name, at every HELO and EHLO."""

    def admitted() -> Verdict:
        """May this peer have a session at all? (before the greeting)."""

    def sender_named(sender: Mailbox | None) -> None:
        """MAIL names this sender; called before each verdict on MAIL, where its grammar is right."""

    def mail_allowed(secured: bool) -> Verdict:
        """May mail come in plain text, or under TLS? (MAIL, before anything else of it is looked at)."""

    def sender_allowed(sender: Mailbox | None, size: int) -> Verdict:
        """May this sender begin a message of this size (0: not said)? (MAIL)."""

    def recipient_allowed(recipient: Mailbox) -> Verdict:
        """Is this recipient one of the receiver's? (RCPT)."""

    def open_message(envelope: Envelope) -> IMessageSink:
        """Open a place for the message (DATA); MemoryFull where there is none."""

    def message_refused(reply: Reply) -> None:
        """A mail was refused with this reply: its MAIL or RCPT, its DATA, or its end mark.

        The receiver's own refusals are not among them.
        """

    def tls_began(version: str, cipher: str) -> None:
        """TLS is in use from here on, in this version and with this cipher."""

    def tls_failed(reason: str) -> None:
        """The TLS handshake has failed; the connection ends."""

    def challengers(secured: bool) -> dict[bytes, Callable[[], IChallengeResponse]]:
        """Return what makes cred's challenge-response credentials, by mechanism; empty: AUTH is unknown."""

    def login(credentials: IChallengeResponse, mechanism: bytes) -> Deferred[bytes | tuple[()]]:
        """Fire with cred's avatar ID of these credentials; fail with cred's LoginFailed."""

    def session_ended(reason: str) -> None:
        """The connection is closed; `reason` is empty after an orderly end."""


class IMailReceiver(Interface):
    """What the mail host asks of the machine beside it: which mail it accepts by SMTP, and where."""

    def accepts(recipient: Mailbox) -> bool:
        """Say whether the machine would accept mail for this address now."""

    def size_limit() -> int:
        """Return the size of the largest mail that the machine accepts, in octets."""

    def smtp_address() -> tuple[str, int] | None:
        """Return host and port where the machine accepts mail; None while it accepts none."""


@frozen
class TranscriptLine:
    """One line of a transcript."""

    at: float
    """Seconds since the epoch."""
    speaker: str
    """"C" client, "S" server, "-" something that happened."""
    text: str

    def __str__(self) -> str:
        """Return the line as `tests/transcripts` has it."""
        return f"-- {self.text}" if self.speaker == "-" else f"{self.speaker}: {self.text}"
