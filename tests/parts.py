"""A machine's real parts for tests, on a directory of the test's own, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import attrs
from attrs import define
from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock

from irsend.configuration import Configuration
from irsend.device import Device, load_model
from irsend.link.enforcement import Nothing
from irsend.link.link import Link
from irsend.protocols.tls import ServerTLS
from irsend.protocols.tls_context import TLSProfile
from irsend.services.keyring import Keyring
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.network import Network
from irsend.services.pop_session_queue import POPSessionQueue
from irsend.services.print.retention import Retention
from irsend.services.receive.dispatch import Dispatch
from irsend.services.receive.pop_poller import POPPoller
from irsend.services.receive.smtp_listener import SMTPListener
from irsend.services.receive.smtp_server_session import SMTPServerSession
from irsend.services.send.delivery import Delivery, Login, Server
from irsend.services.send.smtp_client_session import SMTPClientSession
from irsend.services.sessions import Sessions
from irsend.store.group_commit import GroupCommit
from irsend.store.journal import Journal
from irsend.store.kept_mails import KeptMails
from irsend.store.keys import KeyMaterial, KeyStore, generate_key_material, read_key_material
from irsend.store.mail_index import MailIndex
from irsend.store.memory import Memory
from irsend.store.transcripts import Transcripts
from irsend.store.tray import Tray

NAMES = ("ir2270.bench.test", "192.0.2.1")
AT = 1_234_567_890.0
"""When tests take place, in seconds since the epoch."""


@cache
def key_material(bits: int = 2048) -> KeyMaterial:
    """Return a key and certificate for NAMES, the same for all tests of a run."""
    return read_key_material(*key_pem(bits))


@cache
def key_pem(bits: int) -> tuple[bytes, bytes]:
    """Return the same as PEM: certificate and key."""
    return generate_key_material(NAMES, bits, AT)


def server_tls(oldest: str = "TLS 1.0", newest: str = "TLS 1.3") -> ServerTLS:
    """Return what a server of a test answers STARTTLS or STLS with."""
    key = key_material()
    profile = TLSProfile(oldest=oldest, newest=newest, ciphers="ALL:@SECLEVEL=0")
    return ServerTLS.build(key.certificates, key.key, profile)


def at_once(work: Callable[[], Any]) -> Deferred[Any]:
    """Do in the test's own thread what the machine does in another."""
    return execute(work)


class ConnectedNetwork(Network):
    """A network whose servers are the test's own, where it sets `connect`."""

    connect: Callable[[str, int, float], IStreamClientEndpoint] | None = None

    def client_endpoint(self, host: str, port: int, timeout: float) -> IStreamClientEndpoint:
        """Return the test's endpoint, or a real one."""
        if self.connect is None:
            return super().client_endpoint(host, port, timeout)
        return self.connect(host, port, timeout)


@define(eq=False)
class Parts:
    """The parts that a test of one service needs of a machine."""

    device: Device
    memory: Memory
    journal: Journal
    clock: Clock
    configuration: LiveConfiguration
    sessions: Sessions
    network: ConnectedNetwork
    keyring: Keyring
    dispatch: Dispatch
    """Gives mails their jobs, and passes nothing on: it is not started."""
    capacity: int
    """Octets that memory has room for."""

    def configure(self, section: str, **values: Any) -> None:
        """Change values of a section, as a configuration that is read again does."""
        current = self.configuration.current
        changed = attrs.evolve(getattr(current, section), **values)
        self.configuration.current = attrs.evolve(current, **{section: changed})

    def pop_sessions(self) -> POPSessionQueue:
        """Return what holds POP sessions."""
        return POPSessionQueue(
            clock=self.clock,
            device=self.device,
            configuration=self.configuration,
            sessions=self.sessions,
            network=self.network,
            blocking=at_once,
        )

    def pop_poller(self, pop_sessions: POPSessionQueue) -> POPPoller:
        """Return a poller."""
        return POPPoller(
            clock=self.clock,
            device=self.device,
            memory=self.memory,
            journal=self.journal,
            configuration=self.configuration,
            pop_sessions=pop_sessions,
            dispatch=self.dispatch,
        )

    def smtp_listener(self, endpoint: str = "") -> SMTPListener:
        """Return a listener."""
        return SMTPListener(
            endpoint,
            reactor=self.clock,
            device=self.device,
            memory=self.memory,
            configuration=self.configuration,
            sessions=self.sessions,
            network=self.network,
            keyring=self.keyring,
            dispatch=self.dispatch,
        )

    def smtp_session(
        self, made_of: type[SMTPServerSession] = SMTPServerSession
    ) -> SMTPServerSession:
        """Return the session of a client at 192.0.2.7."""
        return made_of(
            "192.0.2.7",
            "192.0.2.1",
            device=self.device,
            memory=self.memory,
            configuration=self.configuration,
            sessions=self.sessions,
            keyring=self.keyring,
            dispatch=self.dispatch,
            mac=None,
            admit=True,
            ended=lambda: None,
        )

    def smtp_client_session(
        self,
        server: Server,
        delivery: Delivery,
        login: Login,
        read_token: Callable[[], Deferred[bytes]] | None,
    ) -> SMTPClientSession:
        """Return a session with a server, by the settings of now."""
        return SMTPClientSession(
            self.device.settings,
            server,
            delivery,
            login,
            read_token,
            clock=self.clock,
            device=self.device,
            configuration=self.configuration,
            sessions=self.sessions,
            network=self.network,
            blocking=at_once,
        )


def make_parts(
    directory: Path,
    *,
    model: str = "ir2270",
    settings: dict[str, object] | None = None,
    capacity: int = 10_000_000,
    in_thread: Callable[[Callable[[], Any]], Deferred[Any]] = at_once,
    **limits: int,
) -> Parts:
    """Return parts on an empty directory."""
    clock = Clock()

    def now() -> float:
        return AT + clock.seconds()

    the_model = load_model(model)
    configuration = Configuration(model=the_model)
    live = LiveConfiguration(
        attrs.evolve(
            configuration,
            tls=attrs.evolve(configuration.tls, hostnames=NAMES),
            limits=attrs.evolve(configuration.limits, **limits),
        )
    )
    device = Device(model=the_model, settings=the_model.initial_settings(), now=now)
    for part in ("memory", "sessions", "keys"):
        (directory / part).mkdir(parents=True)
    memory = Memory(directory / "memory", lambda: parts.capacity, GroupCommit(in_thread), now)
    memory.open_directory()
    transcripts = Transcripts(directory / "sessions")
    journal = Journal(
        directory / "journal.sqlite", transcripts, at_once, clock, sessions_kept=lambda: 1000
    )
    journal.open(device)
    device.observe(journal.observe)
    device.running = True
    device.change_settings(settings or {})
    if the_model.tls is not None:
        KeyStore(directory / "keys").save(*key_pem(the_model.tls.key_bits))
    keyring = Keyring(directory / "keys", device=device, configuration=live, at_first_use=True)
    nobody: Any = None
    parts = Parts(
        device=device,
        memory=memory,
        journal=journal,
        clock=clock,
        configuration=live,
        sessions=Sessions(device=device, journal=journal, configuration=live),
        network=ConnectedNetwork(reactor=clock, link=Link(Nothing()), on_disk=at_once),
        keyring=keyring,
        dispatch=Dispatch(
            clock=clock,
            device=device,
            memory=memory,
            journal=journal,
            on_disk=at_once,
            print_queue=nobody,
            reassembly=nobody,
            full_mode=nobody,
            notifier=nobody,
            retention=make_retention(device, memory, journal, live, clock),
        ),
        capacity=capacity,
    )
    return parts


def make_retention(
    device: Device,
    memory: Memory,
    journal: Journal,
    configuration: LiveConfiguration,
    clock: Clock,
) -> Retention:
    """Return what keeps printed mails, beside the memory, with an empty tray."""
    tray = Tray(memory.directory.parent / "tray", at_once)
    tray.open_directory()
    kept = KeptMails(memory.directory.parent / "mails", memory, at_once)
    kept.open_directory()
    return Retention(
        clock=clock,
        device=device,
        journal=journal,
        configuration=configuration,
        tray=tray,
        memory=memory,
        kept_mails=kept,
        mail_index=MailIndex(journal),
    )


def mails_in(parts: Parts) -> list[bytes]:
    """Return the mails in memory, oldest first."""
    paths = (parts.memory.path(name) for name in parts.memory.names())
    return [path.read_bytes() for path in paths if path is not None]
