"""Receiving by SMTP: the machine is the server (device.md 3.1).

Listens while SMTP Receive is on. `Reception` is what one session asks: it puts
the policies of `device.reception` before the memory of `store.memory`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import (
    Deferred,
    DeferredList,
    DeferredLock,
    inlineCallbacks,
    maybeDeferred,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from zope.interface import implementer

from irsend.device import reception as policy
from irsend.device.events import Event, SettingsChanged
from irsend.device.sessions import TLSUse
from irsend.device.status import StatusText
from irsend.interfaces import ACCEPT, Envelope, IPostBox, IReception, Mailbox, Reply, Verdict
from irsend.message.trace import mailbox_text, smtp_trace
from irsend.protocols.esmtp import ESMTP
from irsend.protocols.listening import address_text, listen
from irsend.services.bench import Bench
from irsend.store.memory import StoredMessage

_STANDARD_PORT = 25
# Where a program on this host reaches what listens on every address.
_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
# How long a client may take to hear the 421 when the machine is switched off, in seconds.
_LAST_WORDS = 3
_LISTENS_BY = {"email_ifax.smtp_receive", "service_mode.smtp_rx_port"}


@implementer(IReception)
class Reception:
    """One session of a client that brings mail to the machine."""

    def __init__(
        self,
        bench: Bench,
        peer: str,
        own_address: str,
        *,
        admit: bool,
        ended: Callable[[], None],
    ) -> None:
        self._bench = bench
        self._ended = ended
        self._own_address = own_address
        self._admit = admit
        self._sender = ""
        self._cipher = ""
        self._status: StatusText | None = None
        self._refusal = ""
        self._octets = 0
        self._messages = 0
        self.host = bench.host.encode("ascii")
        self.keywords = tuple(word.encode("ascii") for word in bench.device.model.ehlo)
        self.size_limit = bench.limits.message_size * 1_000_000
        self.session, self.transcript = bench.begin_session("smtp-receive", peer)

    def admitted(self) -> Verdict:
        """Send away who is one too many."""
        if self._admit:
            return ACCEPT
        self._refusal = policy.TOO_MANY_SESSIONS.text
        return Verdict.refuse(policy.TOO_MANY_SESSIONS, hang_up=True)

    def tls_context(self) -> Any:
        """Offer STARTTLS as the setting says."""
        return (
            self._bench.server_tls
            if policy.starttls_offered(self._bench.device.settings)
            else None
        )

    def greeted(self, helo: bytes, secured: bool) -> None:
        """Take no notice: a printer does not look at names."""

    def mail_allowed(self, secured: bool) -> Verdict:
        """Ask the setting; a refusal comes on the status line."""
        verdict = policy.mail_allowed(self._bench.device.settings, secured=secured)
        if verdict.reply is not None:
            self._status = StatusText.SMTP_RX_REJECT
            self._refusal = "mail in plain text is refused"
        return verdict

    def sender_allowed(self, sender: Mailbox | None, size: int) -> Verdict:
        """Ask the memory; anybody may send."""
        self._sender = mailbox_text(sender)
        memory = self._bench.memory
        return self._noted(
            policy.memory_allows(size, used=memory.used, capacity=memory.capacity)
        )

    def recipient_allowed(self, recipient: Mailbox) -> Verdict:
        """Ask the settings whose mail this machine takes."""
        return self._noted(
            policy.recipient_allowed(
                self._bench.device.settings,
                recipient,
                names=self._bench.names,
                own_address=self._own_address,
            )
        )

    def open_message(self, envelope: Envelope) -> StoredMessage:
        """Begin a mail in memory, behind its trace."""
        now = self._bench.device.now()
        trace = smtp_trace(
            envelope, peer=self.session.peer, host=self.host, at=now, cipher=self._cipher
        )
        sender = mailbox_text(envelope.sender)

        def kept(message: StoredMessage) -> None:
            self._octets += message.size
            self._messages += 1
            self._bench.mail_kept(message.name, message.beginning, sender, self.session.id)

        return self._bench.memory.open_message(trace, kept=kept)

    def message_refused(self, reply: Reply) -> None:
        """Remember why."""
        self._refusal = reply.text

    def tls_began(self, version: str, cipher: str) -> None:
        """Write down what was negotiated."""
        self._cipher = f"{version} {cipher}"
        self.transcript.note(self._cipher)
        tls = TLSUse(version=version, cipher=cipher)
        self.session = self._bench.device.session_changed(self.session, tls=tls)

    def tls_failed(self, reason: str) -> None:
        """Bring it on the status line."""
        self.transcript.note(f"TLS failed: {reason}")
        self._status = StatusText.SSL_ERROR_SMTP_RECEIVE
        self._refusal = f"TLS failed: {reason}"

    def challengers(self, secured: bool) -> dict[bytes, Any]:
        """Offer no AUTH: the machine has no users."""
        return {}

    def login(self, credentials: Any, mechanism: bytes) -> Deferred[Any]:
        """Be never asked, since nothing is offered."""
        raise AssertionError("AUTH was not offered")

    def session_ended(self, reason: str) -> None:
        """Close the session; one that failed before it brought a mail has a line in the report."""
        # A refusal within a session that brought mail all the same is in its transcript.
        why = reason or ("" if self._messages and not self._status else self._refusal)
        if self._admit and why and not self._messages:
            self._bench.device.job_accepted(
                "rx",
                self._sender or self.session.peer,
                result="NG",
                sessions=(self.session.id,),
                started=self.session.started,
                ended=self._bench.device.now(),
            )
        self._bench.end_session(
            self.session,
            reason=why,
            status=self._status,
            bytes=self._octets,
            messages=self._messages,
        )
        self._ended()

    def _noted(self, verdict: Verdict) -> Verdict:
        if verdict.reply is not None:
            self._refusal = verdict.reply.text
        return verdict


@implementer(IPostBox)
class Receiving(Service):
    """Listens while SMTP Receive is on, and knows the sessions under way."""

    log = Logger()

    def __init__(self, bench: Bench, endpoint: str) -> None:
        self._bench = bench
        self._endpoint = endpoint
        self._ports: list[IListeningPort] = []
        self._under_way: dict[ESMTP, str] = {}
        self._all_gone: Deferred[None] | None = None
        self._forget: Any = None
        self._changing = DeferredLock()

    @property
    def addresses(self) -> list[IAddress]:
        """Where it listens now."""
        return [port.getHost() for port in self._ports]

    def smtp_address(self) -> tuple[str, int] | None:
        """Return where a program on this host reaches it."""
        address: Any
        for address in self.addresses:
            if hasattr(address, "port"):
                host: str = _LOOPBACK_OF.get(address.host, address.host)
                return host, address.port
        return None

    def takes(self, recipient: Mailbox) -> bool:
        """Ask the policy, as a session from this host would."""
        address = self.smtp_address()
        if address is None:
            return False
        verdict = policy.recipient_allowed(
            self._bench.device.settings,
            recipient,
            names=self._bench.names,
            own_address=address[0],
        )
        return verdict.reply is None

    def startService(self) -> None:
        """Listen where the settings say so; an address that cannot be had raises."""
        Service.startService(self)
        self._forget = self._bench.device.observe(self._observe)
        self._listen()

    @inlineCallbacks
    def stopService(self) -> Any:
        """Stop listening, end the sessions with 421, and wait until they are gone."""
        Service.stopService(self)
        self._forget()
        yield self._stop_listening()
        if self._under_way:
            self._all_gone = Deferred()
            for session in list(self._under_way):
                session.shut_down()
            giving_up = self._bench.clock.callLater(_LAST_WORDS, self._abort_sessions)
            yield self._all_gone
            if giving_up.active():
                giving_up.cancel()

    def _abort_sessions(self) -> None:
        for session in list(self._under_way):
            session.transport.abortConnection()

    def listening_endpoint(self) -> str:
        """Return the endpoint string, empty for none.

        At its standard value the SMTP RX port is the bench's [listen] smtp; any
        other is listened on as it is.
        """
        settings = self._bench.device.settings
        if not settings.email_ifax.smtp_receive or not self._endpoint:
            return ""
        port = settings.service_mode.smtp_rx_port
        if port == _STANDARD_PORT:
            return self._endpoint
        return re.sub(r"^(tcp6?):(port=)?[0-9]+", rf"\1:{port}", self._endpoint)

    def _observe(self, event: Event) -> None:
        if isinstance(event, SettingsChanged) and event.changes.keys() & _LISTENS_BY:
            # One after the other: a port is closed only in the reactor's next turn.
            self._changing.run(self._listen_again)

    def settled(self) -> Deferred[None]:
        """Fire when it listens as the settings of now say."""
        settled: Deferred[None] = self._changing.run(lambda: None)
        return settled

    @inlineCallbacks
    def _listen_again(self) -> Any:
        yield self._stop_listening()
        if self.running:
            try:
                self._listen()
            except CannotListenError as error:
                self.log.error("SMTP: cannot listen any more: {error}", error=error)

    def _listen(self) -> None:
        description = self.listening_endpoint()
        if not description:
            why = "SMTP Receive is off" if self._endpoint else "[listen] smtp is empty"
            self.log.info("SMTP: not listening ({why})", why=why)
            return
        self._ports = listen(
            self._bench.clock, "listen.smtp", description, _Factory(self._session)
        )
        for address in self.addresses:
            self.log.info("SMTP: listening on {address}", address=address_text(address))

    def _stop_listening(self) -> Deferred[Any]:
        ports, self._ports = self._ports, []
        return DeferredList(
            [maybeDeferred(port.stopListening) for port in ports], consumeErrors=True
        )

    def _session(self) -> ESMTP:
        limits = self._bench.limits

        def receive(transport: Any) -> Reception:
            peer = getattr(transport.getPeer(), "host", "local").removeprefix("::ffff:")
            own = getattr(transport.getHost(), "host", "").removeprefix("::ffff:")
            of_peer = sum(1 for other in self._under_way.values() if other == peer)
            admit = (
                len(self._under_way) < limits.sessions and of_peer < limits.sessions_per_peer
            )
            self._under_way[session] = peer
            return Reception(
                self._bench, peer, own, admit=admit, ended=lambda: self._gone(session)
            )

        session = ESMTP(
            receive,
            self._bench.clock,
            recipients=limits.recipients,
            command_line=limits.command_line,
            errors=limits.errors,
            idle=limits.idle,
            message_idle=limits.message_idle,
        )
        return session

    def _gone(self, session: ESMTP) -> None:
        del self._under_way[session]
        if self._all_gone is not None and not self._under_way:
            self._all_gone.callback(None)


class _Factory(ServerFactory):
    """Makes a session for each connection."""

    noisy = False

    def __init__(self, session: Any) -> None:
        self._session = session

    def logPrefix(self) -> str:
        """Name it in the log as people know it."""
        return "SMTP"

    def buildProtocol(self, addr: IAddress | None) -> ESMTP:
        session: ESMTP = self._session()
        session.factory = self
        return session
