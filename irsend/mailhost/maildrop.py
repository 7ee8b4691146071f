"""A maildrop as POP3 serves it: a Maildir, as it was when its session began.

One session has it at a time. What arrives meanwhile is for the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

from twisted.cred.portal import IRealm
from twisted.mail.interfaces import IMailboxPOP3
from zope.interface import Interface, implementer

from irsend.mailhost.maildirs import Maildirs
from irsend.protocols.pop3_server import MaildropInUse
from irsend.store.memory import Memory

_LONGEST_UIDL = 70


@implementer(IMailboxPOP3)
class Maildrop:
    """The mails of one account, by their index from 0."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        there = memory.paths()
        self._names = [name for name in memory.names() if name in there]
        self._marked: set[int] = set()

    def listMessages(self, index: int | None = None) -> Any:
        """Return the size of a mail, or of each; 0 for one that is marked. ValueError for no mail."""
        if index is None:
            return [self._size(one) for one in range(len(self._names))]
        return self._size(self._checked(index))

    def _size(self, index: int) -> int:
        return 0 if index in self._marked else self._memory.size(self._names[index])

    def getMessage(self, index: int) -> IO[bytes]:
        """Open a mail; OSError, ValueError."""
        path = self._memory.path(self._names[self._checked(index)])
        if path is None:
            raise ValueError("a mail tool has taken it away")
        return path.open("rb")

    def getUidl(self, index: int) -> bytes:
        """Return its unique name: 70 characters hold time, process and count in any case (RFC 1939 7)."""
        name = self._names[self._checked(index)].partition(",U=")[0]
        return name.encode("ascii", "replace")[:_LONGEST_UIDL]

    def deleteMessage(self, index: int) -> None:
        """Mark a mail; ValueError where it is marked already."""
        if self._checked(index) in self._marked:
            raise ValueError("marked already")
        self._marked.add(index)

    def undeleteMessages(self) -> None:
        """Unmark all."""
        self._marked.clear()

    def sync(self) -> None:
        """Delete what is marked, for good; OSError."""
        for index in sorted(self._marked):
            self._memory.delete(self._names[index])
        self._marked.clear()

    def _checked(self, index: int) -> int:
        if not 0 <= index < len(self._names):
            raise ValueError("there is no such mail")
        return index


@implementer(IRealm)
class Maildrops:
    """Gives each account its maildrop, to one session at a time."""

    def __init__(self, maildirs: Maildirs) -> None:
        self._maildirs = maildirs
        self._in_use: set[bytes] = set()

    def requestAvatar(
        self, avatarId: bytes | tuple[()], mind: object, *interfaces: type[Interface]
    ) -> tuple[type[Interface], Maildrop, Callable[[], None]]:
        """Return the maildrop and what releases it; MaildropInUse."""
        if IMailboxPOP3 not in interfaces:
            raise NotImplementedError("only maildrops are served")
        assert isinstance(avatarId, bytes)
        if avatarId in self._in_use:
            raise MaildropInUse
        self._in_use.add(avatarId)
        maildrop = Maildrop(self._maildirs.of_account(avatarId.decode("ascii")))
        return IMailboxPOP3, maildrop, lambda: self._in_use.discard(avatarId)
