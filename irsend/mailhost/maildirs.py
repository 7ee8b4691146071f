"""The Maildirs of the mail host: one of each account, the queue for the machine, undelivered mail.

Each is a Maildir as any mail tool knows it; the mail in it begins with its
envelope, as Return-Path and Delivered-To.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from irsend.errors import StateError
from irsend.interfaces import Mailbox
from irsend.protocols.smtp_grammar import GrammarError, parse_path
from irsend.store.group_commit import GroupCommit
from irsend.store.memory import Memory
from irsend.store.state import sync_directory

_CAPACITY = 512_000_000
"""What one Maildir holds, in octets: as much as the machine's memory by default."""
_FOR = b"Delivered-To: "


class Maildirs:
    """All of them, under one directory. `open_directories` comes first."""

    def __init__(
        self,
        directory: Path,
        accounts: Iterable[str],
        commits: GroupCommit,
        now: Callable[[], float],
    ) -> None:
        # An address holds @, so none of them is called as the others here are.
        self._accounts = {
            account: Memory(
                directory / quote(account, safe="@"), lambda: _CAPACITY, commits, now
            )
            for account in accounts
        }
        self.queue = Memory(directory / "queue", lambda: _CAPACITY, commits, now)
        self.undelivered = Memory(directory / "undelivered", lambda: _CAPACITY, commits, now)

    def of_account(self, account: str) -> Memory:
        """Return the Maildir of an account."""
        return self._accounts[account]

    def mails_of(self, account: str) -> list[bytes]:
        """Return the mails of an account, oldest first."""
        memory = self._accounts[account]
        paths = [memory.path(name) for name in memory.names()]
        return [path.read_bytes() for path in paths if path is not None]

    def clear(self) -> None:
        """Delete the mails of all accounts, and what could not be delivered."""
        for memory in (*self._accounts.values(), self.undelivered):
            for name in memory.names():
                memory.delete(name)

    def open_directories(self) -> None:
        """Make the directories that are missing, and read those that are there; StateError."""
        try:
            for memory in self._all():
                memory.directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(f"mailhost: {error.filename}: {error.strerror}") from None
        for memory in self._all():
            memory.open_directory()
            sync_directory(memory.directory)
        sync_directory(self.queue.directory.parent)

    def _all(self) -> list[Memory]:
        return [*self._accounts.values(), self.queue, self.undelivered]

    def set_aside(self, name: str) -> None:
        """Move a mail from the queue's directory to `undelivered` (called in a thread)."""
        path = self.queue.path(name)
        if path is not None:
            finished = self.undelivered.directory / "new"
            path.rename(finished / name)
            sync_directory(finished)
            sync_directory(path.parent)


def read_envelope(mail: IO[bytes]) -> tuple[Mailbox | None, list[Mailbox]] | None:
    """Read sender and recipients at the beginning of a mail; the next read follows them.

    None where the mail does not begin with them: another program put it there.
    """
    try:
        sender = _mailbox(mail.readline(), b"Return-Path: ", b"FROM")
        recipients: list[Mailbox] = []
        while True:
            position = mail.tell()
            line = mail.readline()
            if not line.startswith(_FOR):
                mail.seek(position)
                return (sender, recipients) if recipients else None
            recipient = _mailbox(line, _FOR, b"TO")
            if recipient is not None:
                recipients.append(recipient)
    except GrammarError:
        return None


def _mailbox(line: bytes, field: bytes, word: bytes) -> Mailbox | None:
    """Return the mailbox in a field, None for the null sender; GrammarError where it is another."""
    if not line.startswith(field):
        raise GrammarError("not an envelope")
    path = line[len(field) :].rstrip(b"\r\n")
    return parse_path(
        word + b":" + (path if path.startswith(b"<") else b"<" + path + b">"), word
    )[0]
