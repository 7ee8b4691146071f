"""The embedded mail host: a relay and a maildrop, for a bench with no mail server.

Mail comes in by SMTP. What is for an account goes into that account's Maildir,
from where POP3 serves it; what is for the machine goes into the queue, which
delivers it to the machine by SMTP:

    SMTP -> relay -> maildirs: one of each account -> POP3
                     maildirs: the queue           -> SMTP -> the machine

It is not for the Internet: it offers passwords in the clear as the programs of
2004 want it, and speaks TLS down to 1.0. Everything it keeps is under one
directory, `mailhost/` in the state directory.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.application.service import MultiService, Service
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IAddress
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from irsend import configuration_sections
from irsend.errors import StateError
from irsend.interfaces import IMailReceiver
from irsend.mailhost.accounts import Accounts
from irsend.mailhost.listener import Listener
from irsend.mailhost.maildirs import Maildirs
from irsend.mailhost.maildrop import Maildrops
from irsend.mailhost.queue import Queue
from irsend.mailhost.relay import Relay
from irsend.protocols.pop3_server import POP3
from irsend.protocols.tls import ServerTLS
from irsend.protocols.tls_context import TLSProfile
from irsend.protocols.transcript import Silence
from irsend.store.group_commit import GroupCommit
from irsend.store.keys import KeyStore

HOST = b"localhost"
"""The name in its greetings, and the first in its certificate."""
OLDEST_TLS, NEWEST_TLS = "TLS 1.0", "TLS 1.3"
CIPHERS = "ALL:!aNULL:!eNULL:@SECLEVEL=0"
"""All that any model can speak (docs/models), but none without a key."""
_KEY_BITS = 2048
_NAMES = ("localhost", "127.0.0.1")

_T = TypeVar("_T")


class MailHost(MultiService):
    """The mail host as one service.

    Nothing is on the disk before `startService`, which raises IrsendError or
    CannotListen where it fails. The constructor raises ConfigurationError
    for accounts that are no addresses. With `key_at_first_use` the key is made
    when a session asks for TLS, not at the start.
    """

    def __init__(
        self,
        configuration: configuration_sections.MailHost,
        directory: Path,
        reactor: Any,
        now: Callable[[], float],
        machine: IMailReceiver | None = None,
        *,
        key_at_first_use: bool = False,
    ) -> None:
        MultiService.__init__(self)
        self._key_at_first_use = key_at_first_use
        self._directory = directory
        self._keys = directory / "keys"
        self._reactor = reactor
        self._now = now
        self._disk = ThreadPool(0, 4, "mailhost")
        self._on_disk_now: set[Deferred[None]] = set()
        self._tls: ServerTLS | None = None
        self._certificates = b""
        self.accounts = dict(configuration.accounts)
        """Address and password of each account, as configured."""
        self._accounts = Accounts(self.accounts)
        self.maildirs = Maildirs(
            directory, self._accounts.names, GroupCommit(self._on_disk), now
        )
        self._portal = Portal(Maildrops(self.maildirs), [self._accounts])
        self.queue = Queue(self.maildirs, self._accounts, machine, reactor, now, self._on_disk)
        self._relay = Relay(
            host=HOST,
            accounts=self._accounts,
            maildirs=self.maildirs,
            queue=self.queue,
            machine=machine,
            tls=self._server_tls,
            clock=reactor,
            now=now,
        )
        self._smtp = Listener("SMTP", configuration.smtp, reactor, self._relay.session)
        self._pop3 = Listener("POP3", configuration.pop3, reactor, self._pop3_session)
        for service in (self._smtp, self._pop3, self.queue):
            service.setServiceParent(self)

    @property
    def smtp_addresses(self) -> list[IAddress]:
        """Where it takes mail."""
        return self._smtp.addresses

    @property
    def pop3_addresses(self) -> list[IAddress]:
        """Where it serves the maildrops."""
        return self._pop3.addresses

    def startService(self) -> None:
        """Read what is kept, then listen."""
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            self._keys.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(f"mailhost: {error.filename}: {error.strerror}") from None
        if not self._key_at_first_use:
            self._server_tls()
        self.maildirs.open_directories()
        Service.startService(self)
        try:
            for service in self:
                service.startService()
        except BaseException:
            self._smtp.close()
            self._pop3.close()
            raise
        # Nothing has come yet: it comes in the reactor's next turn.
        self._disk.start()

    def _server_tls(self) -> ServerTLS:
        """Return what answers STARTTLS and STLS; the first call reads the key, or makes it."""
        if self._tls is None:
            material = KeyStore(self._keys).load_or_generate(_NAMES, _KEY_BITS, self._now())
            self._certificates = material.certificates_pem()
            self._tls = ServerTLS.build(
                material.certificates,
                material.key,
                TLSProfile(oldest=OLDEST_TLS, newest=NEWEST_TLS, ciphers=CIPHERS),
            )
        return self._tls

    def certificates_pem(self) -> bytes:
        """Return its certificate."""
        self._server_tls()
        return self._certificates

    def abort_start(self) -> None:
        """Stop at once and wait for nothing, since another service failed to start."""
        self._smtp.close()
        self._pop3.close()
        self.queue.stopService()
        if self._disk.started:
            self._disk.stop()

    def stopService(self) -> Deferred[None]:
        """End the sessions, stop delivering; fires when nothing is being written any more."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await MultiService.stopService(self)
        while self._on_disk_now:
            await DeferredList(list(self._on_disk_now))
        if self._disk.started and not self._disk.joined:
            self._disk.stop()

    def _on_disk(self, work: Callable[[], _T]) -> Deferred[_T]:
        """Run something in a thread; `stopService` waits for it."""
        quiet: Deferred[None] = Deferred()
        self._on_disk_now.add(quiet)

        def ended(outcome: _T) -> _T:
            self._on_disk_now.discard(quiet)
            # After the callbacks that take the outcome: they may begin the next work.
            self._reactor.callLater(0, quiet.callback, None)
            return outcome

        return deferToThreadPool(self._reactor, self._disk, work).addBoth(ended)

    def _pop3_session(self, gone: Callable[[POP3], None]) -> POP3:
        session = POP3(
            self._portal,
            self._accounts.challengers,
            self._server_tls,
            Silence(),
            self._reactor,
            host=HOST,
        )
        session.closed.addCallback(lambda _: gone(session))
        return session
