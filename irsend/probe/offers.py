"""What a mail server offers, asked by sessions of the probe's own: greeting, EHLO or CAPA, TLS.

They use the machine's protocol classes, and say no more than EHLO or CAPA, STARTTLS or
STLS, and QUIT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve, frozen
from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import HostnameEndpoint
from twisted.mail.pop3 import ServerErrorResponse

from irsend.device.model_tables import TLS_VERSIONS
from irsend.errors import IrsendError
from irsend.probe.target import Target
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.pop3_client import POP3Client
from irsend.protocols.pop3_exchange import ProtocolViolation
from irsend.protocols.smtp_client_replies import Refused, Timeouts, UnreadableReply
from irsend.protocols.tls import ClientTLS, TLSFailed
from irsend.protocols.tls_context import TLSProfile
from irsend.protocols.transcript import Silence
from irsend.services.error_text import error_text
from irsend.services.network import connect_client
from irsend.services.pop_client_session import server_text
from irsend.services.reactor import IReactor

VERSIONS = tuple(one for one in TLS_VERSIONS if one.startswith("TLS"))
"""The versions that are asked for: today's OpenSSL speaks no older ones."""
_INTERRUPTED = net.ConnectionLost("the probe was interrupted")
_EVERY_CIPHER = "ALL:@SECLEVEL=0"
_FAILURES = (
    CancelledError,
    net.ConnectError,
    net.ConnectionLost,
    net.DNSLookupError,
    net.TimeoutError,
    ProtocolViolation,
    ServerErrorResponse,
    Refused,
    SSL.Error,
    TLSFailed,
    UnreadableReply,
)


class NoServer(IrsendError):
    """There is no mail server there."""


@frozen(kw_only=True)
class Offers:
    """What the server offers."""

    greeting: str = ""
    plain: tuple[str, ...] = ()
    """What EHLO or CAPA lists before TLS, a line each."""
    secured: tuple[str, ...] = ()
    """The same under TLS; empty where TLS could not be begun."""
    tls_versions: tuple[str, ...] = ()
    """The versions of TLS that it accepts, the oldest first."""
    negotiated: str = ""
    """The version of TLS of this session."""
    problem: str = ""
    """Why not all of it could be asked."""

    @property
    def starts_tls(self) -> bool:
        """Whether STARTTLS or STLS is among what it lists in plain text."""
        return any(line.split()[:1] in (["STARTTLS"], ["STLS"]) for line in self.plain)

    @property
    def has_tls(self) -> bool:
        """Whether TLS can be begun, by STARTTLS, STLS or with the connection."""
        return self.starts_tls or bool(self.negotiated)

    @property
    def mechanisms_plain(self) -> tuple[str, ...]:
        """The SASL mechanisms offered in plain text."""
        return _mechanisms(self.plain)

    @property
    def mechanisms_secured(self) -> tuple[str, ...]:
        """The SASL mechanisms offered under TLS."""
        return _mechanisms(self.secured)


def _mechanisms(lines: tuple[str, ...]) -> tuple[str, ...]:
    found: list[str] = []
    for line in lines:
        verb, *names = line.replace("AUTH=", "AUTH ").split() or [""]
        if verb in ("AUTH", "SASL"):
            found += names
    return tuple(dict.fromkeys(found))


class Looking:
    """Sessions that look at one server and leave. `seconds` is how long an answer may take."""

    def __init__(
        self, target: Target, reactor: IReactor, identity: str, seconds: float
    ) -> None:
        self._target = target
        self._reactor = reactor
        self._identity = identity.encode("ascii", "replace")
        self._seconds = seconds
        self._abort: Callable[[], None] = lambda: None

    def abort(self) -> None:
        """End the session under way, if any."""
        self._abort()

    async def look(self) -> Offers:
        """Return greeting and lists; NoServer where nothing answers there as such a server does."""
        found = await self._session(VERSIONS[0], VERSIONS[-1])
        if not found.greeting:
            raise NoServer(f"There is no mail server at {self._target}: {found.problem}.")
        return found

    async def accepts(self, version: str) -> bool:
        """Say whether the server begins TLS in this version."""
        return (await self._session(version, version)).negotiated == version

    async def _session(self, oldest: str, newest: str) -> Offers:
        target = self._target
        profile = TLSProfile(oldest=oldest, newest=newest, ciphers=_EVERY_CIPHER)
        tls = ClientTLS.build(target.host, profile, server_name=True)
        client = self._pop_client() if target.is_pop else self._smtp_client()
        endpoint = HostnameEndpoint(
            self._reactor, target.host, target.port, timeout=self._seconds
        )
        connecting = connect_client(endpoint, client)
        self._abort = connecting.cancel
        try:
            await connecting
        except _FAILURES as error:
            return Offers(problem=error_text(error).rstrip("."))
        except ValueError:
            return Offers(problem=f"{target.host} is not the name of a server")
        self._abort = lambda: client.abort(_INTERRUPTED)
        if target.implicit_tls:
            # Where it fails, the greeting fails with it.
            client.begin_tls(tls).addErrback(lambda _: None)
        if isinstance(client, POP3Client):
            return await _look_pop(client, tls)
        return await _look_smtp(client, tls)

    def _smtp_client(self) -> ESMTPClient:
        timeouts = Timeouts(greeting=self._seconds, command=self._seconds)
        return ESMTPClient(Silence(), self._reactor, identity=self._identity, timeouts=timeouts)

    def _pop_client(self) -> POP3Client:
        return POP3Client(Silence(), self._reactor, reply_timeout=self._seconds)


async def _look_smtp(client: ESMTPClient, tls: ClientTLS) -> Offers:
    found = Offers()
    try:
        greeting = await client.greeted
        found = evolve(found, greeting=str(greeting))
        if greeting.code == 220 and client.tls is None:
            await client.hello()
            found = evolve(found, plain=_listed(client.extensions))
        if found.starts_tls:
            await client.start_tls(tls)
        if client.tls is not None:
            found = evolve(found, negotiated=client.tls[0])
            await client.hello()
            found = evolve(found, secured=_listed(client.extensions))
    except _FAILURES as error:
        found = evolve(found, problem=error_text(error))
    await client.quit()
    return found


async def _look_pop(client: POP3Client, tls: ClientTLS) -> Offers:
    try:
        greeting = await client.greeted
    except ServerErrorResponse as error:
        client.abort(error)
        return Offers(greeting=f"-ERR {server_text(error)}")
    except _FAILURES as error:
        return Offers(problem=error_text(error))
    found = Offers(greeting="+OK " + greeting.decode("utf-8", "replace"))
    try:
        if client.tls is None:
            found = evolve(found, plain=_capabilities(await client.capabilities()))
        if found.starts_tls:
            await client.start_tls(tls)
        if client.tls is not None:
            found = evolve(found, negotiated=client.tls[0])
            found = evolve(found, secured=_capabilities(await client.capabilities()))
    except _FAILURES as error:
        found = evolve(found, problem=error_text(error))
    await client.leave().addErrback(lambda _: None)
    return found


def _listed(extensions: Mapping[bytes, bytes]) -> tuple[str, ...]:
    return tuple(_line(keyword, [rest]) for keyword, rest in extensions.items())


def _capabilities(found: Mapping[bytes, list[bytes]]) -> tuple[str, ...]:
    return tuple(_line(name, rest) for name, rest in found.items())


def _line(name: bytes, rest: list[bytes]) -> str:
    return b" ".join([name, *rest]).decode("utf-8", "replace").strip()
