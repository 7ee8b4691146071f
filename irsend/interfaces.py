"""What one part asks of another, and the values that cross between them: the plan of the house.

    wire -> protocols -> IReception: may it? for whom? -> IMessageSink: the bytes -> the final 250
                      -> ITranscript: what was said

    panel -> IMachine: what the machine shows, and what its keys do

Reply texts are str and ASCII; what came from the wire is bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from twisted.internet.defer import Deferred


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
        """Return it as it stands in a path, quoted where it must be, without angle brackets."""
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
    """Where a protocol writes down what is said, line by line."""

    def client(line: bytes) -> None:
        """Write down a line of the client's."""

    def server(line: bytes) -> None:
        """Write down a line of the server's."""

    def note(text: str) -> None:
        """Write down something that happened: TLS began, the connection was closed."""


class IMessageSink(Interface):
    """Where a message goes as it arrives."""

    def write(content: bytes) -> None:
        """Take the next octets; MemoryFull when there is no room for them."""

    def commit() -> Deferred[None]:
        """Fire once the message will survive a crash; until then nobody is responsible for it."""

    def abort() -> None:
        """Forget the message; nothing of it remains."""


class IReception(Interface):
    """One SMTP session's questions to whoever receives: the machine, or the mail host.

    Each verdict may also be a Deferred of one; the protocol waits for it.
    """

    host: bytes = Attribute("The name that greets.")
    keywords: tuple[bytes, ...] = Attribute(
        "The EHLO words announced, without STARTTLS and AUTH."
    )
    size_limit: int = Attribute("The largest message taken, in octets; the value of SIZE.")
    transcript: ITranscript = Attribute("Where the session is written down.")

    def tls_context() -> Any:
        """Return the context factory for STARTTLS, or None where it is not offered."""

    def greeted(helo: bytes, secured: bool) -> None:
        """Hear the client's name, at every HELO and EHLO."""

    def admitted() -> Verdict:
        """May this peer have a session at all? (before the greeting)."""

    def mail_allowed(secured: bool) -> Verdict:
        """May mail come in plain text, or under TLS? (MAIL, before anything else of it is looked at)."""

    def sender_allowed(sender: Mailbox | None, size: int) -> Verdict:
        """May this sender begin a message of this size (0: not said)? (MAIL)."""

    def recipient_allowed(recipient: Mailbox) -> Verdict:
        """Is this message for somebody here? (RCPT)."""

    def open_message(envelope: Envelope) -> IMessageSink:
        """Open a place for the message (DATA); MemoryFull where there is none."""

    def message_refused(reply: Reply) -> None:
        """Hear that a mail transaction ended with this reply instead of its 250."""

    def tls_began(version: str, cipher: str) -> None:
        """Hear that TLS is in use from here on, and which."""

    def tls_failed(reason: str) -> None:
        """Hear that TLS went wrong; the connection is at its end."""

    def challengers(secured: bool) -> dict[bytes, Any]:
        """Return what makes cred's challenge-response credentials, by mechanism; empty: AUTH is unknown."""

    def login(credentials: Any, mechanism: bytes) -> Deferred[Any]:
        """Fire when these credentials are somebody's; fail with cred's LoginFailed."""

    def session_ended(reason: str) -> None:
        """Hear that the connection is closed. `reason` is empty for an orderly end."""


class IPostBox(Interface):
    """What the mail host knows of the machine beside it: which mail is its, and where it takes it."""

    def takes(recipient: Mailbox) -> bool:
        """Say whether the machine would take mail for this address by SMTP now."""

    def largest() -> int:
        """Return how many octets a mail may have that the machine takes."""

    def smtp_address() -> tuple[str, int] | None:
        """Return host and port where the machine takes mail; None while it takes none."""


class IMachine(Interface):
    """The machine as its panel sees it. What reads a disk answers by a Deferred.

    Values of `irsend.device` come out; times are seconds since the epoch.
    """

    device = Attribute(
        "The Device: model, settings, status line, sessions under way, `observe`."
    )

    def memory() -> tuple[int, int]:
        """Return the octets of memory in use, and its capacity."""

    def mac_filter() -> tuple[str, int]:
        """Return the way the MAC address filter is enforced, and how many frames it has dropped.

        Where frames cannot be dropped it is connections that were refused.
        """

    def change_settings(given: dict[str, object]) -> dict[str, Any]:
        """Change items at the machine by whole key; SettingsRefused names each wrong one."""

    def factory_reset() -> None:
        """Forget what was changed at the machine."""

    def receive() -> Deferred[Any]:
        """Fetch mail from the POP server now; fires with the `Session` when it has ended.

        Raises CannotReceive where the settings forbid it or do not say from where.
        """

    def scan_directory() -> Path:
        """Return a new, empty directory for originals; whoever asked for it removes it."""

    def read_order(originals: Sequence[Any], given: dict[str, object]) -> Any:
        """Return the `SendOrder` of these `Original` values and words; SendRefused names each wrong one."""

    def send(order: Any) -> Deferred[Any]:
        """Scan and queue; fires with the `Job` once it will survive a crash.

        Fails with ScanRefused or MemoryFull: then nothing is queued. May be
        cancelled until it fires.
        """

    def job_ended(number: str) -> Deferred[Any]:
        """Fire with the newest job of this number when it has ended; NoSuchRecord."""

    def next_login() -> float | None:
        """Return when the POP server lets the machine log in again (LOGIN-DELAY); None for now."""

    def status_history(limit: int = 100) -> Deferred[list[Any]]:
        """Give the newest `StatusEntry` values, newest first."""

    def sessions(
        limit: int = 100,
        before: int | None = None,
        kind: str | None = None,
        peer: str | None = None,
        result: str | None = None,
        code: str | None = None,
    ) -> Deferred[list[Any]]:
        """Give `Session` values, newest first, those under way among them."""

    def session(id: int) -> Deferred[Any]:
        """Give one `Session`; NoSuchRecord."""

    def settings_at(at: float) -> Deferred[dict[str, Any]]:
        """Give what the settings were at a time, by whole key; secrets are not among them."""

    def transcript(id: int) -> Deferred[list[TranscriptLine]]:
        """Give what was said in a session, so far or to its end; NoSuchRecord."""

    def jobs(limit: int = 100) -> Deferred[list[Any]]:
        """Give the newest `Job` values, newest first."""

    def job(number: str) -> Deferred[Any]:
        """Give the newest job of this number; NoSuchRecord."""

    def cancel_job(number: str) -> Deferred[Any]:
        """Cancel a job that waits or runs; NoSuchRecord, CannotCancel."""

    def change_paper(paper: bool) -> None:
        """Put paper into the drawer, or take it out: while there is none, what was received waits."""

    def documents() -> list[Any]:
        """Return the `Document` values in the tray, newest first."""

    def document(number: str) -> Any:
        """Return one of them; NoSuchRecord."""

    def document_file(number: str) -> Path:
        """Return where the PDF of a document is; NoSuchRecord."""

    def draw_page(number: str, page: int, dots: int) -> Deferred[bytes]:
        """Give a page as a PNG, at so many dots an inch; NoSuchRecord, CannotDraw."""

    def read_page(number: str, page: int) -> Deferred[Any]:
        """Give the `PageText` of a page; NoSuchRecord, CannotDraw."""

    def set_text(text: str, title: str) -> Deferred[bytes]:
        """Give a text as the machine sets it on its paper, as a PDF of this title; CannotDraw."""

    def take_document(number: str) -> Deferred[None]:
        """Take a document out of the tray, for good; NoSuchRecord."""

    def key_description() -> dict[str, Any] | None:
        """Return subject, names, validity, bits and fingerprint of the certificate; None without one."""

    def generate_key() -> Deferred[dict[str, Any]]:
        """Make a new key and certificate, use them, and describe them."""

    def import_key(certificate: bytes, key: bytes) -> dict[str, Any]:
        """Use this key and certificate (PEM) from now on; KeyMaterialError."""


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
