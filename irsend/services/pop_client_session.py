"""One session of the machine with a POP server, in the machine's order (docs/fidelity).

CAPA, STLS where the setting is on, CAPA again, login by the method that is set,
the transaction, QUIT. `pop_session_queue` decides when there is a session;
`receive.mail_fetch` is the transaction that fetches mail.

Standards: RFC 1939, RFC 2449 (CAPA), RFC 2595 (STLS), RFC 5034 (AUTH).
"""

from __future__ import annotations

from typing import Protocol

from attrs import frozen
from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.logger import Logger
from twisted.mail.pop3 import ServerErrorResponse

from irsend.device import codes
from irsend.device.device import Device
from irsend.device.mechanism_choice import Choice
from irsend.device.sessions import Session, TLSUse
from irsend.device.status import StatusText
from irsend.errors import MessageTooLarge
from irsend.protocols.pop3_client import POP3Client
from irsend.protocols.pop3_exchange import ProtocolViolation
from irsend.protocols.tls import ClientTLS, TLSFailed
from irsend.protocols.transcript import Transcript
from irsend.services.client_tls import client_tls, is_implicit
from irsend.services.error_text import OWN_ERROR, SWITCHED_OFF, error_text
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.network import Network, connect_client
from irsend.services.pop_login import LoginFailed, POPLogin
from irsend.services.sessions import Sessions
from irsend.services.timer import Timer
from irsend.store.group_commit import InThread

Capabilities = dict[bytes, list[bytes]]

# Characters of a server's reply that the journal keeps.
_LONGEST_REASON = 500
# Seconds; a longer LOGIN-DELAY is taken as this.
_LONGEST_LOGIN_DELAY = 86_400
# Response codes of a refused login that are not about user or password (RFC 2449 8, RFC 3206).
_NOT_ABOUT_THE_LOGIN = ("[IN-USE]", "[LOGIN-DELAY]", "[SYS/TEMP]", "[SYS/PERM]")
_NETWORK_ERRORS = (net.ConnectError, net.ConnectionLost, net.DNSLookupError, net.TimeoutError)


@frozen
class POPSessionFailed(Exception):
    """The session cannot go on: its reason, code and status text in the journal."""

    reason: str
    code: str | None = codes.POP_CONNECTION
    status: StatusText | None = None


@frozen(kw_only=True)
class OpenMaildrop:
    """A session that is logged in."""

    client: POP3Client
    server: str
    user: str
    session: int
    """Its number in the journal."""
    transcript: Transcript


class POPTransaction(Protocol):
    """What a session does with the maildrop that it has opened (RFC 1939 5)."""

    octets: int
    """Of the mails that were fetched."""
    messages: int

    def check(self) -> None:
        """Raise POPSessionFailed where the machine should not even connect."""

    async def run(self, maildrop: OpenMaildrop) -> None:
        """Run it, QUIT included; raise POPSessionFailed, or what the client raises."""


class POPClientSession:
    """One session, from its connection to its end, by the settings at its start.

    Without a `transaction` it is POP AUTH before Sending: it logs in and fetches
    nothing, and has no line in the report. `blocking` runs in a thread what may
    never return (GSSAPI).
    """

    log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        device: Device,
        configuration: LiveConfiguration,
        sessions: Sessions,
        network: Network,
        blocking: InThread,
        transaction: POPTransaction | None,
    ) -> None:
        self._clock = clock
        self._device = device
        self._configuration = configuration
        self._sessions = sessions
        self._network = network
        self._blocking = blocking
        self._transaction = transaction
        self._settings = device.settings
        self.server = self._settings.email_ifax.pop_server.strip("[]")
        self.user = self._settings.email_ifax.pop_address
        self.login_delay = 0
        """Seconds that the server asks for before the next login."""
        self._session, self._transcript = sessions.begin("pop-receive", self.server)
        if transaction is None:
            self._transcript.note("POP AUTH before Sending: nothing is fetched")
        self._client: POP3Client | None = None
        self._aborted = False
        self._auth: str | None = None
        self._connecting: Deferred[POP3Client] | None = None
        self._endpoint: IStreamClientEndpoint | None = None

    def abort(self) -> None:
        """Abort it: the machine is switched off."""
        self._aborted = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._client is not None:
            self._client.abort(POPSessionFailed(SWITCHED_OFF))

    async def run(self) -> Session:
        """Run the session; return it ended, OK or NG. Never fails."""
        failed: POPSessionFailed | None = None
        limit = self._configuration.current.limits.pop_session
        bound = Timer(self._clock)
        bound.start(limit, self._take_too_long)
        try:
            await self._converse()
        except POPSessionFailed as error:
            failed = error
        except ServerErrorResponse as error:
            failed = POPSessionFailed(f"the server refused: {server_text(error)}")
        except (*_NETWORK_ERRORS, ProtocolViolation) as error:
            failed = POPSessionFailed(error_text(error))
        except MessageTooLarge:
            failed = POPSessionFailed(
                "the server gave a message that is larger than it said, and too large"
            )
        except (TLSFailed, SSL.Error) as error:
            failed = (
                POPSessionFailed(SWITCHED_OFF) if self._aborted else _tls_failed(str(error))
            )
        except OSError as error:
            failed = POPSessionFailed(
                f"what was fetched cannot be kept: {error.strerror or error}"
            )
        except Exception:
            self.log.failure("While receiving by POP")
            failed = POPSessionFailed(OWN_ERROR)
        if self._client is not None:
            # After an error too: the server deletes the mails that are safe only at QUIT.
            await self._client.leave().addErrback(lambda _: None)
        bound.cancel()
        mac = None
        if self._endpoint is not None:
            mac = await self._network.mac_behind(self._endpoint)
        return self._end(failed, mac)

    def _take_too_long(self) -> None:
        if self._client is not None:
            self._client.abort(net.TimeoutError(string="the session took too long"))

    def _end(self, failed: POPSessionFailed | None, mac: str | None) -> Session:
        device, fetched = self._device, self._transaction
        if failed is not None:
            self._transcript.note(failed.reason)
        if failed is not None and fetched is not None:
            device.job_accepted(
                "rx",
                self.server,
                result="NG",
                code=failed.code,
                reason=failed.reason[:_LONGEST_REASON],
                sessions=(self._session.id,),
                started=self._session.started,
                ended=device.now(),
            )
        return self._sessions.end(
            self._session,
            reason=failed.reason[:_LONGEST_REASON] if failed else "",
            code=failed.code if failed else None,
            status=failed.status if failed else None,
            auth=self._auth,
            mac=mac,
            bytes=fetched.octets if fetched else 0,
            messages=fetched.messages if fetched else 0,
        )

    async def _converse(self) -> None:
        self._check()
        client = await self._connect()
        self._note_tls(client)
        capabilities = await client.capabilities()
        if self._settings.authent_encryption.allow_ssl_pop and client.tls is None:
            capabilities = await self._begin_tls(client, capabilities)
        self._auth = await self._log_in(client, capabilities)
        delay = capabilities.get(b"LOGIN-DELAY", [])
        if delay and delay[0].isdigit():
            self.login_delay = min(int(delay[0][:9]), _LONGEST_LOGIN_DELAY)
        if self._transaction is None:
            return
        client.pipelining = b"PIPELINING" in capabilities
        await self._transaction.run(
            OpenMaildrop(
                client=client,
                server=self.server,
                user=self.user,
                session=self._session.id,
                transcript=self._transcript,
            )
        )

    def _check(self) -> None:
        if self._aborted:
            raise POPSessionFailed(SWITCHED_OFF)
        if not self.server:
            raise POPSessionFailed("no POP Server is set (email_ifax.pop_server)")
        if self._transaction is not None:
            self._transaction.check()

    async def _connect(self) -> POP3Client:
        limits = self._configuration.current.limits
        self._endpoint = self._network.client_endpoint(
            self.server, self._settings.service_mode.pop3_port, limits.pop_connect
        )
        client = POP3Client(self._transcript, self._clock, reply_timeout=limits.pop_reply)
        self._connecting = connect_client(self._endpoint, client)
        try:
            await self._connecting
        except (CancelledError, net.ConnectingCancelledError):
            raise POPSessionFailed(SWITCHED_OFF) from None
        except ValueError:
            raise POPSessionFailed(f"{self.server} is not the name of a server") from None
        finally:
            self._connecting = None
        self._client = client
        if self._aborted:
            self.abort()
        tls, settings = self._tls(), self._settings
        port, ports = (
            settings.service_mode.pop3_port,
            self._configuration.current.tls.implicit_ports,
        )
        if tls is not None and is_implicit(self._device.model, port, ports):
            # Where it fails, the greeting fails with it.
            client.begin_tls(tls).addErrback(lambda _: None)
        try:
            await client.greeted
        except ServerErrorResponse as error:
            refused = POPSessionFailed(
                f"the server greeted with an error: {server_text(error)}"
            )
            client.abort(refused)
            raise refused from None
        return client

    # -- TLS and login ------------------------------------------------------------

    def _tls(self) -> ClientTLS | None:
        """Return what TLS is begun with; None where it is off, or the model has none."""
        model, window = self._device.model.tls, self._settings.authent_encryption
        if model is None or not window.allow_ssl_pop:
            return None
        return client_tls(
            self.server,
            model,
            verify=window.verify_pop,
            check_name=window.verify_cn,
            trust=self._configuration.current.tls.trust,
        )

    def _note_tls(self, client: POP3Client) -> None:
        if client.tls is not None:
            use = TLSUse(version=client.tls[0], cipher=client.tls[1])
            self._session = self._device.session_changed(self._session, tls=use)

    async def _begin_tls(self, client: POP3Client, capabilities: Capabilities) -> Capabilities:
        if b"STLS" not in capabilities:
            raise _tls_failed("the server does not offer STLS")
        tls = self._tls()
        if tls is None:
            raise _tls_failed(f"the {self._device.model.called} has no TLS")
        try:
            await client.start_tls(tls)
        except ServerErrorResponse as error:
            raise _tls_failed(f"the server refused STLS: {server_text(error)}") from None
        self._note_tls(client)
        found: Capabilities = await client.capabilities()
        return found

    async def _log_in(self, client: POP3Client, capabilities: Capabilities) -> str | None:
        """Log in by the method that is set; return the mechanism, None for USER and PASS."""
        login = POPLogin(
            client=client,
            model=self._device.model,
            settings=self._settings,
            server=self.server,
            blocking=self._blocking,
            chosen=self._mechanism_chosen,
            in_plain_text=self._configuration.current.tls.plain_passwords,
        )
        try:
            return await login.run(capabilities.get(b"SASL", []))
        except LoginFailed as error:
            raise POPSessionFailed(str(error), codes.POP_LOGIN) from None
        except ServerErrorResponse as error:
            reason = server_text(error)
            code = codes.POP_LOGIN
            if reason.startswith(_NOT_ABOUT_THE_LOGIN):
                code = codes.POP_CONNECTION
            raise POPSessionFailed(f"login refused: {reason}", code) from None

    def _mechanism_chosen(self, choice: Choice) -> None:
        self._session = self._device.session_changed(self._session, choice=choice.why)
        if choice.mechanism is not None:
            self._transcript.note(choice.why)


def _tls_failed(why: str) -> POPSessionFailed:
    return POPSessionFailed(f"TLS failed: {why}", status=StatusText.SSL_ERROR_POP)


def server_text(error: ServerErrorResponse) -> str:
    """Return the text of an -ERR reply."""
    return bytes(error.args[0]).decode("utf-8", "replace")
