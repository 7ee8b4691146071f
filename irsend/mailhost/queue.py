"""The queue: mail for the machine, until the machine has accepted it.

A mail is on the disk before its sender has the 250, and is deleted when the machine
has sent its own: a crash in between delivers a mail twice, never not at all. While
the machine does not accept it (switched off, memory full, any 4xx) it is tried again
after growing pauses, without end. A mail that the machine refuses with a 5xx is
returned to its sender where that is an account, else moved into the Maildir
`undelivered`.

STARTTLS is used where the machine offers it, whatever its certificate says;
plain text otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.errors import MemoryFull
from irsend.interfaces import IMailReceiver, Mailbox
from irsend.mailhost.accounts import Accounts
from irsend.mailhost.bounce import compose_bounce
from irsend.mailhost.maildirs import Maildirs, read_envelope
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.smtp_client_replies import Refused, ServerReply, UnreadableReply
from irsend.protocols.tls import ClientTLS, TLSFailed
from irsend.protocols.tls_context import TLSProfile
from irsend.protocols.transcript import Silence

PAUSES = (1, 2, 5, 10, 30, 60)
"""Seconds between attempts; the last one holds from then on."""

_HOST = b"localhost"
_CONNECT = 30
_SESSION_OVER = (
    Refused,
    UnreadableReply,
    TLSFailed,
    error.ConnectError,
    error.ConnectingCancelledError,
    error.ConnectionLost,
    error.TimeoutError,
)


@define(eq=False)
class _Waiting:
    """A mail in the queue. After a crash all its recipients are tried again."""

    name: str
    due: float
    attempts: int = 0
    accepted: set[Mailbox] = field(factory=set)
    refused: dict[Mailbox, ServerReply] = field(factory=dict)


class Queue(Service):
    """Delivers mail to the machine, one session at a time."""

    log = Logger()

    def __init__(
        self,
        maildirs: Maildirs,
        accounts: Accounts,
        machine: IMailReceiver | None,
        reactor: Any,
        now: Callable[[], float],
        on_disk: Callable[[Callable[[], None]], Deferred[None]],
    ) -> None:
        self._maildirs = maildirs
        self._accounts = accounts
        self._machine = machine
        self._reactor = reactor
        self._now = now
        self._on_disk = on_disk
        self._waiting: dict[str, _Waiting] = {}
        self._timer: IDelayedCall | None = None
        self._under_way = False
        self._connecting: Deferred[IProtocol] | None = None
        self._client: ESMTPClient | None = None
        self._ended: Deferred[None] | None = None
        self._tls: ClientTLS | None = None

    def startService(self) -> None:
        """Begin with the mails that are in the Maildir already."""
        Service.startService(self)
        for name in self._maildirs.queue.names():
            self.enqueue(name)

    def stopService(self) -> Deferred[None] | None:
        """Stop at once; what is not delivered yet is there at the next start."""
        Service.stopService(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if not self._under_way:
            return None
        # A name of its own: `_ended` is None again if the session ends in the next lines.
        stopped = self._ended = Deferred()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._client is not None and self._client.connected:
            self._client.abort(error.ConnectionLost("the mail host was switched off"))
        return stopped

    def enqueue(self, name: str) -> None:
        """Deliver the mail of this name, which is safe in the queue's Maildir."""
        self._waiting[name] = _Waiting(name, self._reactor.seconds())
        self._schedule()

    @property
    def pending(self) -> int:
        """How many mails wait."""
        return len(self._waiting)

    def _schedule(self) -> None:
        if not self.running or self._under_way:
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._waiting:
            first = min(one.due for one in self._waiting.values())
            delay = max(0.0, first - self._reactor.seconds())
            self._timer = self._reactor.callLater(delay, self._run)

    def _run(self) -> None:
        self._under_way = True

        def ended(_: object) -> None:
            self._under_way = False
            if self._ended is not None:
                stopped, self._ended = self._ended, None
                stopped.callback(None)
            self._schedule()

        def broken(failure: Failure) -> None:
            self.log.failure("While delivering mail to the machine", failure)
            self._postpone_all("an error of irsend's own")

        Deferred.fromCoroutine(self._deliver_due()).addErrback(broken).addCallback(ended)

    def _next_due(self) -> _Waiting | None:
        due = [one for one in self._waiting.values() if one.due <= self._reactor.seconds()]
        return min(due, key=lambda one: (one.due, one.name), default=None)

    def _postpone(self, one: _Waiting, why: str) -> None:
        pause = PAUSES[min(one.attempts, len(PAUSES) - 1)]
        one.attempts += 1
        one.due = self._reactor.seconds() + pause
        self.log.info(
            "Mail host: the machine does not take {name} now ({why}); again in {pause} s",
            name=one.name,
            why=why,
            pause=pause,
        )

    def _postpone_all(self, why: str) -> None:
        one = self._next_due()
        while one is not None:
            self._postpone(one, why)
            one = self._next_due()

    # -- a session with the machine -------------------------------------------

    async def _deliver_due(self) -> None:
        address = self._machine.smtp_address() if self._machine is not None else None
        if address is None:
            self._postpone_all("it does not listen")
            return
        transcript = Silence()
        client = ESMTPClient(transcript, self._reactor, identity=_HOST)
        try:
            await self._connect(address, client)
            await client.open_session(self._client_tls(address[0]))
            one = self._next_due()
            while one is not None and self.running:
                try:
                    await self._deliver(client, one)
                except OSError as problem:
                    # Of this one mail: the others are delivered all the same.
                    self._postpone(one, str(problem))
                one = self._next_due()
        except _SESSION_OVER as why:
            if self.running:
                self._postpone_all(str(why) or type(why).__name__)
        except Exception:
            if client.connected:
                client.abort(error.ConnectionLost("an error of irsend's own"))
            raise
        self._connecting = None
        if client.connected:
            await client.quit()
        self._client = None

    def _connect(self, address: tuple[str, int], client: ESMTPClient) -> Deferred[IProtocol]:
        endpoint = TCP6ClientEndpoint if ":" in address[0] else TCP4ClientEndpoint
        self._client = client
        self._connecting = endpoint(self._reactor, *address, timeout=_CONNECT).connect(
            _Factory(client)
        )
        return self._connecting

    def _client_tls(self, host: str) -> ClientTLS:
        if self._tls is None:
            self._tls = ClientTLS.build(
                host,
                TLSProfile(
                    oldest="TLS 1.0", newest="TLS 1.3", ciphers="ALL:!aNULL:!eNULL:@SECLEVEL=0"
                ),
            )
        return self._tls

    async def _deliver(self, client: ESMTPClient, one: _Waiting) -> None:
        path = self._maildirs.queue.path(one.name)
        if path is None:
            # Deleted by a mail tool, which cancels it.
            self._forget(one)
            return
        with path.open("rb") as mail:
            envelope = read_envelope(mail)
            if envelope is None:
                await self._set_aside(one, "it has no envelope")
                return
            sender, recipients = envelope
            left = [to for to in recipients if to not in one.accepted and to not in one.refused]
            size = os.fstat(mail.fileno()).st_size - mail.tell()
            replies = await client.send(sender, left, mail, size=size)
        later = ""
        for recipient, reply in replies.items():
            if reply.positive:
                one.accepted.add(recipient)
            elif reply.permanent:
                one.refused[recipient] = reply
            else:
                later = str(reply)
        if later:
            self._postpone(one, later)
        elif one.refused:
            await self._return(one, sender)
        else:
            self._forget(one)

    def _forget(self, one: _Waiting) -> None:
        self._maildirs.queue.delete(one.name)
        del self._waiting[one.name]

    # -- what the machine refuses ---------------------------------------------

    async def _return(self, one: _Waiting, sender: Mailbox | None) -> None:
        why = "; ".join(dict.fromkeys(str(reply) for reply in one.refused.values()))
        account = self._accounts.account_of(sender)
        if sender is None or account is None:
            await self._set_aside(one, why)
            return
        trace, bounce = compose_bounce(
            sender,
            one.refused,
            self._maildirs.queue.read_head(one.name),
            host=_HOST.decode("ascii"),
            at=self._now(),
        )
        try:
            message = self._maildirs.of_account(account).open_message(
                trace, on_stored=lambda _: None
            )
            try:
                message.write(bounce)
            except BaseException:
                message.abort()
                raise
            await message.commit()
        except (MemoryFull, OSError) as full:
            await self._set_aside(one, f"{why}; and its sender could not be told: {full}")
            return
        self.log.info(
            "Mail host: {name} went back to its sender: {why}", name=one.name, why=why
        )
        self._forget(one)

    async def _set_aside(self, one: _Waiting, why: str) -> None:
        undelivered, size = self._maildirs.undelivered, self._maildirs.queue.size(one.name)
        if undelivered.used + size > undelivered.capacity:
            self._postpone(one, f"{why}, and undelivered/ is full")
            return
        await self._on_disk(lambda: self._maildirs.set_aside(one.name))
        undelivered.remember(one.name, size)
        self.log.warn("Mail host: {name} stays undelivered: {why}", name=one.name, why=why)
        self._forget(one)


class _Factory(ClientFactory):
    """Makes the one session; logs nothing."""

    noisy = False

    def __init__(self, client: ESMTPClient) -> None:
        self._client = client

    def buildProtocol(self, addr: IAddress | None) -> ESMTPClient:
        return self._client
