"""What a POP session fetches: RETR of each mail, DELE once it is safe (docs/fidelity).

A mail is deleted on the server only when it is safe in memory. One that was
fetched before and is still on the server is recognised by the mark of its UIDL,
and is only deleted.

A mail has its job only when a reply has followed its end mark. Where something else
follows (the server does not stuff dots, say), what came is the beginning of a mail:
the machine keeps nothing of it, and fetches it again with the next session.

Standards: RFC 1939 5 (TRANSACTION), 7 (UIDL).
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred, DeferredList
from twisted.mail.pop3 import ServerErrorResponse

from irsend.configuration_sections import MB
from irsend.device import codes
from irsend.device.device import Device
from irsend.errors import MemoryFull, MessageTooLarge
from irsend.message.trace import pop_trace
from irsend.protocols.pop3_exchange import ProtocolViolation
from irsend.services.error_text import error_text
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.pop_client_session import OpenMaildrop, POPSessionFailed, server_text
from irsend.services.receive.dispatch import Dispatch
from irsend.services.receive.left_mails import LeftMails, ListedMail
from irsend.store.journal import Journal
from irsend.store.memory import Memory, StoredMessage, maildrop_mark, uidl_mark

# Mails that are fetched or synced at the same time.
_AT_ONCE = 16
# A mail that is shorter than LIST said by this share and by so many octets may have been cut.
_SHORT_SHARE, _SHORT_OCTETS = 8, 512
_MEMORY_FULL = "the memory is full: no further mail is fetched"
_BROKEN_OFF = "reception broke off before; the next session tries again"


class MailFetch:
    """The transaction of one session: every mail of the maildrop, as far as there is memory.

    `left` is what earlier sessions know of mails that stay on the server; this
    session adds to it.
    """

    def __init__(
        self,
        *,
        device: Device,
        memory: Memory,
        journal: Journal,
        configuration: LiveConfiguration,
        dispatch: Dispatch,
        left: LeftMails,
    ) -> None:
        self._device = device
        self._memory = memory
        self._journal = journal
        self._configuration = configuration
        self._dispatch = dispatch
        self._left = left
        self.octets = 0
        self.messages = 0
        self._deleted: list[str] = []
        """Marks of the mails that QUIT deletes."""
        self._not_fetched = 0
        """How many mails there were when the session began, without those fetched before."""
        self._stopped = ""
        """Why no further mail is fetched."""
        self._refused: list[str] = []
        """The server's replies to RETR or DELE of a mail, where they were errors."""
        self._staying: list[tuple[str, str]] = []
        """Keys of the mails that are left on the server, each with its reason."""
        self._failures: list[BaseException] = []
        self._incomplete: list[int] = []
        """Numbers of the mails behind which something came that is no reply."""

    def check(self) -> None:
        """Refuse to begin while the memory is full."""
        if self._memory.full:
            raise POPSessionFailed("the memory is full: mail is not fetched", None)

    async def run(self, maildrop: OpenMaildrop) -> None:
        """Fetch all, several at a time where the server allows it, then QUIT."""
        client = maildrop.client
        listed = await self._list(maildrop)
        fetched = await self._journal.fetched(maildrop_mark(maildrop.server, maildrop.user))
        self._journal.forget_fetched(fetched - {one.mark for one in listed})
        self._left.forget_others(listed)
        self._not_fetched = sum(1 for one in listed if one.mark not in fetched)
        suspect = [one for one in listed if one.key in self._left.broken_off]
        await self._fetch_all(maildrop, [one for one in listed if one not in suspect], fetched)
        if not self._deleted:
            # In a session of their own: one that breaks off has no QUIT, which deletes the others.
            await self._fetch_all(maildrop, suspect, fetched)
        else:
            self._staying += [(one.key, _BROKEN_OFF) for one in suspect]
        if self._failures and not self._stopped:
            raise self._failure(self._failures[0])
        try:
            await client.leave()
            # The server has deleted them, and may use their UIDLs again.
            self._journal.forget_fetched(self._deleted)
        except Exception:
            if not self._stopped:
                raise
        self._report()

    def _failure(self, error: BaseException) -> BaseException:
        """Return what ended the session, with the mail that it left incomplete."""
        if not isinstance(error, ProtocolViolation) or not self._incomplete:
            return error
        number = min(self._incomplete)
        return POPSessionFailed(
            f"{error_text(error)}; message {number} stays on the server, since it is not whole "
            "(does the server stuff dots?)"
        )

    def _report(self) -> None:
        """Raise POPSessionFailed where mails stay on the server and no earlier session said so."""
        reasons = []
        if self._stopped:
            count = self._not_fetched - self.messages
            reasons.append(f"{self._stopped} ({count} on the server)")
        if self._refused:
            more = f" (and {len(self._refused) - 1} more)" if len(self._refused) > 1 else ""
            reasons.append(f"the server refused: {self._refused[0]}{more}")
        staying = self._left.report(self._staying)
        if staying:
            reasons.append(staying)
        if reasons:
            # A refusal is the server's error, all else the machine's own limits.
            code = codes.POP_CONNECTION if self._refused and not self._stopped else None
            raise POPSessionFailed("; ".join(reasons), code)

    async def _list(self, maildrop: OpenMaildrop) -> list[ListedMail]:
        sizes = await maildrop.client.sizes()
        try:
            uidls = await maildrop.client.uidls()
        except ServerErrorResponse:
            # UIDL is optional (RFC 1939 7). Without it a mail is not recognised.
            uidls = {}
        server, user = maildrop.server, maildrop.user
        marks = {number: uidl_mark(server, user, uidls[number]) for number in uidls}
        return [
            ListedMail(number=number, size=size, mark=marks.get(number, ""))
            for number, size in sizes.items()
        ]

    async def _fetch_all(
        self, maildrop: OpenMaildrop, listed: list[ListedMail], fetched: set[str]
    ) -> None:
        mails = iter(listed)
        await DeferredList(
            [
                Deferred.fromCoroutine(self._fetch_some(maildrop, mails, fetched))
                for _ in range(_AT_ONCE)
            ]
        )

    async def _fetch_some(
        self, maildrop: OpenMaildrop, mails: Iterator[ListedMail], fetched: set[str]
    ) -> None:
        for mail in mails:
            if self._stopped or self._failures:
                return
            try:
                if mail.mark in fetched:
                    await self._delete(maildrop, mail)
                else:
                    await self._fetch(maildrop, mail)
            except ServerErrorResponse as error:
                # The error is about one mail: the others are fetched.
                self._refused.append(f"message {mail.number}: {server_text(error)}")
            except Exception as error:
                self._failures.append(error)

    async def _delete(self, maildrop: OpenMaildrop, mail: ListedMail) -> None:
        await maildrop.client.delete(mail.number - 1)
        self._deleted.append(mail.mark)

    async def _fetch(self, maildrop: OpenMaildrop, mail: ListedMail) -> None:
        """Fetch a mail, give it its job, and delete it on the server."""
        memory = self._memory
        if mail.size > self._largest or mail.key in self._left.too_large:
            most = self._configuration.current.limits.message_size
            why = f"larger than the machine takes ({most} MB)"
            self._staying.append((mail.key, why))
            maildrop.transcript.note(f"message {mail.number} stays on the server: {why}")
            return
        if memory.used + mail.size > memory.capacity:
            self._stopped = _MEMORY_FULL
            return
        try:
            message, followed = await self._retrieve(maildrop, mail)
            await message.commit()
        except MemoryFull:
            self._stopped = _MEMORY_FULL
            return
        except MessageTooLarge:
            # This session ends; the next one does not fetch the mail.
            self._left.too_large.add(mail.key)
            self._left.reported.add(mail.key)
            raise
        deleted = Deferred.fromCoroutine(self._delete(maildrop, mail))
        try:
            # The reply to DELE may be the one that shows whether the mail is whole.
            if await followed:
                self._keep(maildrop, mail, message)
            else:
                await self._discard(maildrop, mail, message)
        finally:
            await deleted

    def _keep(self, maildrop: OpenMaildrop, mail: ListedMail, message: StoredMessage) -> None:
        self._left.broken_off.discard(mail.key)
        self.octets += message.size
        self.messages += 1
        self._dispatch.mail_stored(message.name, message.head_octets, "", maildrop.session)

    async def _retrieve(
        self, maildrop: OpenMaildrop, mail: ListedMail
    ) -> tuple[StoredMessage, Deferred[bool]]:
        """RETR; return the mail, not committed yet, and a Deferred of whether a reply follows it."""
        client = maildrop.client
        trace = self._trace(maildrop)
        opened: list[StoredMessage] = []

        def open_message() -> StoredMessage:
            opened.append(self._open(maildrop, mail.mark, trace))
            return opened[0]

        await client.retrieve_into(mail.number - 1, open_message)
        (message,) = opened
        followed = client.next_reply()
        missing = mail.size - (message.size - len(trace))
        if missing > max(_SHORT_OCTETS, mail.size // _SHORT_SHARE):
            # Servers lie about sizes harmlessly. It is asked before the mail is kept, and the
            # reply to DELE must follow too: a rest of the mail may begin like a reply.
            maildrop.transcript.note(
                f"message {mail.number} is {missing} octets shorter than LIST said"
            )
            try:
                await client.noop()
            except ServerErrorResponse:
                # A reply all the same.
                pass
            except Exception:
                if not await followed:
                    self._broke_off(mail)
                message.abort()
                raise
            followed = client.next_reply()
        return message, followed

    def _broke_off(self, mail: ListedMail) -> None:
        self._left.broken_off.add(mail.key)
        self._incomplete.append(mail.number)

    async def _discard(
        self, maildrop: OpenMaildrop, mail: ListedMail, message: StoredMessage
    ) -> None:
        """Keep nothing of a mail that the server has not sent whole."""
        self._broke_off(mail)
        if mail.mark:
            self._journal.forget_fetched([mail.mark])
        await self._memory.delete_durably([message.name])
        maildrop.transcript.note(
            f"message {mail.number} is not kept: what followed its end mark is no reply"
        )

    @property
    def _largest(self) -> int:
        return self._configuration.current.limits.message_size * MB

    def _trace(self, maildrop: OpenMaildrop) -> bytes:
        return pop_trace(
            server=maildrop.server,
            user=maildrop.user,
            host=self._configuration.host.encode("ascii"),
            at=self._device.now(),
            cipher=" ".join(maildrop.client.tls or ()),
        )

    def _open(self, maildrop: OpenMaildrop, mark: str, trace: bytes) -> StoredMessage:
        def stored(_: StoredMessage) -> None:
            if mark:
                # Before its job: a mark that is lost with the power is restored from the file's name.
                self._journal.remember_fetched(
                    maildrop_mark(maildrop.server, maildrop.user), mark
                )

        return self._memory.open_message(
            trace, on_stored=stored, mark=mark, most=self._largest + len(trace)
        )
