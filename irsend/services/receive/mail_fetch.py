"""What a POP session fetches: RETR of each mail, DELE once it is safe (docs/fidelity).

A mail is deleted on the server only when it is safe in memory. One that was
fetched before and is still on the server is recognised by the mark of its UIDL,
and is only deleted.

Standards: RFC 1939 5 (TRANSACTION), 7 (UIDL).
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred, DeferredList
from twisted.mail.pop3 import ServerErrorResponse

from irsend.configuration_sections import MB
from irsend.device.device import Device
from irsend.errors import MemoryFull, MessageTooLarge
from irsend.message.trace import pop_trace
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.pop_client_session import OpenMaildrop, POPSessionFailed, server_text
from irsend.services.receive.dispatch import Dispatch
from irsend.store.journal import Journal
from irsend.store.memory import Memory, StoredMessage, maildrop_mark, uidl_mark

# Mails that are fetched or synced at the same time.
_AT_ONCE = 16
_MEMORY_FULL = "the memory is full: no further mail is fetched"


class MailFetch:
    """The transaction of one session: every mail of the maildrop, as far as there is memory.

    `too_large` has the marks of mails that turned out larger than their server
    said. They stay on the server; this session adds to the set.
    """

    def __init__(
        self,
        *,
        device: Device,
        memory: Memory,
        journal: Journal,
        configuration: LiveConfiguration,
        dispatch: Dispatch,
        too_large: set[str],
    ) -> None:
        self._device = device
        self._memory = memory
        self._journal = journal
        self._configuration = configuration
        self._dispatch = dispatch
        self._too_large = too_large
        self.octets = 0
        self.messages = 0
        self._deleted: list[str] = []
        """Marks of the mails that QUIT deletes."""
        self._stopped = ""
        """Why no further mail is fetched."""
        self._refused = ""
        """The server's reply to RETR or DELE of a mail, where that was an error."""
        self._failures: list[BaseException] = []

    def check(self) -> None:
        """Refuse to begin while the memory is full."""
        if self._memory.full:
            raise POPSessionFailed("the memory is full: mail is not fetched", None)

    async def run(self, maildrop: OpenMaildrop) -> None:
        """Fetch all, several at a time where the server allows it, then QUIT."""
        client, user = maildrop.client, maildrop.user
        sizes = await client.sizes()
        try:
            uidls = await client.uidls()
        except ServerErrorResponse:
            # UIDL is optional (RFC 1939 7). Without it a mail is not recognised.
            uidls = {}
        marks = {number: uidl_mark(maildrop.server, user, uidls[number]) for number in uidls}
        fetched = await self._journal.fetched(maildrop_mark(maildrop.server, user))
        self._journal.forget_fetched(fetched - set(marks.values()))
        mails = iter([(number, size, marks.get(number, "")) for number, size in sizes.items()])
        await DeferredList(
            [
                Deferred.fromCoroutine(self._fetch_some(maildrop, mails, fetched))
                for _ in range(_AT_ONCE)
            ]
        )
        if self._failures and not self._stopped:
            raise self._failures[0]
        await client.leave()
        # The server has deleted them, and may use their UIDLs again.
        self._journal.forget_fetched(self._deleted)
        if self._stopped:
            raise POPSessionFailed(self._stopped, None)
        if self._refused:
            raise POPSessionFailed(f"the server refused: {self._refused}")

    async def _fetch_some(
        self, maildrop: OpenMaildrop, mails: Iterator[tuple[int, int, str]], fetched: set[str]
    ) -> None:
        for number, size, mark in mails:
            if self._stopped or self._failures:
                return
            try:
                if mark not in fetched and not await self._fetch(maildrop, number, size, mark):
                    continue
                await maildrop.client.delete(number - 1)
                self._deleted.append(mark)
            except ServerErrorResponse as error:
                # The error is about one mail: the others are fetched.
                self._refused = f"message {number}: {server_text(error)}"
            except Exception as error:
                self._failures.append(error)

    async def _fetch(self, maildrop: OpenMaildrop, number: int, size: int, mark: str) -> bool:
        """Fetch a mail; return whether it is safe in memory."""
        memory = self._memory
        if size > self._largest or mark in self._too_large:
            maildrop.transcript.note(f"message {number} stays on the server: it is too large")
            return False
        if memory.used + size > memory.capacity:
            self._stopped = _MEMORY_FULL
            return False
        try:
            message = await maildrop.client.retrieve_into(
                number - 1, lambda: self._open(maildrop, mark)
            )
            await message.commit()
        except MemoryFull:
            self._stopped = _MEMORY_FULL
            return False
        except MessageTooLarge:
            # This session ends; the next one does not fetch the mail.
            self._too_large.add(mark)
            raise
        return True

    @property
    def _largest(self) -> int:
        return self._configuration.current.limits.message_size * MB

    def _open(self, maildrop: OpenMaildrop, mark: str) -> StoredMessage:
        trace = pop_trace(
            server=maildrop.server,
            user=maildrop.user,
            host=self._configuration.host.encode("ascii"),
            at=self._device.now(),
            cipher=" ".join(maildrop.client.tls or ()),
        )

        def stored(message: StoredMessage) -> None:
            self.octets += message.size
            self.messages += 1
            if mark:
                # Before its job: a mark that is lost with the power is restored from the file's name.
                self._journal.remember_fetched(
                    maildrop_mark(maildrop.server, maildrop.user), mark
                )
            self._dispatch.mail_stored(message.name, message.head_octets, "", maildrop.session)

        return self._memory.open_message(
            trace, on_stored=stored, mark=mark, most=self._largest + len(trace)
        )
