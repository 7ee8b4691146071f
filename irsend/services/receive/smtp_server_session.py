"""One SMTP session of a client: the device's rules decide, its mails go to memory and dispatch.

Its end is written into journal, report and status line (docs/fidelity).
`smtp_listener` accepts the connection; `protocols.esmtp` speaks the protocol.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.mail.interfaces import IChallengeResponse
from zope.interface import implementer

from irsend.configuration_sections import MB
from irsend.device import receive_policy as policy
from irsend.device.device import Device
from irsend.device.sessions import TLSUse
from irsend.device.status import StatusText
from irsend.interfaces import ACCEPT, Envelope, IReception, Mailbox, Reply, Verdict
from irsend.message.trace import mailbox_text, smtp_trace
from irsend.protocols.tls import ServerTLS
from irsend.services.keyring import Keyring
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.receive.dispatch import Dispatch
from irsend.services.sessions import Sessions
from irsend.store.memory import Memory, StoredMessage


@implementer(IReception)
class SMTPServerSession:
    """One session of a client that brings mail to the machine."""

    def __init__(
        self,
        peer: str,
        own_address: str,
        *,
        device: Device,
        memory: Memory,
        configuration: LiveConfiguration,
        sessions: Sessions,
        keyring: Keyring,
        dispatch: Dispatch,
        mac: str | None,
        admit: bool,
        ended: Callable[[], None],
    ) -> None:
        self._device = device
        self._memory = memory
        self._configuration = configuration
        self._sessions = sessions
        self._keyring = keyring
        self._dispatch = dispatch
        self._ended = ended
        self._own_address = own_address
        self._admit = admit
        self._sender = ""
        self._cipher = ""
        self._status: StatusText | None = None
        self._refusal = ""
        self._octets = 0
        self._messages = 0
        self.host = configuration.host.encode("ascii")
        self.keywords = tuple(word.encode("ascii") for word in device.model.ehlo)
        self.size_limit = configuration.current.limits.message_size * MB
        self.session, self.transcript = sessions.begin("smtp-receive", peer, mac)
        self.steps = sessions.steps(self.session.id)

    def admitted(self) -> Verdict:
        """Refuse a session beyond the limits."""
        if self._admit:
            return ACCEPT
        self._refusal = policy.TOO_MANY_SESSIONS.text
        return Verdict.refuse(policy.TOO_MANY_SESSIONS, hang_up=True)

    def tls_context(self) -> ServerTLS | None:
        """Offer STARTTLS as the setting says."""
        return (
            self._keyring.server_tls if policy.starttls_offered(self._device.settings) else None
        )

    def greeted(self, helo: bytes, secured: bool) -> None:
        """Ignore the name, as printers do."""

    def sender_named(self, sender: Mailbox | None) -> None:
        """Remember the sender: the job of a mail that is refused has it too."""
        self._sender = mailbox_text(sender)

    def mail_allowed(self, secured: bool) -> Verdict:
        """Ask the rule of the setting; a refusal is shown on the status line."""
        verdict = policy.mail_allowed(self._device.settings, secured=secured)
        if verdict.reply is not None:
            self._status = StatusText.SMTP_RX_REJECT
            self._refusal = "mail in plain text is refused"
        return verdict

    def sender_allowed(self, sender: Mailbox | None, size: int) -> Verdict:
        """Accept any sender, where memory has room for the mail."""
        memory = self._memory
        return self._remember_refusal(
            policy.memory_allows(size, used=memory.used, capacity=memory.capacity)
        )

    def recipient_allowed(self, recipient: Mailbox) -> Verdict:
        """Ask the rule about the machine's own addresses."""
        return self._remember_refusal(
            policy.recipient_allowed(
                self._device.settings,
                recipient,
                names=self._configuration.current.tls.hostnames,
                own_address=self._own_address,
            )
        )

    def open_message(self, envelope: Envelope) -> StoredMessage:
        """Begin a mail in memory with its trace."""
        now = self._device.now()
        trace = smtp_trace(
            envelope, peer=self.session.peer, host=self.host, at=now, cipher=self._cipher
        )
        sender = mailbox_text(envelope.sender)
        recipients = tuple(mailbox_text(one) for one in envelope.recipients)

        def stored(message: StoredMessage) -> None:
            self._octets += message.size
            self._messages += 1
            self._dispatch.mail_stored(
                message.name, message.head_octets, sender, self.session.id, recipients
            )

        return self._memory.open_message(trace, on_stored=stored)

    def message_refused(self, reply: Reply) -> None:
        """Remember the reply, which is the reason in the journal."""
        self._refusal = reply.text

    def tls_began(self, version: str, cipher: str) -> None:
        """Record what was negotiated."""
        self._cipher = f"{version} {cipher}"
        self.transcript.note(self._cipher)
        tls = TLSUse(version=version, cipher=cipher)
        self.session = self._device.session_changed(self.session, tls=tls)

    def tls_failed(self, reason: str) -> None:
        """Show the failure on the status line."""
        self.transcript.note(f"TLS failed: {reason}")
        self._status = StatusText.SSL_ERROR_SMTP_RECEIVE
        self._refusal = f"TLS failed: {reason}"

    def challengers(self, secured: bool) -> dict[bytes, Callable[[], IChallengeResponse]]:
        """Offer no AUTH: the machine has no users."""
        return {}

    def login(
        self, credentials: IChallengeResponse, mechanism: bytes
    ) -> Deferred[bytes | tuple[()]]:
        """Never called, since no AUTH is offered."""
        raise AssertionError("AUTH was not offered")

    def session_ended(self, reason: str) -> None:
        """End the session; one that failed before it brought a mail gets a line in the report."""
        # A refusal within a session that brought mail all the same is in its transcript.
        why = reason or ("" if self._messages and not self._status else self._refusal)
        of_job = self._sessions.reason_with_faults(self.session.id, why)
        if self._admit and of_job and not self._messages:
            self._device.job_accepted(
                "rx",
                self._sender or self.session.peer,
                result="NG",
                reason=of_job,
                sessions=(self.session.id,),
                started=self.session.started,
                ended=self._device.now(),
            )
        self._sessions.end(
            self.session,
            reason=why,
            status=self._status,
            bytes=self._octets,
            messages=self._messages,
        )
        self._ended()

    def _remember_refusal(self, verdict: Verdict) -> Verdict:
        if verdict.reply is not None:
            self._refusal = verdict.reply.text
        return verdict
