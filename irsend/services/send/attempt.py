"""One attempt at a job: POP AUTH before Sending, the route to the servers, a session with each.

The route is the SMTP Server that is set, or each receiver's own server by MX
(docs/sending). `send_queue` decides what the results mean for the job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from irsend.addresses import mailbox_of
from irsend.configuration_sections import MB
from irsend.device import codes
from irsend.device.device import Device
from irsend.device.send_policy import code_of_pop_login, own_address
from irsend.device.status import StatusText
from irsend.interfaces import Mailbox
from irsend.message.fragments import FragmentSlice, fragmented
from irsend.message.prefixed_file import PrefixedFile
from irsend.services.client_tls import is_implicit
from irsend.services.error_text import OWN_ERROR, SWITCHED_OFF
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.network import Network
from irsend.services.pop_session_queue import POPSessionQueue
from irsend.services.reactor import IReactor
from irsend.services.send.access_token import read_token, token_configured
from irsend.services.send.delivery import Delivery, Login, Server
from irsend.services.send.delivery_results import DeliveryResult, too_large
from irsend.services.send.mx import MXLookup, NameServersSilent, NoRoute
from irsend.services.send.smtp_client_session import SMTPClientSession
from irsend.services.sessions import Sessions
from irsend.store.group_commit import InThread
from irsend.store.outbox import Outbox, Outgoing

POP_PAUSE = 0.3
"""Seconds between POP AUTH before Sending and SMTP (docs/sending)."""
_CANCELLED = "the job was cancelled"


T = TypeVar("T")


@frozen(kw_only=True)
class AttemptParts:
    """The parts of the machine that an attempt works with."""

    clock: IReactor
    """The reactor: time, name look-ups, and processes for the token command."""
    device: Device
    configuration: LiveConfiguration
    outbox: Outbox
    sessions: Sessions
    network: Network
    pop_sessions: POPSessionQueue
    on_disk: InThread
    blocking: InThread


class Attempt:
    """One attempt, by the settings at its start. `outgoing` is replaced as it goes on.

    A `login` from the panel has precedence over the stored one.
    """

    log = Logger()

    def __init__(self, outgoing: Outgoing, login: Login | None, *, parts: AttemptParts) -> None:
        self._parts = parts
        self.outgoing = outgoing
        self._settings = settings = parts.device.settings
        window = settings.authent_encryption
        stored = Login(user=window.user, password=window.password)
        self._login = login.with_defaults(stored) if login is not None else stored
        self.direct = not settings.email_ifax.via_server
        """True where mail goes to each receiver's own server: what that accepts is delivered."""
        self._results: dict[str, DeliveryResult] = {}
        self._session: SMTPClientSession | None = None
        self._cancel_waiting: Callable[[], None] | None = None
        """Cancels the Deferred that the attempt waits for."""
        self._aborted = False

    def abort(self, *, cancelled: bool) -> None:
        """End it: the job was cancelled, or the machine is switched off."""
        self._aborted = True
        if self._session is not None:
            why = _CANCELLED if cancelled else SWITCHED_OFF
            self._session.abort(why, codes.CANCELLED, retryable=not cancelled)
        elif self._cancel_waiting is not None:
            self._cancel_waiting()

    async def make(self) -> dict[str, DeliveryResult]:
        """Make the attempt; return a result for each address that was tried. Never fails."""
        try:
            if self._too_large():
                # Maximum Data Size was reduced after the job was submitted.
                self._all(
                    self.outgoing.left, too_large(self.outgoing.job.size or 0, self._limit)
                )
                return self._results
            refused = await self._pop_before_sending()
            if refused is not None:
                self._all(self.outgoing.left, refused)
            elif self.direct:
                await self._send_directly()
            else:
                await self._send_via_server()
        except CancelledError:
            pass
        except OSError as error:
            self.log.error(
                "Job {number}: {error}", number=self.outgoing.job.number, error=str(error)
            )
        except Exception:
            self.log.failure("While sending a job")
        if not self._aborted:
            # An address has no result after an error above.
            wrong = DeliveryResult(codes.SMTP_CONNECTION, OWN_ERROR)
            self._all([one for one in self.outgoing.left if one not in self._results], wrong)
        return self._results

    @property
    def _limit(self) -> int:
        return self._settings.email_ifax.maximum_data_size * MB

    def _too_large(self) -> bool:
        size, limit = self.outgoing.job.size or 0, self._limit
        return bool(limit) and size > limit and not self._settings.email_ifax.divided_send

    def _all(self, addresses: Sequence[str], result: DeliveryResult) -> None:
        self._results.update(dict.fromkeys(addresses, result))

    async def _wait(self, pending: Deferred[T]) -> T:
        if self._aborted:
            pending.addErrback(lambda _: None)
            pending.cancel()
            raise CancelledError
        self._cancel_waiting = pending.cancel
        try:
            return await pending
        finally:
            self._cancel_waiting = None

    async def _pop_before_sending(self) -> DeliveryResult | None:
        if not self._settings.authent_encryption.pop_auth_before_sending:
            return None
        session = await self._wait(self._parts.pop_sessions.log_in())
        self._add_session(session.id)
        if session.result != "OK":
            tls_failed = session.status_line == StatusText.SSL_ERROR_POP.value
            code = code_of_pop_login(self._settings, session.code, tls_failed=tls_failed)
            retryable = code == codes.POP_CONNECTION
            return DeliveryResult(code, f"POP AUTH before Sending: {session.reason}", retryable)
        await self._wait(deferLater(self._parts.clock, POP_PAUSE))
        return None

    def _add_session(self, session: int) -> None:
        sessions = (*self.outgoing.job.sessions, session)
        job = self._parts.device.job_changed(self.outgoing.job, sessions=sessions)
        self.outgoing = attrs.evolve(self.outgoing, job=job)

    # -- the route ------------------------------------------------------------------

    async def _send_via_server(self) -> None:
        name = self._settings.email_ifax.smtp_server.strip("[]")
        if not name:
            nowhere = "no SMTP Server is set (email_ifax.smtp_server)"
            self._all(self.outgoing.left, DeliveryResult(codes.SERVER_NOT_FOUND, nowhere))
            return
        await self._deliver(name, name, self.outgoing.left)

    async def _send_directly(self) -> None:
        """Send to each domain's own servers: the first that accepts the mail gets it (RFC 5321 5.1)."""
        by_domain: dict[str, list[str]] = {}
        for address in self.outgoing.left:
            by_domain.setdefault(address.rpartition("@")[2].lower(), []).append(address)
        routes = MXLookup(
            self._parts.clock, self._parts.configuration.current.sending.name_servers
        )
        try:
            for domain, addresses in by_domain.items():
                await self._send_to_domain(routes, domain, addresses)
        finally:
            routes.close()

    async def _send_to_domain(
        self, routes: MXLookup, domain: str, addresses: list[str]
    ) -> None:
        try:
            hosts = await self._wait(routes.find(domain))
        except (NoRoute, NameServersSilent) as why:
            retryable = isinstance(why, NameServersSilent)
            self._all(addresses, DeliveryResult(codes.SERVER_NOT_FOUND, str(why), retryable))
            return
        for host in hosts:
            before = {one: self._results[one] for one in addresses if one in self._results}
            await self._deliver(host.name, host.address, addresses)
            for one, earlier in before.items():
                # A server that fails does not overrule an earlier one that said "later".
                if self._results[one].retryable_elsewhere and earlier.retryable:
                    self._results[one] = earlier
            addresses = [one for one in addresses if self._results[one].retryable_elsewhere]
            if not addresses:
                break

    async def _deliver(self, name: str, address: str, recipients: Sequence[str]) -> None:
        """Run one session with one server, or one for each recipient where that is the machine's way."""
        # Two spellings may name one mailbox.
        mailboxes: dict[tuple[bytes, bytes], Mailbox] = {}
        by_mailbox: dict[Mailbox, list[str]] = {}
        for one in recipients:
            mailbox = _mailbox(one)
            mailbox = mailboxes.setdefault((mailbox.local, mailbox.domain.lower()), mailbox)
            by_mailbox.setdefault(mailbox, []).append(one)
        groups: list[tuple[Mailbox, ...]] = [tuple(by_mailbox)]
        if self._settings.quirks.one_connection_per_recipient:
            groups = [(one,) for one in by_mailbox]
        for group in groups:
            answers = await self._session_with(name, address, group)
            for mailbox, result in answers.items():
                self._all(by_mailbox[mailbox], result)

    async def _session_with(
        self, name: str, address: str, recipients: tuple[Mailbox, ...]
    ) -> dict[Mailbox, DeliveryResult]:
        if self._aborted:
            raise CancelledError
        parts, configuration = self._parts, self._parts.configuration.current
        port = self._settings.service_mode.smtp_tx_port
        endpoint = parts.network.client_endpoint(
            address, port, configuration.limits.smtp_connect
        )
        read = None
        if token_configured(configuration.sending):
            read = lambda: read_token(configuration.sending, parts.clock, parts.on_disk)  # noqa: E731
        self._session = SMTPClientSession(
            self._settings,
            Server(
                name=name,
                endpoint=endpoint,
                implicit_tls=is_implicit(
                    parts.device.model, port, configuration.tls.implicit_ports
                ),
            ),
            self._delivery(recipients),
            # The password for the relay is given to no other server [ours].
            None if self.direct else self._login,
            read,
            clock=parts.clock,
            device=parts.device,
            configuration=parts.configuration,
            sessions=parts.sessions,
            network=parts.network,
            blocking=parts.blocking,
        )
        self._add_session(self._session.id)
        answers = await self._session.deliver()
        self._session = None
        return answers

    # -- the mail -----------------------------------------------------------------

    def _delivery(self, recipients: tuple[Mailbox, ...]) -> Delivery:
        outbox, outgoing, size = self._parts.outbox, self.outgoing, self.outgoing.job.size or 0
        head = outbox.eight_bit_head(outgoing)

        def whole(eight_bit: bool) -> PrefixedFile:
            start = outgoing.head_length if eight_bit else 0
            message = outbox.open_message(outgoing)
            return PrefixedFile(head if eight_bit else b"", message, start, size - start)

        def part(fragment: FragmentSlice) -> Callable[[bool], PrefixedFile]:
            return lambda _: PrefixedFile(
                fragment.head, outbox.open_message(outgoing), fragment.start, fragment.length
            )

        parts: list[Callable[[bool], PrefixedFile]] = [whole]
        if self._limit and size > self._limit:
            # RFC 2046 5.2.2.1: the parts of a message are in 7 bit.
            head = b""
            with outbox.open_message(outgoing) as message:
                parts = [part(one) for one in fragmented(message, size, self._limit)]
        return Delivery(
            sender=self._sender(),
            recipients=recipients,
            parts=parts,
            has_eight_bit=bool(head),
            envelope_id=outgoing.envelope_id.encode("ascii") if outgoing.full else b"",
            rehearsed=outgoing.rehearsed,
        )

    def _sender(self) -> Mailbox | None:
        """Return the sender of the envelope; None for the null sender of reports."""
        sender = self.outgoing.sender
        if sender and self._settings.quirks.sender_not_login:
            parts = self._parts
            sender = own_address(
                parts.device.model.name, parts.configuration.host, self._login.user
            )
        return _mailbox(sender) if sender else None


def _mailbox(address: str) -> Mailbox:
    return mailbox_of(address.encode("ascii"))
