"""Parts of a mail host for tests, with a machine beside it that a test controls."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase
from zope.interface import implementer

from irsend.interfaces import IMailReceiver, Mailbox
from irsend.mailhost.accounts import Accounts
from irsend.mailhost.maildirs import Maildirs
from irsend.store.group_commit import GroupCommit
from irsend.store.memory import Memory
from tests.parts import AT, at_once

ACCOUNTS = {"ir@bench.test": "bench", "Second@bench.test": "other"}


@implementer(IMailReceiver)
class StandInMachine:
    """Takes what is for machine.test, at an address that a test may change."""

    address: tuple[str, int] | None = ("127.0.0.1", 2525)

    def size_limit(self) -> int:
        """Take mails as large as the machine does by default."""
        return 100_000_000

    def accepts(self, recipient: Mailbox) -> bool:
        """Say yes for all of machine.test."""
        return recipient.domain == b"machine.test"

    def smtp_address(self) -> tuple[str, int] | None:
        """Return the address."""
        return self.address


def make_maildirs(test: TestCase) -> tuple[Accounts, Maildirs]:
    """Return accounts and their Maildirs, open."""
    accounts = Accounts(ACCOUNTS)
    directory = Path(test.mktemp())
    directory.mkdir()
    maildirs = Maildirs(directory, accounts.names, GroupCommit(at_once), lambda: AT)
    maildirs.open_directories()
    return accounts, maildirs


def mails_in(memory: Memory) -> list[bytes]:
    """Return the mails of a Maildir, oldest first."""
    paths = [memory.path(name) for name in memory.names()]
    return [path.read_bytes() for path in paths if path is not None]


def put(memory: Memory, mail: bytes, *, trace: bytes = b"Return-Path: <>\r\n") -> str:
    """Put a mail into a Maildir, and return its name."""
    message = memory.open_message(trace, on_stored=lambda _: None)
    message.write(mail)
    message.commit()
    return message.name
