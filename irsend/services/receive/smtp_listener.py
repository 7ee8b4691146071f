"""The SMTP listener: accepts sessions of clients while SMTP Receive is on (docs/fidelity)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, DeferredList, DeferredLock, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort, ITransport
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from zope.interface import implementer

from irsend.configuration_sections import MB
from irsend.device import receive_policy as policy
from irsend.device.device import Device
from irsend.device.events import Event, SettingsChanged
from irsend.device.windows import Settings
from irsend.errors import ConfigurationError, ValueRefused
from irsend.interfaces import IMailReceiver, Mailbox
from irsend.protocols.esmtp import ESMTP
from irsend.protocols.listen_failures import CannotListen
from irsend.protocols.server_endpoints import address_text, listen, reachable_host
from irsend.services.keyring import Keyring
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.network import Network
from irsend.services.reactor import IReactor
from irsend.services.receive.dispatch import Dispatch
from irsend.services.receive.smtp_server_session import SMTPServerSession
from irsend.services.sessions import Sessions
from irsend.services.timer import Timer
from irsend.store.memory import Memory

_STANDARD_PORT = 25
# Where a program on this host reaches what listens on every address.
# Seconds that a client has to take the 421 when the machine is switched off.
_SHUTDOWN_GRACE = 3
_LISTENS_BY = {"email_ifax.smtp_receive", "service_mode.smtp_rx_port"}


@implementer(IMailReceiver)
class SMTPListener(Service):
    """Listens at `endpoint` while SMTP Receive is on, and knows the sessions under way."""

    log = Logger()

    def __init__(
        self,
        endpoint: str,
        *,
        reactor: IReactor,
        device: Device,
        memory: Memory,
        configuration: LiveConfiguration,
        sessions: Sessions,
        network: Network,
        keyring: Keyring,
        dispatch: Dispatch,
    ) -> None:
        self._endpoint = endpoint
        self._reactor = reactor
        self._device = device
        self._memory = memory
        self._configuration = configuration
        self._sessions = sessions
        self._network = network
        self._keyring = keyring
        self._dispatch = dispatch
        self._ports: list[IListeningPort] = []
        self._under_way: dict[ESMTP, str] = {}
        self._all_ended: Deferred[None] | None = None
        self._stop_observing: Callable[[], None] = lambda: None
        self._changing = DeferredLock()
        self._restarting = Timer(reactor)

    @property
    def addresses(self) -> list[IAddress]:
        """Where it listens now."""
        return [port.getHost() for port in self._ports]

    def abort_start(self) -> None:
        """Close the ports at once, after a start that failed."""
        self._stop_listening()

    def smtp_address(self) -> tuple[str, int] | None:
        """Return host and port at which a program on this host reaches it."""
        for address in self.addresses:
            if isinstance(address, IPv4Address | IPv6Address):
                return reachable_host(address), address.port
        return None

    def size_limit(self) -> int:
        """Return the value of SIZE."""
        return self._configuration.current.limits.message_size * MB

    def accepts(self, recipient: Mailbox) -> bool:
        """Ask the rule, as a session from this host does."""
        address = self.smtp_address()
        if address is None:
            return False
        verdict = policy.recipient_allowed(
            self._device.settings,
            recipient,
            names=self._configuration.current.tls.hostnames,
            own_address=address[0],
        )
        return verdict.reply is None

    def startService(self) -> None:
        """Listen where the settings say so; CannotListen, ConfigurationError."""
        Service.startService(self)
        self._device.checks.append(self._check_port)
        self._stop_observing = self._device.observe(self._observe)
        self._listen()

    def stopService(self) -> Deferred[None]:
        """Stop listening, end the sessions with 421; fires when all have ended."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        Service.stopService(self)
        self._restarting.cancel()
        self._device.checks.remove(self._check_port)
        self._stop_observing()
        await self._stop_listening()
        if self._under_way:
            self._all_ended = Deferred()
            for session in list(self._under_way):
                session.shut_down()
            grace = Timer(self._reactor)
            grace.start(_SHUTDOWN_GRACE, self._abort_sessions)
            await self._all_ended
            grace.cancel()

    def restart(self, seconds: float) -> None:
        """Reset every session, and listen again after so many seconds: a restart, seen from the network."""
        self._abort_sessions()
        self._changing.run(self._stop_listening)
        self._restarting.start(seconds, lambda: self._changing.run(self._listen_again))

    def _abort_sessions(self) -> None:
        for session in list(self._under_way):
            session.transport.abortConnection()

    def _check_port(self, settings: Settings, values: Mapping[str, object]) -> None:
        """Refuse a port that cannot be listened on; ValueRefused."""
        description = self.listening_endpoint(settings)
        if not values.keys() & _LISTENS_BY or description in ("", self.listening_endpoint()):
            return
        try:
            tried = self._listening_at(description)
        except (CannotListen, ConfigurationError) as error:
            key = next(iter(values.keys() & _LISTENS_BY))
            why = str(error)
            if isinstance(error, CannotListen):
                # Its remedy is an option of the start, which this is not.
                why = f"{error.where}: {error.reason}"
            raise ValueRefused(key, f"the machine cannot listen there: {why}") from None
        for port in tried:
            # A port is closed in the reactor's next turn; whatever listens next waits for that.
            self._changing.run(port.stopListening)

    def listening_endpoint(self, settings: Settings | None = None) -> str:
        """Return the endpoint string, empty for none.

        The standard SMTP RX port means the port of `[listen] smtp`; any other
        replaces it.
        """
        settings = settings or self._device.settings
        if not settings.email_ifax.smtp_receive or not self._endpoint:
            return ""
        port = settings.service_mode.smtp_rx_port
        if port == _STANDARD_PORT:
            return self._endpoint
        return re.sub(r"^(tcp6?:(?:.*:)?port=|tcp6?:)[0-9]+", rf"\g<1>{port}", self._endpoint)

    def _observe(self, event: Event) -> None:
        if isinstance(event, SettingsChanged) and event.changes.keys() & _LISTENS_BY:
            # One after the other: a port is closed only in the reactor's next turn.
            self._changing.run(self._listen_again)

    def settled(self) -> Deferred[None]:
        """Fire when it listens as the present settings say."""
        settled: Deferred[None] = self._changing.run(lambda: None)
        return settled

    async def _listen_again(self) -> None:
        await self._stop_listening()
        if self.running:
            try:
                self._listen()
            except CannotListen as error:
                self.log.error("SMTP: {error}", error=str(error))

    def _listen(self) -> None:
        description = self.listening_endpoint()
        if not description:
            why = "SMTP Receive is off" if self._endpoint else "[listen] smtp is empty"
            self.log.info("SMTP: not listening ({why})", why=why, log_system="irsend")
            return
        self._ports = self._listening_at(description)
        for address in self.addresses:
            self.log.info(
                "SMTP: listening on {address}",
                address=address_text(address),
                log_system="irsend",
            )

    def _listening_at(self, description: str) -> list[IListeningPort]:
        replaced = description != self._endpoint
        return listen(
            self._reactor,
            "settings.service_mode.smtp_rx_port" if replaced else "listen.smtp",
            description,
            _Factory(self._session),
            through=self._network.server_endpoint,
        )

    def _stop_listening(self) -> Deferred[None]:
        ports, self._ports = self._ports, []
        return DeferredList(
            [maybeDeferred(port.stopListening) for port in ports], consumeErrors=True
        ).addCallback(lambda _: None)

    def _session(self) -> ESMTP:
        limits = self._configuration.current.limits

        def session_of(transport: ITransport) -> SMTPServerSession:
            peer = getattr(transport.getPeer(), "host", "local").removeprefix("::ffff:")
            own = getattr(transport.getHost(), "host", "").removeprefix("::ffff:")
            of_peer = sum(1 for other in self._under_way.values() if other == peer)
            admit = (
                len(self._under_way) < limits.sessions and of_peer < limits.sessions_per_peer
            )
            self._under_way[session] = peer
            return SMTPServerSession(
                peer,
                own,
                device=self._device,
                memory=self._memory,
                configuration=self._configuration,
                sessions=self._sessions,
                keyring=self._keyring,
                dispatch=self._dispatch,
                mac=self._network.link.mac_of_peer(transport),
                admit=admit,
                ended=lambda: self._ended(session),
            )

        session = ESMTP(
            session_of,
            self._reactor,
            recipients=limits.recipients,
            command_line=limits.command_line,
            errors=limits.errors,
            idle=limits.idle,
            message_idle=limits.message_idle,
        )
        return session

    def _ended(self, session: ESMTP) -> None:
        del self._under_way[session]
        if self._all_ended is not None and not self._under_way:
            self._all_ended.callback(None)


class _Factory(ServerFactory):
    """Makes a session for each connection."""

    noisy = False

    def __init__(self, make: Callable[[], ESMTP]) -> None:
        self._make = make

    def logPrefix(self) -> str:
        """Return the name of the protocol, for the log."""
        return "SMTP"

    def buildProtocol(self, addr: IAddress | None) -> ESMTP:
        session = self._make()
        session.factory = self
        return session
