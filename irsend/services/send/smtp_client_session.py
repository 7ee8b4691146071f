"""One session of the machine with an SMTP server, which hands a mail over (docs/sending).

Greeting, EHLO, STARTTLS where the setting is on and the server has it (plain
text without an error where not), EHLO again, AUTH by the model's order where
that is on, then each part of the mail, then QUIT. `attempt` decides when there
is a session, and with which server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from irsend.device import codes
from irsend.device.device import Device
from irsend.device.send_policy import Step, helo_name
from irsend.device.sessions import SessionChanges, TLSUse
from irsend.device.windows import Settings
from irsend.interfaces import Mailbox
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.smtp_client_replies import Refused, ServerReply, Timeouts
from irsend.protocols.tls import ClientTLS
from irsend.services.client_tls import client_tls
from irsend.services.error_text import OWN_ERROR
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.network import Network, connect_client
from irsend.services.send.delivery import Delivery, Login, Server
from irsend.services.send.delivery_results import (
    DeliveryResult,
    SessionFailed,
    failure_of,
    refusal_of,
    refused,
)
from irsend.services.send.quirks import dialect_of, turned_on
from irsend.services.send.smtp_login import SMTPLogin
from irsend.services.sessions import Sessions
from irsend.services.timer import Timer
from irsend.store.group_commit import InThread

# Seconds between two reports of the octets sent so far, while a message is sent.
_REPORT_EVERY = 0.25


class SMTPClientSession:
    """One session, from its connection to its end, by these settings.

    Without a `login` there is no AUTH, whatever the settings are; `read_token` gives
    the access token of XOAUTH2. `blocking` runs in a thread what may never
    return (GSSAPI).
    """

    log = Logger()

    def __init__(
        self,
        settings: Settings,
        server: Server,
        delivery: Delivery,
        login: Login | None,
        read_token: Callable[[], Deferred[bytes]] | None,
        *,
        clock: IReactorTime,
        device: Device,
        configuration: LiveConfiguration,
        sessions: Sessions,
        network: Network,
        blocking: InThread,
    ) -> None:
        self._clock = clock
        self._device = device
        self._configuration = configuration
        self._sessions = sessions
        self._network = network
        self._blocking = blocking
        self._server = server
        self._delivery = delivery
        self._login = login
        self._read_token = read_token
        self._smtp_login: SMTPLogin | None = None
        self._settings = settings
        self._window = settings.authent_encryption
        self._quirks = settings.quirks
        self._session, self._transcript = sessions.begin("smtp-send", server.name)
        self._client: ESMTPClient | None = None
        self._connecting: Deferred[ESMTPClient] | None = None
        self._abort_reason: SessionFailed | None = None
        self._results: dict[Mailbox, DeliveryResult] = {}
        self._octets = 0
        self._reported_at = 0.0

    @property
    def id(self) -> int:
        """The session's number."""
        return self._session.id

    def abort(self, reason: str, code: str, *, retryable: bool = False) -> None:
        """End it at once: the job was cancelled, or the machine is switched off."""
        self._abort_reason = SessionFailed(reason, code, retryable=retryable)
        if self._connecting is not None:
            self._connecting.cancel()
        if self._client is not None:
            self._client.abort(self._abort_reason)
        if self._smtp_login is not None:
            self._smtp_login.abort()

    async def deliver(self) -> dict[Mailbox, DeliveryResult]:
        """Hand the mail over; return its result for each recipient. Never fails."""
        bound = Timer(self._clock)
        bound.start(
            self._configuration.current.limits.smtp_session,
            lambda: self.abort(
                "the session took too long", codes.SMTP_CONNECTION, retryable=True
            ),
        )
        failed: SessionFailed | None = None
        try:
            await self._converse()
        except SessionFailed as why:
            failed = why
        except Exception as problem:
            failed = self._abort_reason or failure_of(problem, self._server.name)
            if failed is None:
                self.log.failure("While sending")
                failed = SessionFailed(OWN_ERROR, codes.SMTP_CONNECTION)
        if failed is not None:
            self._transcript.note(failed.result.reason)
        if self._client is not None and self._client.connected:
            if self._quirks.no_quit:
                await self._client.hang_up()
            else:
                await self._client.quit()
        bound.cancel()
        for recipient in self._delivery.recipients:
            if recipient not in self._results:
                self._results[recipient] = failed.result if failed else DeliveryResult()
        self._end(await self._network.mac_behind(self._server.endpoint))
        return self._results

    def _end(self, mac: str | None) -> None:
        results = self._results.values()
        worst = next((one for one in results if one.code), DeliveryResult())
        handed_over = any(one.code is None for one in results)
        self._session = self._sessions.end(
            self._session,
            reason=worst.reason or (worst.code or ""),
            code=worst.code,
            mac=mac,
            bytes=self._octets,
            messages=0
            if self._delivery.rehearsed or not handed_over
            else len(self._delivery.parts),
        )

    # -- the steps --------------------------------------------------------------

    async def _converse(self) -> None:
        if quirks := turned_on(self._quirks):
            self._transcript.note(f"quirks: {quirks}")
        client: ESMTPClient = await self._connect()
        tls = self._tls()
        if tls is not None and self._server.implicit_tls:
            # Where it fails, the greeting fails with it.
            client.begin_tls(tls).addErrback(lambda _: None)
        greeting: ServerReply = await client.greeted
        self._note_tls(client)
        if not greeting.means(220):
            raise refused(greeting, Step.GREETING)
        await self._hello(client)
        if tls is not None and client.tls is None:
            await self._begin_tls(client, tls)
        if self._window.smtp_authentication and self._login is not None:
            await self._log_in(client, self._login)
        elif self._window.smtp_authentication:
            self._transcript.note("a receiver's own server: no login")
        if client.tls is None:
            self._transcript.note("the mail goes in plain text")
        await self._hand_over(client)

    async def _connect(self) -> ESMTPClient:
        limits = self._configuration.current.limits
        if self._abort_reason is not None:
            raise self._abort_reason
        uses = self._device.model.sending.extensions
        client = ESMTPClient(
            self._transcript,
            self._clock,
            identity=b"",
            timeouts=Timeouts(
                greeting=limits.smtp_greeting,
                command=limits.smtp_reply,
                data=limits.smtp_data,
                block=limits.smtp_block,
                end=limits.smtp_end,
            ),
            uses=[keyword.encode("ascii") for keyword in uses],
            dialect=dialect_of(self._quirks),
        )
        client.on_octets_sent = self._report_octets
        self._connecting = connect_client(self._server.endpoint, client)
        try:
            await self._connecting
        except (CancelledError, ConnectingCancelledError):
            raise self._abort_reason or SessionFailed("cancelled", codes.CANCELLED) from None
        except ValueError:
            wrong = f"{self._server.name} is not the name of a server"
            raise SessionFailed(wrong, codes.SERVER_NOT_FOUND) from None
        finally:
            self._connecting = None
        self._client = client
        own = getattr(client.transport.getHost(), "host", "")
        client.identity = helo_name(
            self._quirks.helo_name, self._configuration.host, own
        ).encode("ascii", "replace")
        if self._abort_reason is not None:
            client.abort(self._abort_reason)
        return client

    async def _hello(self, client: ESMTPClient) -> None:
        try:
            await client.hello()
        except Refused as no:
            raise refused(no.reply, Step.HELLO) from None

    def _tls(self) -> ClientTLS | None:
        """Return what TLS is begun with; None where it is off, or the model has none."""
        model, window = self._device.model.tls, self._window
        if model is None or not window.allow_ssl_smtp_send:
            return None
        return client_tls(
            self._server.name,
            model,
            verify=window.verify_smtp_send,
            check_name=window.verify_cn,
            trust=self._configuration.current.tls.trust,
        )

    async def _begin_tls(self, client: ESMTPClient, tls: ClientTLS) -> None:
        if b"STARTTLS" not in client.extensions:
            self._transcript.note("STARTTLS is not offered: going on in plain text")
            return
        try:
            await client.start_tls(tls)
        except Refused as no:
            self._transcript.note(
                f"STARTTLS was refused ({no.reply.code}): going on in plain text"
            )
            return
        self._note_tls(client)
        await self._hello(client)

    def _note_tls(self, client: ESMTPClient) -> None:
        if client.tls is not None:
            self._changed(tls=TLSUse(version=client.tls[0], cipher=client.tls[1]))

    async def _log_in(self, client: ESMTPClient, login: Login) -> None:
        self._smtp_login = SMTPLogin(
            model=self._device.model,
            settings=self._settings,
            server=self._server.name,
            login=login,
            read_token=self._read_token,
            blocking=self._blocking,
            transcript=self._transcript,
            chosen=lambda choice: self._changed(choice=choice.why),
            in_plain_text=self._configuration.current.tls.plain_passwords,
        )
        mechanism = await self._smtp_login.run(client)
        if mechanism is not None:
            self._changed(auth=mechanism)

    async def _hand_over(self, client: ESMTPClient) -> None:
        delivery = self._delivery
        eight_bit = delivery.has_eight_bit and client.usable(b"8BITMIME")
        left = list(delivery.recipients)
        sent = 0
        for make in delivery.parts:
            if not left:
                return
            content = make(eight_bit)
            refusals: dict[Mailbox, ServerReply] = {}
            try:
                answers: dict[Mailbox, ServerReply] = await client.send(
                    delivery.sender,
                    left,
                    None if delivery.rehearsed else content,  # type: ignore[arg-type]
                    size=content.size,
                    eight_bit=eight_bit,
                    envelope_id=delivery.envelope_id,
                    refusals=refusals,
                )
            finally:
                content.close()
                # Also where the session was lost after them.
                self._refused(refusals)
            self._refused(answers)
            left = [recipient for recipient in left if recipient not in self._results]
            if left and not delivery.rehearsed:
                sent += content.size
                self._octets = sent

    def _refused(self, answers: dict[Mailbox, ServerReply]) -> None:
        for recipient, reply in answers.items():
            if not reply.positive:
                self._results[recipient] = refusal_of(reply)

    def _changed(self, **changes: Unpack[SessionChanges]) -> None:
        self._session = self._device.session_changed(self._session, **changes)

    def _report_octets(self, octets: int) -> None:
        now = self._device.now()
        if now - self._reported_at >= _REPORT_EVERY:
            self._reported_at = now
            self._changed(bytes=self._octets + octets)
