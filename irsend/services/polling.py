"""Receiving by POP: the machine is the client (device.md 3.2).

Looks at the POP server every POP Interval minutes, and when asked. A mail is
deleted on the server only when it is safe in memory; one that was taken but is
still there is known by the mark of its UIDL, and only deleted.

The order of a session is the machine's: CAPA, STLS where the setting is on,
CAPA, login by the method that is set, then RETR and DELE, then QUIT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from typing import Any

from attrs import define, field, frozen
from OpenSSL import SSL
from twisted.application.service import Service
from twisted.internet import error as net
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks
from twisted.internet.endpoints import connectProtocol
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.mail.pop3 import ServerErrorResponse

from irsend.device import codes
from irsend.device.events import Event, SettingsChanged
from irsend.device.sessions import Session, TLSUse
from irsend.device.status import StatusText
from irsend.device.windows import PopAuthMethod
from irsend.errors import MemoryFull
from irsend.message.trace import pop_trace
from irsend.protocols.pop3_client import POP3Client, ProtocolViolation
from irsend.protocols.sasl import MECHANISMS, choose_mechanism
from irsend.protocols.tls import ClientTLS, TLSFailed
from irsend.services.bench import Bench
from irsend.store.memory import StoredMessage, uidl_mark

# Mails of which the taking or the syncing is under way at once.
_AT_ONCE = 16

# Answers to a login that are not about who is logging in (RFC 2449 8, RFC 3206).
_NOT_ABOUT_THE_LOGIN = (b"[IN-USE]", b"[LOGIN-DELAY]", b"[SYS/TEMP]", b"[SYS/PERM]")


_NETWORK_ERRORS = (net.ConnectError, net.ConnectionLost, net.DNSLookupError, net.TimeoutError)


@frozen
class _Failed(Exception):
    """The session cannot go on: what stands in the journal."""

    reason: str
    code: str | None = codes.POP_CONNECTION
    status: StatusText | None = None


@define(eq=False)
class _Maildrop:
    """One session's view of the maildrop."""

    client: POP3Client
    session: Session
    server: str
    user: str
    sizes: list[int | None]
    uidls: list[bytes | None]
    taken: set[str]
    octets: int = 0
    messages: int = 0
    stopped: str = ""
    """Why no further mail is taken."""
    failures: list[BaseException] = field(factory=list)


class Polling(Service):
    """Looks at the POP server, one session at a time."""

    log = Logger()

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._timer: Any = None
        self._forget: Any = None
        self._under_way: list[Deferred[Session]] | None = None
        self._client: POP3Client | None = None
        self._no_login_before: dict[tuple[str, str], float] = {}
        self._waiting: Deferred[None] | None = None
        self._all_done: Deferred[None] | None = None

    def startService(self) -> None:
        """Look at once where an interval is set, and then every so often."""
        Service.startService(self)
        self._forget = self._bench.device.observe(self._observe)
        self._schedule(0)

    def stopService(self) -> Deferred[None] | None:
        """Give up what is under way, and wait until it has ended."""
        Service.stopService(self)
        self._forget()
        self._cancel_timer()
        if self._under_way is None:
            return None
        self._all_done = Deferred()
        if self._waiting is not None:
            self._waiting.cancel()
        if self._client is not None:
            self._client.transport.abortConnection()
        return self._all_done

    def _observe(self, event: Event) -> None:
        if isinstance(event, SettingsChanged) and event.changes.keys() & {
            "email_ifax.pop",
            "email_ifax.pop_interval",
        }:
            self._schedule(self._bench.device.settings.email_ifax.pop_interval * 60)

    def _schedule(self, delay: float) -> None:
        self._cancel_timer()
        window = self._bench.device.settings.email_ifax
        if self.running and window.pop and window.pop_interval:
            self._timer = self._bench.clock.callLater(delay, self._look)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _look(self) -> None:
        self._schedule(self._bench.device.settings.email_ifax.pop_interval * 60)
        self.receive()

    @property
    def next_login(self) -> float | None:
        """When the server lets the machine log in again; None for now."""
        window = self._bench.device.settings.email_ifax
        at = self._no_login_before.get((window.pop_server, window.pop_address), 0.0)
        return at if at > self._bench.device.now() else None

    def receive(self) -> Deferred[Session]:
        """Fetch what is on the server; fires with the session when it has ended.

        One at a time: while one is under way, its result is everybody's.
        """
        answer: Deferred[Session] = Deferred()
        if self._under_way is not None:
            self._under_way.append(answer)
            return answer
        self._under_way = [answer]

        def ended(session: Session) -> None:
            waiting, self._under_way = self._under_way or [], None
            for one in waiting:
                one.callback(session)
            if self._all_done is not None:
                self._all_done.callback(None)

        self._receive().addCallback(ended)
        return answer

    # -- one session ------------------------------------------------------------

    @inlineCallbacks
    def _receive(self) -> Generator[Deferred[Any], Any, Session]:
        window = self._bench.device.settings.email_ifax
        at = self.next_login
        if at is not None and window.pop:
            # LOGIN-DELAY: the machine does not log in again sooner than that.
            self._waiting = deferLater(self._bench.clock, at - self._bench.device.now())
            try:
                yield self._waiting
            except Exception:
                self.log.debug("Waiting for the POP server's LOGIN-DELAY was given up")
            self._waiting = None
        session, transcript = self._bench.begin_session("pop-receive", window.pop_server or "-")
        failed: _Failed | None = None
        drop: _Maildrop | None = None
        client: POP3Client | None = None
        tls: TLSUse | None = None
        auth: str | None = None
        try:
            self._check_settings()
            client = yield self._connect(transcript)
            self._client = client
            capabilities = yield client.capabilities()
            if self._bench.device.settings.authent_encryption.allow_ssl_pop:
                capabilities = yield self._begin_tls(client, capabilities)
                assert client.tls is not None
                tls = TLSUse(version=client.tls[0], cipher=client.tls[1])
                session = self._bench.device.session_changed(session, tls=tls)
            auth = yield self._log_in(client, capabilities)
            self._obey_login_delay(capabilities)
            client.pipelining = b"PIPELINING" in capabilities
            drop = yield self._list(client, session)
            yield self._take_all(drop)
            yield client.leave()
            if drop.stopped:
                raise _Failed(drop.stopped, None)
        except _Failed as error:
            failed = error
        except ServerErrorResponse as error:
            failed = _Failed(f"the server refused: {_text(error)}")
        except (*_NETWORK_ERRORS, ProtocolViolation) as error:
            failed = _Failed(str(error) or type(error).__name__)
        except (TLSFailed, SSL.Error) as error:
            failed = self._tls_failed(str(error))
        except Exception:
            self.log.failure("While receiving by POP")
            failed = _Failed("an error of irsend's own; its log has more")
        self._client = None
        if client is not None:
            # Also behind an error: QUIT is what deletes the mails that are safe.
            yield client.leave()
        if failed is not None:
            transcript.note(failed.reason)
            self._bench.device.job_accepted(
                "rx",
                window.pop_server or "-",
                result="NG",
                code=failed.code,
                sessions=(session.id,),
                started=session.started,
                ended=self._bench.device.now(),
            )
        return self._bench.end_session(
            session,
            reason=failed.reason if failed else "",
            code=failed.code if failed else None,
            status=failed.status if failed else None,
            auth=auth,
            bytes=drop.octets if drop else 0,
            messages=drop.messages if drop else 0,
        )

    def _check_settings(self) -> None:
        window = self._bench.device.settings.email_ifax
        if not self.running:
            raise _Failed("the machine is switched off")
        if not window.pop:
            raise _Failed("POP is off (email_ifax.pop)")
        if not window.pop_server:
            raise _Failed("no POP Server is set (email_ifax.pop_server)")
        if self._bench.memory.full:
            raise _Failed("the memory is full: mail is not fetched", None)

    @inlineCallbacks
    def _connect(self, transcript: Any) -> Generator[Deferred[Any], Any, POP3Client]:
        bench = self._bench
        host = bench.device.settings.email_ifax.pop_server.strip("[]")
        endpoint = bench.client_endpoint(
            host, bench.device.settings.service_mode.pop3_port, bench.limits.pop_connect
        )
        client = POP3Client(transcript, bench.clock, reply_timeout=bench.limits.pop_reply)
        yield connectProtocol(endpoint, client)
        self._client = client
        try:
            yield client.greeted
        except ServerErrorResponse as error:
            client.transport.abortConnection()
            raise _Failed(f"the server greeted with an error: {_text(error)}") from None
        return client

    @inlineCallbacks
    def _begin_tls(
        self, client: POP3Client, capabilities: dict[bytes, list[bytes]]
    ) -> Generator[Deferred[Any], Any, dict[bytes, list[bytes]]]:
        bench = self._bench
        model_tls = bench.device.model.tls
        window = bench.device.settings.authent_encryption
        if b"STLS" not in capabilities:
            raise self._tls_failed("the server does not offer STLS")
        if model_tls is None:
            raise self._tls_failed(f"the {bench.device.model.title} has no TLS")
        tls = ClientTLS.build(
            bench.device.settings.email_ifax.pop_server,
            oldest=model_tls.oldest,
            newest=model_tls.newest,
            ciphers=model_tls.ciphers,
            server_name=model_tls.server_name,
            verify=window.verify_pop,
            check_name=window.verify_cn,
            trust=bench.trust,
        )
        try:
            yield client.start_tls(tls)
        except ServerErrorResponse as error:
            raise self._tls_failed(f"the server refused STLS: {_text(error)}") from None
        found: dict[bytes, list[bytes]] = yield client.capabilities()
        return found

    def _tls_failed(self, why: str) -> _Failed:
        return _Failed(f"TLS failed: {why}", status=StatusText.SSL_ERROR_POP)

    def _obey_login_delay(self, capabilities: dict[bytes, list[bytes]]) -> None:
        delay = capabilities.get(b"LOGIN-DELAY", [])
        if delay and delay[0].isdigit():
            window = self._bench.device.settings.email_ifax
            until = self._bench.device.now() + min(int(delay[0]), 86_400)
            self._no_login_before[window.pop_server, window.pop_address] = until

    @inlineCallbacks
    def _log_in(
        self, client: POP3Client, capabilities: dict[bytes, list[bytes]]
    ) -> Generator[Deferred[Any], Any, str | None]:
        settings = self._bench.device.settings
        user = settings.email_ifax.pop_address.encode("utf-8")
        password = settings.email_ifax.pop_password.encode("utf-8")
        auth: str | None = None
        try:
            match settings.authent_encryption.pop_auth_method:
                case PopAuthMethod.STANDARD:
                    yield client.user(user)
                    yield client.password(password)
                case PopAuthMethod.APOP:
                    if client.serverChallenge is None:
                        raise _Failed(
                            "APOP: the server's greeting has no timestamp", codes.POP_LOGIN
                        )
                    digest = hashlib.md5(client.serverChallenge + password).hexdigest()
                    yield client.apop(user, digest.encode("ascii"))
                    auth = "APOP"
                case PopAuthMethod.POP_AUTH:
                    offered = [
                        name.decode("ascii", "replace")
                        for name in capabilities.get(b"SASL", [])
                    ]
                    sasl = self._bench.device.model.sasl
                    auth = choose_mechanism(
                        sasl.secured if client.tls else sasl.plain,
                        offered,
                        settings.service_mode.disabled_mechanisms,
                    )
                    if auth is None:
                        shown = ", ".join(offered) or "none"
                        raise _Failed(
                            f"no mechanism in common; offered: {shown}", codes.POP_LOGIN
                        )
                    yield client.authenticate(MECHANISMS[auth](user, password))
        except ServerErrorResponse as error:
            reason = _text(error)
            about_login = not reason.encode().startswith(_NOT_ABOUT_THE_LOGIN)
            code = codes.POP_LOGIN if about_login else codes.POP_CONNECTION
            raise _Failed(f"login refused: {reason}", code) from None
        return auth

    @inlineCallbacks
    def _list(
        self, client: POP3Client, session: Session
    ) -> Generator[Deferred[Any], Any, _Maildrop]:
        window = self._bench.device.settings.email_ifax
        sizes = yield client.listSize()
        try:
            uidls = yield client.listUID()
        except ServerErrorResponse:
            # RFC 1939 leaves UIDL open. Without it there is nothing to know a mail by.
            uidls = []
        uidls += [None] * (len(sizes) - len(uidls))
        name = f"{window.pop_server.lower()} {window.pop_address}"
        taken = yield self._bench.journal.fetched(name)
        there = {
            uidl_mark(window.pop_server, window.pop_address, uidl)
            for uidl in uidls
            if uidl is not None
        }
        self._bench.journal.forget_fetched(taken - there)
        taken.update(self._bench.memory.marks())
        return _Maildrop(
            client, session, window.pop_server, window.pop_address, sizes, uidls, taken
        )

    def _take_all(self, drop: _Maildrop) -> Deferred[Any]:
        """Take what was not taken before, several at once where the server lets us; delete what is safe."""
        numbers = iter(range(len(drop.sizes)))
        runs = [self._take_some(drop, numbers) for _ in range(_AT_ONCE)]

        def first_failure(_: object) -> None:
            if drop.failures:
                raise drop.failures[0]

        return DeferredList(runs).addCallback(first_failure)

    @inlineCallbacks
    def _take_some(
        self, drop: _Maildrop, numbers: Iterator[int]
    ) -> Generator[Deferred[Any], Any, None]:
        for number in numbers:
            if drop.stopped or drop.failures:
                return
            if drop.sizes[number] is None:
                continue
            try:
                yield self._take(drop, number)
            except Exception as error:
                drop.failures.append(error)

    @inlineCallbacks
    def _take(self, drop: _Maildrop, number: int) -> Generator[Deferred[Any], Any, None]:
        bench = self._bench
        size, uidl = drop.sizes[number] or 0, drop.uidls[number]
        mark = uidl_mark(drop.server, drop.user, uidl) if uidl is not None else ""
        if mark not in drop.taken:
            if size > bench.limits.message_size * 1_000_000:
                note = f"message {number + 1} stays on the server: {size} octets are more than is taken"
                bench.transcripts[drop.session.id].note(note)
                return
            if bench.memory.used + size > bench.memory.capacity:
                drop.stopped = "the memory is full: no further mail is fetched"
                return
            try:
                message = yield drop.client.retrieve_into(
                    number, lambda: self._open(drop, mark)
                )
            except MemoryFull:
                drop.stopped = "the memory is full: no further mail is fetched"
                return
            yield message.commit()
        yield drop.client.delete(number)

    def _open(self, drop: _Maildrop, mark: str) -> StoredMessage:
        bench = self._bench
        trace = pop_trace(
            server=drop.server,
            user=drop.user,
            host=bench.host.encode("ascii"),
            at=bench.device.now(),
            cipher=" ".join(drop.client.tls or ()),
        )

        def kept(message: StoredMessage) -> None:
            drop.octets += message.size
            drop.messages += 1
            bench.mail_kept(message.name, message.beginning, "", drop.session.id)
            if mark:
                bench.journal.remember_fetched(f"{drop.server.lower()} {drop.user}", mark)

        return bench.memory.open_message(trace, kept=kept, mark=mark)


def _text(error: ServerErrorResponse) -> str:
    return bytes(error.args[0]).decode("utf-8", "replace")
