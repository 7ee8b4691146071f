"""The receiving side of the mail host: for whom it takes mail, and where it keeps it.

The policy: anybody may bring mail, logged in or not, for an account (into its
Maildir) and for the machine (into the queue). Everything else is refused, also
to those who are logged in: this mail host does not relay to the Internet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime, ITransport
from twisted.mail.interfaces import IChallengeResponse
from zope.interface import implementer

from irsend.interfaces import (
    ACCEPT,
    Envelope,
    IMailReceiver,
    IMessageSink,
    IReception,
    ISteps,
    ITranscript,
    Mailbox,
    Reply,
    Verdict,
)
from irsend.mailhost.accounts import Accounts
from irsend.mailhost.maildirs import Maildirs
from irsend.mailhost.queue import Queue
from irsend.message.trace import smtp_trace
from irsend.protocols.esmtp import ESMTP
from irsend.protocols.tls import ServerTLS
from irsend.protocols.transcript import Silence
from irsend.store.memory import StoredMessage

RELAY_REFUSED = Reply(
    550,
    "Relay refused: this mail host takes mail for its accounts and for the machine beside it; "
    "it is not on the Internet",
    "5.7.1",
)
_KEYWORDS = (b"SIZE", b"8BITMIME", b"PIPELINING", b"ENHANCEDSTATUSCODES")
_SIZE_LIMIT = 100_000_000
# What the trace adds on the way to the machine, which must not make a mail too large for it.
_TRACE = 100_000


@frozen(kw_only=True)
class Relay:
    """What all sessions share."""

    host: bytes
    accounts: Accounts
    maildirs: Maildirs
    queue: Queue
    machine: IMailReceiver | None
    tls: Callable[[], ServerTLS | None]
    clock: IReactorTime
    now: Callable[[], float]
    steps: Callable[[str, ITranscript], ISteps | None] = lambda *_: None

    def session(self, gone: Callable[[ESMTP], None]) -> ESMTP:
        """Make the protocol of a session; `gone` is called when it is closed."""

        def receive(transport: ITransport) -> RelayReception:
            peer = getattr(transport.getPeer(), "host", "local").removeprefix("::ffff:")
            return RelayReception(self, peer, lambda: gone(session))

        session = ESMTP(receive, self.clock)
        return session

    def is_for_machine(self, recipient: Mailbox) -> bool:
        """Say whether mail for this address is handed to the machine."""
        return self.machine is not None and self.machine.accepts(recipient)


@implementer(IReception)
class RelayReception:
    """One session of a client that brings mail."""

    keywords = _KEYWORDS

    def __init__(self, relay: Relay, peer: str, ended: Callable[[], None]) -> None:
        self._relay = relay
        self._peer = peer
        self._ended = ended
        self._cipher = ""
        self.host = relay.host
        of_machine = relay.machine.size_limit() if relay.machine is not None else _SIZE_LIMIT
        self.size_limit = min(of_machine, _SIZE_LIMIT) - _TRACE
        self.transcript = Silence()
        self.steps = relay.steps("mailhost-smtp", self.transcript)

    def admitted(self) -> Verdict:
        """Admit everybody."""
        return ACCEPT

    def tls_context(self) -> ServerTLS | None:
        """Offer STARTTLS."""
        return self._relay.tls()

    def greeted(self, helo: bytes, secured: bool) -> None:
        """Do nothing."""

    def sender_named(self, sender: Mailbox | None) -> None:
        """Do nothing."""

    def mail_allowed(self, secured: bool) -> Verdict:
        """Take mail in plain text too."""
        return ACCEPT

    def sender_allowed(self, sender: Mailbox | None, size: int) -> Verdict:
        """Take mail from anybody."""
        return ACCEPT

    def recipient_allowed(self, recipient: Mailbox) -> Verdict:
        """Take mail for the accounts and for the machine."""
        if self._relay.accounts.account_of(recipient) or self._relay.is_for_machine(recipient):
            return ACCEPT
        return Verdict.refuse(RELAY_REFUSED)

    def open_message(self, envelope: Envelope) -> IMessageSink:
        """Begin a copy for each account, and one for the machine; MemoryFull."""
        relay = self._relay
        of_account: dict[str, Mailbox] = {}
        for_machine: list[Mailbox] = []
        for recipient in envelope.recipients:
            account = relay.accounts.account_of(recipient)
            if account is not None:
                of_account.setdefault(account, recipient)
            elif recipient not in for_machine:
                for_machine.append(recipient)
        copies = []
        for account, recipient in of_account.items():
            trace = self._trace(envelope, [recipient])
            maildir = relay.maildirs.of_account(account)
            copies.append(maildir.open_message(trace, on_stored=lambda _: None))
        if for_machine:
            trace = self._trace(envelope, for_machine)
            copies.append(
                relay.maildirs.queue.open_message(
                    trace, on_stored=lambda message: relay.queue.enqueue(message.name)
                )
            )
        return Copies(copies)

    def _trace(self, envelope: Envelope, recipients: Sequence[Mailbox]) -> bytes:
        # Each copy names its own recipients only: the others may be blind copies.
        own = attrs.evolve(envelope, recipients=tuple(recipients))
        at = self._relay.now()
        return smtp_trace(own, peer=self._peer, host=self.host, at=at, cipher=self._cipher)

    def message_refused(self, reply: Reply) -> None:
        """Do nothing: the client has the reply."""

    def tls_began(self, version: str, cipher: str) -> None:
        """Write down what was negotiated."""
        self._cipher = f"{version} {cipher}"
        self.transcript.note(self._cipher)

    def tls_failed(self, reason: str) -> None:
        """Write down why."""
        self.transcript.note(f"TLS failed: {reason}")

    def challengers(self, secured: bool) -> dict[bytes, Callable[[], IChallengeResponse]]:
        """Offer what the accounts can log in with."""
        return self._relay.accounts.challengers(secured)

    def login(self, credentials: Any, mechanism: bytes) -> Deferred[bytes | tuple[()]]:
        """Check them with the accounts."""
        return self._relay.accounts.requestAvatarId(credentials)

    def session_ended(self, reason: str) -> None:
        """Call the listener's end of session."""
        self._ended()


@implementer(IMessageSink)
class Copies:
    """A mail that is arriving, in as many places as it is for."""

    def __init__(self, copies: Sequence[StoredMessage]) -> None:
        self._copies = copies

    def write(self, content: bytes) -> None:
        """Write it to each; MemoryFull where one has no room."""
        for copy in self._copies:
            copy.write(content)

    def commit(self) -> Deferred[None]:
        """Fire when all are safe; fail where one is not, though others may be."""
        commits = [copy.commit() for copy in self._copies]
        return gatherResults(commits, consumeErrors=True).addCallbacks(
            lambda _: None, lambda failure: failure.value.subFailure
        )

    def abort(self) -> None:
        """Forget each."""
        for copy in self._copies:
            copy.abort()
