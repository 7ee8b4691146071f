"""One session with the POP server, in the machine's order (device.md 3.2).

CAPA, STLS where the setting is on, CAPA again, login by the method that is set,
then RETR and DELE, then QUIT. A mail is deleted on the server only when it is
safe in memory; one that was taken but is still there is known by the mark of
its UIDL, and only deleted. When there is a session is told by `pop_poller`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from typing import Any

from attrs import frozen
from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet.defer import CancelledError, Deferred, DeferredList, inlineCallbacks
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.mail.pop3 import ServerErrorResponse

from irsend.device import codes
from irsend.device.authentication import choose_mechanism
from irsend.device.sessions import Session, TLSUse
from irsend.device.status import StatusText
from irsend.device.windows import PopAuthMethod
from irsend.errors import MemoryFull, MessageTooLarge
from irsend.message.trace import pop_trace
from irsend.protocols.pop3_client import POP3Client, ProtocolViolation
from irsend.protocols.sasl import (
    MECHANISMS,
    Credentials,
    MechanismFailed,
    make_mechanism,
    unusable,
)
from irsend.protocols.tls import ClientTLS, TLSFailed
from irsend.services.bench import Bench
from irsend.services.send.delivery_results import OWN_ERROR, words_of
from irsend.store.memory import StoredMessage, maildrop_mark, uidl_mark

Capabilities = dict[bytes, list[bytes]]

# Mails of which the taking or the syncing is under way at once.
_AT_ONCE = 16
# What of a server's words stands in the journal, in characters.
_LONGEST_REASON = 200
# Longer delays than this are not believed, in seconds.
_LONGEST_LOGIN_DELAY = 86_400
# Answers to a login that are not about who is logging in (RFC 2449 8, RFC 3206).
_NOT_ABOUT_THE_LOGIN = ("[IN-USE]", "[LOGIN-DELAY]", "[SYS/TEMP]", "[SYS/PERM]")
_NETWORK_ERRORS = (net.ConnectError, net.ConnectionLost, net.DNSLookupError, net.TimeoutError)
# The token of [sending] is for the SMTP server.
_NO_TOKEN = {"XOAUTH2": "no token for POP"}
_SWITCHED_OFF = "the machine was switched off"
_MEMORY_FULL = "the memory is full: no further mail is fetched"


@frozen
class _Failed(Exception):
    """The session cannot go on: what stands in the journal."""

    reason: str
    code: str | None = codes.POP_CONNECTION
    status: StatusText | None = None


class POPClientSession:
    """One session, from its connection to its end, by the settings of its beginning."""

    log = Logger()

    def __init__(self, bench: Bench, left_alone: set[str], *, login_only: bool = False) -> None:
        self._bench = bench
        self._login_only = login_only
        """True for POP AUTH before Sending: nothing is fetched, and the report has no line of it."""
        self._left_alone = left_alone
        """Marks of mails that are larger than their server said; they stay there."""
        self._settings = bench.device.settings
        self.server = self._settings.email_ifax.pop_server.strip("[]")
        self.user = self._settings.email_ifax.pop_address
        self.login_delay = 0
        """Seconds that the server asks for before the next login."""
        self._session, self._transcript = bench.begin_session("pop-receive", self.server)
        if login_only:
            self._transcript.note("POP AUTH before Sending: nothing is fetched")
        self._client: POP3Client | None = None
        self._aborted = False
        self._auth: str | None = None
        self._octets = 0
        self._messages = 0
        self._connecting: Deferred[Any] | None = None
        self._endpoint: IStreamClientEndpoint | None = None
        self._deleted: list[str] = []
        self._stopped = ""
        """Why no further mail is taken."""
        self._refused = ""
        """What the server said to a mail that it did not give."""
        self._failures: list[BaseException] = []

    def abort(self) -> None:
        """Give it up, because the machine is switched off."""
        self._aborted = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._client is not None:
            self._client.give_up(_Failed(_SWITCHED_OFF))

    @inlineCallbacks
    def receive(self) -> Generator[Deferred[Any], Any, Session]:
        """Fetch what is there; fires with the session, OK or NG, when it has ended."""
        failed: _Failed | None = None
        longest = self._bench.limits.pop_session
        bound = self._bench.clock.callLater(longest, self._take_too_long)
        try:
            yield self._fetch()
        except _Failed as error:
            failed = error
        except ServerErrorResponse as error:
            failed = _Failed(f"the server refused: {_text(error)}")
        except (*_NETWORK_ERRORS, ProtocolViolation) as error:
            failed = _Failed(words_of(error))
        except MessageTooLarge:
            failed = _Failed(
                "the server gave a message that is larger than it said, and too large"
            )
        except (TLSFailed, SSL.Error) as error:
            failed = _Failed(_SWITCHED_OFF) if self._aborted else _tls_failed(str(error))
        except Exception:
            self.log.failure("While receiving by POP")
            failed = _Failed(OWN_ERROR)
        if self._client is not None:
            # Also behind an error: QUIT is what deletes the mails that are safe.
            yield self._client.leave().addErrback(lambda _: None)
        if bound.active():
            bound.cancel()
        mac = None if self._endpoint is None else (yield self._bench.mac_behind(self._endpoint))
        return self._end(failed, mac)

    def _take_too_long(self) -> None:
        if self._client is not None:
            self._client.give_up(net.TimeoutError(string="the session took too long"))

    def _end(self, failed: _Failed | None, mac: str | None) -> Session:
        bench = self._bench
        if failed is not None:
            self._transcript.note(failed.reason)
        if failed is not None and not self._login_only:
            bench.device.job_accepted(
                "rx",
                self.server,
                result="NG",
                code=failed.code,
                sessions=(self._session.id,),
                started=self._session.started,
                ended=bench.device.now(),
            )
        return bench.end_session(
            self._session,
            reason=failed.reason[:_LONGEST_REASON] if failed else "",
            code=failed.code if failed else None,
            status=failed.status if failed else None,
            auth=self._auth,
            mac=mac,
            bytes=self._octets,
            messages=self._messages,
        )

    @inlineCallbacks
    def _fetch(self) -> Generator[Deferred[Any], Any, None]:
        self._check_readiness()
        client = yield self._connect()
        capabilities = yield client.capabilities()
        if self._settings.authent_encryption.allow_ssl_pop:
            capabilities = yield self._begin_tls(client, capabilities)
        self._auth = yield self._log_in(client, capabilities)
        delay = capabilities.get(b"LOGIN-DELAY", [])
        if delay and delay[0].isdigit():
            self.login_delay = min(int(delay[0][:9]), _LONGEST_LOGIN_DELAY)
        if self._login_only:
            return
        client.pipelining = b"PIPELINING" in capabilities
        yield self._take_all(client)
        yield client.leave()
        # They are gone from the server, which may use their UIDLs again.
        self._bench.journal.forget_fetched(self._deleted)
        if self._stopped:
            raise _Failed(self._stopped, None)
        if self._refused:
            raise _Failed(f"the server refused: {self._refused}")

    def _check_readiness(self) -> None:
        if self._aborted:
            raise _Failed(_SWITCHED_OFF)
        if not self.server:
            raise _Failed("no POP Server is set (email_ifax.pop_server)")
        if self._bench.memory.full and not self._login_only:
            raise _Failed("the memory is full: mail is not fetched", None)

    @inlineCallbacks
    def _connect(self) -> Generator[Deferred[Any], Any, POP3Client]:
        bench = self._bench
        self._endpoint = bench.client_endpoint(
            self.server, self._settings.service_mode.pop3_port, bench.limits.pop_connect
        )
        client = POP3Client(self._transcript, bench.clock, reply_timeout=bench.limits.pop_reply)
        self._connecting = self._endpoint.connect(_Once(client))
        try:
            yield self._connecting
        except (CancelledError, net.ConnectingCancelledError):
            raise _Failed(_SWITCHED_OFF) from None
        except ValueError:
            raise _Failed(f"{self.server} is not the name of a server") from None
        finally:
            self._connecting = None
        self._client = client
        if self._aborted:
            self.abort()
        try:
            yield client.greeted
        except ServerErrorResponse as error:
            refused = _Failed(f"the server greeted with an error: {_text(error)}")
            client.give_up(refused)
            raise refused from None
        return client

    # -- TLS and login ------------------------------------------------------------

    @inlineCallbacks
    def _begin_tls(
        self, client: POP3Client, capabilities: Capabilities
    ) -> Generator[Deferred[Any], Any, Capabilities]:
        model, window = self._bench.device.model, self._settings.authent_encryption
        if b"STLS" not in capabilities:
            raise _tls_failed("the server does not offer STLS")
        if model.tls is None:
            raise _tls_failed(f"the {model.called} has no TLS")
        tls = ClientTLS.build(
            self.server,
            oldest=model.tls.oldest,
            newest=model.tls.newest,
            ciphers=model.tls.ciphers,
            server_name=model.tls.server_name,
            verify=window.verify_pop,
            check_name=window.verify_cn,
            trust=self._bench.trust,
        )
        try:
            yield client.start_tls(tls)
        except ServerErrorResponse as error:
            raise _tls_failed(f"the server refused STLS: {_text(error)}") from None
        assert client.tls is not None
        use = TLSUse(version=client.tls[0], cipher=client.tls[1])
        self._session = self._bench.device.session_changed(self._session, tls=use)
        found: Capabilities = yield client.capabilities()
        return found

    @inlineCallbacks
    def _log_in(
        self, client: POP3Client, capabilities: Capabilities
    ) -> Generator[Deferred[Any], Any, str | None]:
        try:
            match self._settings.authent_encryption.pop_auth_method:
                case PopAuthMethod.STANDARD:
                    yield client.user(self._user)
                    yield client.password(self._password)
                    return None
                case PopAuthMethod.APOP:
                    yield self._log_in_by_apop(client)
                    return "APOP"
                case PopAuthMethod.POP_AUTH:
                    chosen = self._choose(client, capabilities.get(b"SASL", []))
                    yield client.authenticate(make_mechanism(chosen, self._credentials()))
                    return chosen
        except MechanismFailed as error:
            raise _Failed(f"login failed: {error}", codes.POP_LOGIN) from None
        except ServerErrorResponse as error:
            reason = _text(error)
            code = codes.POP_LOGIN
            if reason.startswith(_NOT_ABOUT_THE_LOGIN):
                code = codes.POP_CONNECTION
            raise _Failed(f"login refused: {reason}", code) from None

    def _log_in_by_apop(self, client: POP3Client) -> Deferred[bytes]:
        if client.serverChallenge is None:
            raise _Failed("APOP: the server's greeting has no timestamp", codes.POP_LOGIN)
        digest = hashlib.md5(client.serverChallenge + self._password).hexdigest()
        answer: Deferred[bytes] = client.apop(self._user, digest.encode("ascii"))
        return answer

    def _choose(self, client: POP3Client, offered: list[bytes]) -> str:
        choice = choose_mechanism(
            self._bench.device.model,
            [name.decode("ascii", "replace") for name in offered],
            secured=client.tls is not None,
            disabled=self._settings.service_mode.disabled_mechanisms,
            unusable={name: unusable(name) for name in MECHANISMS} | _NO_TOKEN,
        )
        self._session = self._bench.device.session_changed(self._session, choice=choice.why)
        if choice.mechanism is None:
            raise _Failed(f"no mechanism in common: {choice.why}", codes.POP_LOGIN)
        self._transcript.note(choice.why)
        return choice.mechanism

    def _credentials(self) -> Credentials:
        order = self._bench.device.model.sasl
        return Credentials(
            user=self._user,
            password=self._password,
            service="pop",
            host=self.server,
            in_thread=self._bench.apart,
            strict_prompts=order.strict_prompts,
            user_inline=order.user_inline,
        )

    @property
    def _user(self) -> bytes:
        return self.user.encode("utf-8")

    @property
    def _password(self) -> bytes:
        return self._settings.email_ifax.pop_password.encode("utf-8")

    # -- mails ----------------------------------------------------------------------

    @property
    def _maildrop(self) -> str:
        return maildrop_mark(self.server, self.user)

    @inlineCallbacks
    def _take_all(self, client: POP3Client) -> Generator[Deferred[Any], Any, None]:
        """Take what was not taken before, several at once where the server lets us; delete what is safe."""
        sizes = yield client.sizes()
        try:
            uidls = yield client.uidls()
        except ServerErrorResponse:
            # RFC 1939 leaves UIDL open. Without it there is nothing to know a mail by.
            uidls = {}
        marks = {number: uidl_mark(self.server, self.user, uidls[number]) for number in uidls}
        taken: set[str] = yield self._bench.journal.fetched(self._maildrop)
        self._bench.journal.forget_fetched(taken - set(marks.values()))
        mails = iter([(number, size, marks.get(number, "")) for number, size in sizes.items()])
        yield DeferredList([self._take_some(client, mails, taken) for _ in range(_AT_ONCE)])
        if self._failures and not self._stopped:
            raise self._failures[0]

    @inlineCallbacks
    def _take_some(
        self, client: POP3Client, mails: Iterator[tuple[int, int, str]], taken: set[str]
    ) -> Generator[Deferred[Any], Any, None]:
        for number, size, mark in mails:
            if self._stopped or self._failures:
                return
            try:
                if mark not in taken and not (yield self._take(client, number, size, mark)):
                    continue
                yield client.delete(number - 1)
                self._deleted.append(mark)
            except ServerErrorResponse as error:
                # One mail's misfortune; the others are fetched all the same.
                self._refused = f"message {number}: {_text(error)}"
            except Exception as error:
                self._failures.append(error)

    @inlineCallbacks
    def _take(
        self, client: POP3Client, number: int, size: int, mark: str
    ) -> Generator[Deferred[Any], Any, bool]:
        """Take a mail; fires with whether it is safe."""
        memory = self._bench.memory
        if size > self._largest or mark in self._left_alone:
            self._transcript.note(f"message {number} stays on the server: it is too large")
            return False
        if memory.used + size > memory.capacity:
            self._stopped = _MEMORY_FULL
            return False
        try:
            message = yield client.retrieve_into(number - 1, lambda: self._open(client, mark))
            yield message.commit()
        except MemoryFull:
            self._stopped = _MEMORY_FULL
            return False
        except MessageTooLarge:
            # The session is lost with it, but the next one goes round it.
            self._left_alone.add(mark)
            raise
        return True

    @property
    def _largest(self) -> int:
        return self._bench.limits.message_size * 1_000_000

    def _open(self, client: POP3Client, mark: str) -> StoredMessage:
        bench = self._bench
        trace = pop_trace(
            server=self.server,
            user=self.user,
            host=bench.host.encode("ascii"),
            at=bench.device.now(),
            cipher=" ".join(client.tls or ()),
        )

        def kept(message: StoredMessage) -> None:
            self._octets += message.size
            self._messages += 1
            if mark:
                # In front of its job: where that is lost with the power, this is made up for too.
                bench.journal.remember_fetched(self._maildrop, mark)
            bench.mail_kept(message.name, message.beginning, "", self._session.id)

        return bench.memory.open_message(
            trace, kept=kept, mark=mark, most=self._largest + len(trace)
        )


class _Once(Factory):
    """Gives the one client that there is."""

    noisy = False

    def __init__(self, client: POP3Client) -> None:
        self._client = client

    def buildProtocol(self, addr: Any) -> POP3Client:
        return self._client


def _tls_failed(why: str) -> _Failed:
    return _Failed(f"TLS failed: {why}", status=StatusText.SSL_ERROR_POP)


def _text(error: ServerErrorResponse) -> str:
    return bytes(error.args[0]).decode("utf-8", "replace")
