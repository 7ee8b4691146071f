"""Kept mails: the Maildir of what was printed."""

from __future__ import annotations

import errno
import mailbox
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from irsend.errors import StateError
from irsend.store.group_commit import GroupCommit
from irsend.store.kept_mails import KeptMails
from irsend.store.memory import Memory
from tests.parts import at_once

_DAY = 86_400


class Case(SynchronousTestCase):
    """A memory, and the Maildir beside it."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.now = 1_000_000_000.0
        (self.directory / "memory").mkdir(parents=True)
        self.memory = Memory(
            self.directory / "memory", lambda: 10**9, GroupCommit(at_once), lambda: self.now
        )
        self.memory.open_directory()
        self.kept = self.again()

    def again(self) -> KeptMails:
        """Switch the machine on (again) on the same directory."""
        kept = KeptMails(self.directory / "mails", self.memory, at_once)
        kept.open_directory()
        return kept

    def received(self, content: bytes = b"Subject: x\r\n\r\nText\r\n") -> str:
        """Put a mail into memory; return its name."""
        message = self.memory.open_message(b"", on_stored=lambda _: None)
        message.write(content)
        self.successResultOf(message.commit())
        self.now += 1
        return message.name

    def keep(self, *contents: bytes) -> list[str]:
        """Receive mails, and keep them; return their names."""
        names = [self.received(content) for content in contents]
        self.assertEqual(self.successResultOf(self.kept.keep(names)), set(names))
        return names


class KeepTests(Case):
    """From memory to the Maildir."""

    def test_maildir(self) -> None:
        """What is kept is a Maildir that mail tools read, each mail as seen; memory is free."""
        self.keep(b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n")
        mails = list(mailbox.Maildir(str(self.directory / "mails"), create=False))
        self.assertEqual(sorted(one["subject"] for one in mails), ["one", "two"])
        self.assertEqual({one.get_flags() for one in mails}, {"S"})
        self.assertEqual((self.memory.used, self.memory.names()), (0, []))
        self.assertEqual(self.kept.size, len(b"Subject: one\r\n\r\n1\r\n") * 2)

    def test_over_a_restart(self) -> None:
        """After a restart the same mails are kept, oldest first, also where a mail tool has set flags."""
        names = self.keep(b"1", b"22", b"333")
        path = self.kept.path(names[1])
        assert path is not None
        path.rename(path.with_name(f"{names[1]}:2,FS"))
        again = self.again()
        self.assertEqual((len(again), again.size), (3, 6))
        self.assertEqual(again.path(names[1]), path.with_name(f"{names[1]}:2,FS"))
        self.assertEqual(again.beyond_limits(self.now, most=1, days=0, octets=100), names[:2])

    def test_gone(self) -> None:
        """A mail whose file another program has deleted is not kept, and frees its memory."""
        name = self.received()
        path = self.memory.path(name)
        assert path is not None
        path.unlink()
        self.assertEqual(self.successResultOf(self.kept.keep([name])), set())
        self.assertEqual((self.memory.used, len(self.kept)), (0, 0))

    def test_no_directory(self) -> None:
        """A file where the directory should be is a StateError with its path."""
        (self.directory / "elsewhere").write_text("", "ascii")
        kept = KeptMails(self.directory / "elsewhere", self.memory, at_once)
        self.assertIn("elsewhere", str(self.assertRaises(StateError, kept.open_directory)))


class LimitTests(Case):
    """What is beyond the limits."""

    def test_each_limit(self) -> None:
        """Number, age and size each name the oldest beyond them, and none within them."""
        names = self.keep(b"1" * 10, b"2" * 10, b"3" * 10)
        wide = {"most": 10, "days": 0, "octets": 1000}
        self.assertEqual(self.kept.beyond_limits(self.now, **wide), [])
        self.assertEqual(self.kept.beyond_limits(self.now, **{**wide, "most": 2}), names[:1])
        self.assertEqual(self.kept.beyond_limits(self.now, **{**wide, "octets": 15}), names[:2])
        self.assertEqual(self.kept.beyond_limits(self.now, **{**wide, "octets": 5}), names)
        later = self.now + 2 * _DAY - 1
        self.assertEqual(self.kept.beyond_limits(later, **{**wide, "days": 2}), names[:2])
        self.assertEqual(self.kept.beyond_limits(later, **{**wide, "days": 3}), [])

    def test_removed(self) -> None:
        """A mail that is removed is gone from the disk and from the count, one that is not there too."""
        first, second = self.keep(b"1", b"22")
        self.successResultOf(self.kept.remove([first, "1.never.x"]))
        self.assertEqual((len(self.kept), self.kept.size), (1, 2))
        self.assertNotIn(first, self.kept)
        self.assertIsNone(self.kept.path(first))
        self.assertIsNotNone(self.kept.path(second))


class RoomTests(Case):
    """A full disk."""

    def test_oldest_first(self) -> None:
        """Room is made of the oldest mails, as many as are needed, and they are named once."""
        names = self.keep(*[bytes(9_000_000)] * 4)
        self.assertTrue(self.kept.make_room())
        self.assertEqual(self.kept.deleted_for_room(), names[:2])
        self.assertEqual(self.kept.deleted_for_room(), [])
        self.assertTrue(self.kept.make_room(1))
        self.assertFalse(self.kept.make_room(1))
        self.assertEqual((len(self.kept), self.kept.size), (0, 0))

    def test_waiting_mail_stays(self) -> None:
        """What waits in memory is never removed for room."""
        name = self.received()
        self.assertFalse(self.kept.make_room(10**9))
        self.assertIsNotNone(self.memory.path(name))

    def test_arrival_makes_room(self) -> None:
        """A mail that the full disk does not take is written once kept ones have made room."""
        full = [True]

        def make_room(octets: int) -> bool:
            full[0] = False
            return True

        self.memory.make_room = make_room
        message = self.memory.open_message(b"", on_stored=lambda _: None)
        write = message._file._write

        def writes(pieces: list[bytes]) -> None:
            if full[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(pieces)

        message._file._write = writes  # type: ignore[method-assign]
        message.write(b"Text\r\n")
        self.successResultOf(message.commit())
        path = self.memory.path(message.name)
        assert path is not None
        self.assertEqual(path.read_bytes(), b"Text\r\n")
