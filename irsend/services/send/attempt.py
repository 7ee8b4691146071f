"""One attempt at a job: POP AUTH before Sending, the way to the servers, a session with each (device.md 4).

Via the SMTP Server that is set, or directly to each receiver's own. What
becomes of the job then is told by `send_queue`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.logger import Logger

from irsend.addresses import mailbox_of
from irsend.configuration_sections import MB
from irsend.device import codes
from irsend.device.send_policy import code_of_pop_login
from irsend.device.sessions import Session
from irsend.device.status import StatusText
from irsend.interfaces import Mailbox
from irsend.message.fragments import fragmented
from irsend.message.prefixed_file import PrefixedFile
from irsend.services.bench import Bench
from irsend.services.send.access_token import read_token, token_configured
from irsend.services.send.delivery import Delivery, Login, Server
from irsend.services.send.delivery_results import OWN_ERROR, DeliveryResult, too_large
from irsend.services.send.mx import MXLookup, NameServersSilent, NoRoute
from irsend.services.send.smtp_client_session import SMTPClientSession
from irsend.store.outbox import Outbox, Outgoing

POP_PAUSE = 0.3
"""Between POP AUTH before Sending and SMTP, in seconds (device.md section 4)."""
_SWITCHED_OFF = "the machine was switched off"
_CANCELLED = "the job was cancelled"


class Attempt:
    """One attempt, by the settings of its beginning. `outgoing` is replaced as it goes on."""

    log = Logger()

    def __init__(
        self,
        bench: Bench,
        outbox: Outbox,
        outgoing: Outgoing,
        login: Login | None,
        log_in_to_pop: Callable[[], Deferred[Session]],
    ) -> None:
        self._bench = bench
        self._outbox = outbox
        self.outgoing = outgoing
        self._log_in_to_pop = log_in_to_pop
        self._settings = settings = bench.device.settings
        window = settings.authent_encryption
        stored = Login(user=window.user, password=window.password)
        self._login = login.over(stored) if login is not None else stored
        self.direct = not settings.email_ifax.via_server
        """True where each receiver's own server is asked: what it takes is delivered."""
        self._outcomes: dict[str, DeliveryResult] = {}
        self._session: SMTPClientSession | None = None
        self._waiting: Deferred[Any] | None = None
        self._given_up = False

    def give_up(self, *, cancelled: bool) -> None:
        """End what is under way: the job was cancelled, or the machine is switched off."""
        self._given_up = True
        if self._session is not None:
            why = _CANCELLED if cancelled else _SWITCHED_OFF
            self._session.give_up(why, codes.CANCELLED, again=not cancelled)
        elif self._waiting is not None:
            self._waiting.cancel()

    @inlineCallbacks
    def make(self) -> Generator[Deferred[Any], Any, dict[str, DeliveryResult]]:
        """Try; fires with what became of it, for each address that it was tried for. Never fails."""
        try:
            if self._too_large():
                # Maximum Data Size is less by now than when the job was ordered.
                self._all(
                    self.outgoing.left, too_large(self.outgoing.job.size or 0, self._limit)
                )
                return self._outcomes
            refused = yield self._pop_before_sending()
            if refused is not None:
                self._all(self.outgoing.left, refused)
            elif self.direct:
                yield self._send_directly()
            else:
                yield self._send_via_server()
        except CancelledError:
            pass
        except Exception:
            self.log.failure("While sending a job")
        if not self._given_up:
            # Whoever has no outcome by now is left by an error above.
            wrong = DeliveryResult(codes.SMTP_CONNECTION, OWN_ERROR)
            self._all([one for one in self.outgoing.left if one not in self._outcomes], wrong)
        return self._outcomes

    @property
    def _limit(self) -> int:
        return self._settings.email_ifax.maximum_data_size * MB

    def _too_large(self) -> bool:
        size, limit = self.outgoing.job.size or 0, self._limit
        return bool(limit) and size > limit and not self._settings.email_ifax.divided_send

    def _all(self, addresses: Sequence[str], outcome: DeliveryResult) -> None:
        self._outcomes.update(dict.fromkeys(addresses, outcome))

    @inlineCallbacks
    def _wait(self, pending: Deferred[Any]) -> Generator[Deferred[Any], Any, Any]:
        if self._given_up:
            pending.addErrback(lambda _: None)
            pending.cancel()
            raise CancelledError
        self._waiting = pending
        try:
            return (yield pending)
        finally:
            self._waiting = None

    @inlineCallbacks
    def _pop_before_sending(self) -> Generator[Deferred[Any], Any, DeliveryResult | None]:
        if not self._settings.authent_encryption.pop_auth_before_sending:
            return None
        session: Session = yield self._wait(self._log_in_to_pop())
        self._took_part(session.id)
        if session.result != "OK":
            tls_failed = session.status_line == StatusText.SSL_ERROR_POP.value
            code = code_of_pop_login(self._settings, session.code, tls_failed=tls_failed)
            again = code == codes.POP_CONNECTION
            return DeliveryResult(code, f"POP AUTH before Sending: {session.reason}", again)
        yield self._wait(deferLater(self._bench.clock, POP_PAUSE))
        return None

    def _took_part(self, session: int) -> None:
        sessions = (*self.outgoing.job.sessions, session)
        job = self._bench.device.job_changed(self.outgoing.job, sessions=sessions)
        self.outgoing = attrs.evolve(self.outgoing, job=job)

    # -- the way ------------------------------------------------------------------

    @inlineCallbacks
    def _send_via_server(self) -> Generator[Deferred[Any], Any, None]:
        name = self._settings.email_ifax.smtp_server.strip("[]")
        if not name:
            nowhere = "no SMTP Server is set (email_ifax.smtp_server)"
            self._all(self.outgoing.left, DeliveryResult(codes.SERVER_NOT_FOUND, nowhere))
            return
        yield self._deliver(name, name, self.outgoing.left)

    @inlineCallbacks
    def _send_directly(self) -> Generator[Deferred[Any], Any, None]:
        """To each domain's own server, the first of them that takes the mail (RFC 5321 5.1)."""
        by_domain: dict[str, list[str]] = {}
        for address in self.outgoing.left:
            by_domain.setdefault(address.rpartition("@")[2].lower(), []).append(address)
        routes = MXLookup(self._bench.clock, self._bench.sending.name_servers)
        try:
            for domain, addresses in by_domain.items():
                yield self._send_to_domain(routes, domain, addresses)
        finally:
            routes.close()

    @inlineCallbacks
    def _send_to_domain(
        self, routes: MXLookup, domain: str, addresses: list[str]
    ) -> Generator[Deferred[Any], Any, None]:
        try:
            hosts = yield self._wait(routes.find(domain))
        except (NoRoute, NameServersSilent) as why:
            again = isinstance(why, NameServersSilent)
            self._all(addresses, DeliveryResult(codes.SERVER_NOT_FOUND, str(why), again))
            return
        for host in hosts:
            before = {one: self._outcomes[one] for one in addresses if one in self._outcomes}
            yield self._deliver(host.name, host.address, addresses)
            for one, earlier in before.items():
                # A server that is no good says nothing against "later" from the one before it.
                if self._outcomes[one].elsewhere and earlier.again:
                    self._outcomes[one] = earlier
            addresses = [one for one in addresses if self._outcomes[one].elsewhere]
            if not addresses:
                break

    @inlineCallbacks
    def _deliver(
        self, name: str, address: str, recipients: Sequence[str]
    ) -> Generator[Deferred[Any], Any, None]:
        """One session with one server."""
        if self._given_up:
            raise CancelledError
        bench = self._bench
        # Two spellings may name one mailbox.
        mailboxes: dict[tuple[bytes, bytes], Mailbox] = {}
        by_mailbox: dict[Mailbox, list[str]] = {}
        for one in recipients:
            mailbox = _mailbox(one)
            mailbox = mailboxes.setdefault((mailbox.local, mailbox.domain.lower()), mailbox)
            by_mailbox.setdefault(mailbox, []).append(one)
        port = self._settings.service_mode.smtp_tx_port
        endpoint = bench.client_endpoint(address, port, bench.limits.smtp_connect)
        read = None
        if token_configured(bench.sending):
            read = lambda: read_token(bench.sending, bench.clock, bench.on_disk)  # noqa: E731
        self._session = SMTPClientSession(
            bench,
            self._settings,
            Server(name=name, endpoint=endpoint),
            self._delivery(tuple(by_mailbox)),
            # The relay's password is nobody else's business [ours].
            None if self.direct else self._login,
            read,
        )
        self._took_part(self._session.id)
        answers: dict[Mailbox, DeliveryResult] = yield self._session.deliver()
        self._session = None
        for mailbox, outcome in answers.items():
            self._all(by_mailbox[mailbox], outcome)

    # -- the mail -----------------------------------------------------------------

    def _delivery(self, recipients: tuple[Mailbox, ...]) -> Delivery:
        outbox, outgoing, size = self._outbox, self.outgoing, self.outgoing.job.size or 0
        head = outbox.eight_bit_head(outgoing)

        def whole(eight_bit: bool) -> PrefixedFile:
            start = outgoing.head_length if eight_bit else 0
            message = outbox.open_message(outgoing)
            return PrefixedFile(head if eight_bit else b"", message, start, size - start)

        def part(fragment: Any) -> Callable[[bool], PrefixedFile]:
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
            sender=_mailbox(outgoing.sender) if outgoing.sender else None,
            recipients=recipients,
            parts=parts,
            has_eight_bit=bool(head),
            envelope_id=outgoing.envelope_id.encode("ascii") if outgoing.full else b"",
        )


def _mailbox(address: str) -> Mailbox:
    return mailbox_of(address.encode("ascii"))
