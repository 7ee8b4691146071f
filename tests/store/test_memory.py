"""Memory: the Maildir of what was received."""

from __future__ import annotations

import mailbox
import os
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from irsend.errors import MemoryFull, MessageTooLarge, StateError
from irsend.interfaces import IMessageSink
from irsend.message.summary import LONGEST_HEAD
from irsend.store.group_commit import GroupCommit
from irsend.store.memory import Memory, StoredMessage, maildrop_mark, mark_in, uidl_mark
from tests.store.shortage import no_file_larger_than, open_files
from tests.store.threads import HeldThread

TRACE = b"Received: from x\r\n"
MAIL = b"Subject: x\r\n\r\nbody\r\n"


class Case(SynchronousTestCase):
    """A memory of 1,000 octets, and a thread that works when the test says so."""

    capacity = 1000

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.thread = HeldThread()
        self.clock = Clock()
        self.clock.advance(1_234_567_890.25)
        self.memory = self.memory_again()
        self.kept: list[StoredMessage] = []

    def memory_again(self) -> Memory:
        """Switch the machine on (again) on the same directory."""
        memory = Memory(
            self.directory, lambda: self.capacity, GroupCommit(self.thread), self.clock.seconds
        )
        memory.open_directory()
        return memory

    def open(self, trace: bytes = TRACE, **fields: Any) -> StoredMessage:
        """Begin a mail."""
        return self.memory.open_message(trace, on_stored=self.kept.append, **fields)

    def store(self, content: bytes = MAIL, trace: bytes = TRACE, **fields: Any) -> str:
        """Keep a mail, and return its name."""
        message = self.open(trace, **fields)
        message.write(content)
        done = message.commit()
        self.thread.run_all()
        self.successResultOf(done)
        return message.name

    def files(self, part: str) -> list[str]:
        """The files in a part of the Maildir."""
        return sorted(os.listdir(self.directory / part))

    def check_used(self) -> None:
        """Check, while none is arriving, that what is accounted for is what is there."""
        there = sum(
            path.stat().st_size
            for part in ("tmp", "new", "cur")
            for path in (self.directory / part).iterdir()
        )
        self.assertEqual(self.memory.used, there)


class ArrivalTests(Case):
    """How a mail arrives."""

    def test_sink(self) -> None:
        """A mail that arrives is a sink of messages."""
        message = self.open()
        verifyObject(IMessageSink, message)
        message.abort()

    def test_unfinished(self) -> None:
        """An arriving mail stands in tmp/ only, which no mail tool reads."""
        message = self.open()
        message.write(MAIL)
        self.assertEqual((self.files("new"), self.files("cur")), ([], []))
        self.assertEqual((self.memory.names(), self.kept), ([], []))
        message.abort()

    def test_kept(self) -> None:
        """Once synced it stands in new/, complete with its trace; `kept` is called before commit fires."""
        told_first: list[int] = []
        message = self.open()
        message.write(MAIL[:5])
        message.write(MAIL[5:])
        done = message.commit()
        done.addCallback(lambda _: told_first.append(len(self.kept)))
        self.assertEqual((self.kept, self.files("new")), ([], []))
        self.thread.run()
        self.assertEqual(told_first, [1])
        self.assertEqual((self.files("tmp"), self.files("new")), ([], [message.name]))
        path = self.memory.path(message.name)
        assert path is not None
        self.assertEqual(path.read_bytes(), TRACE + MAIL)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(message.size, len(TRACE + MAIL))

    def test_empty(self) -> None:
        """A mail without content is its trace; without a trace it is an empty file."""
        for trace in (TRACE, b""):
            message = self.open(trace)
            done = message.commit()
            self.thread.run()
            self.successResultOf(done)
            path = self.memory.path(message.name)
            assert path is not None
            self.assertEqual(path.read_bytes(), trace)
        self.check_used()

    def test_aborted(self) -> None:
        """Of a mail that was given up nothing remains, begun or not; giving up twice changes nothing."""
        unwritten, written = self.open(), self.open()
        written.write(MAIL)
        for message in (unwritten, written, written):
            message.abort()
        self.assertEqual((self.files("tmp"), self.memory.used), ([], 0))

    def test_no_file_left_open(self) -> None:
        """A mail leaves no open file behind: kept, given up, or lost."""
        before = open_files()
        for size in (10, 900):
            for end in ("commit", "abort", "lose"):
                message = self.open(b"")
                for _ in range(size):
                    message.write(b"x")
                if end == "abort":
                    message.abort()
                    continue
                done = message.commit()
                if end == "lose":
                    (self.directory / "new").rename(self.directory / "away")
                self.thread.run()
                if end == "lose":
                    (self.directory / "away").rename(self.directory / "new")
                    self.failureResultOf(done, OSError)
                self.memory.delete(message.name)
        self.assertEqual(open_files(), before)
        self.assertEqual((self.files("tmp"), self.memory.used), ([], 0))

    def test_beginning(self) -> None:
        """The first octets are kept for the head, and no more than these."""
        message = self.open(b"a" * 10)
        message.write(b"b" * 10)
        message.write(b"c" * 10)
        self.assertEqual(message.head_octets, b"a" * 10 + b"b" * 10 + b"c" * 10)
        message.abort()

    def test_names(self) -> None:
        """Each mail has a name of its own, oldest first, though they come in the same moment."""
        names = [self.store() for _ in range(12)]
        self.assertEqual(len(set(names)), 12)
        self.assertEqual(set(self.memory.names()), set(names))
        self.clock.advance(1)
        last = self.store()
        self.assertEqual(self.memory.names()[-1], last)
        self.assertTrue(last.startswith("1234567891.M250000P"), last)

    def test_any_mail_tool(self) -> None:
        """A mail tool reads it as a Maildir."""
        self.store()
        (mail,) = mailbox.Maildir(self.directory, create=False)
        self.assertEqual(mail["Subject"], "x")


class LargeTests(Case):
    """A memory that is large enough for large mails."""

    capacity = 1_000_000

    def test_disk_full_in_the_middle(self) -> None:
        """A disk that is full in the middle of a large mail is a full memory, then or at its commit."""
        message = self.open()
        with no_file_larger_than(100_000):
            try:
                for _ in range(9):
                    message.write(b"x" * 100_000)
            except MemoryFull:
                message.abort()
            else:
                done = message.commit()
                self.thread.run()
                self.failureResultOf(done, MemoryFull)
        self.assertEqual((self.memory.used, self.files("tmp"), self.files("new")), (0, [], []))

    def test_large_mail_is_not_gathered(self) -> None:
        """A large mail goes to tmp/ while it arrives; at its commit little of it is left to write."""
        message = self.open()
        for _ in range(90):
            message.write(b"x" * 10_000)
        (unfinished,) = (self.directory / "tmp").iterdir()
        self.assertGreater(unfinished.stat().st_size, 500_000)
        message.abort()
        self.assertEqual(self.files("tmp"), [])

    def test_beginning_is_bounded(self) -> None:
        """Of a large mail only the beginning is kept in mind, however it comes."""
        for pieces in ([b"x" * 100_000], [b"x" * 1000] * 100):
            message = self.open()
            for piece in pieces:
                message.write(piece)
            self.assertEqual(message.head_octets, (TRACE + b"x" * 100_000)[:LONGEST_HEAD])
            message.abort()

    def test_beginning_from_disk(self) -> None:
        """The head of a mail that was there before is read from its file; without a file it is empty."""
        name = self.store(b"x" * 100_000)
        self.assertEqual(self.memory.read_head(name), (TRACE + b"x" * 100_000)[:LONGEST_HEAD])
        self.assertEqual(self.memory.read_head("none"), b"")


class CapacityTests(Case):
    """The capacity."""

    def test_used(self) -> None:
        """What arrives counts as it comes, what is kept counts, what is given up does not."""
        message = self.open()
        self.assertEqual(self.memory.used, 0)
        message.write(MAIL)
        self.assertEqual(self.memory.used, len(TRACE + MAIL))
        message.write(b"more")
        self.assertEqual(self.memory.used, len(TRACE + MAIL) + 4)
        done = message.commit()
        self.assertEqual(self.memory.used, len(TRACE + MAIL) + 4)
        self.thread.run()
        self.successResultOf(done)
        self.check_used()
        other = self.open()
        other.write(MAIL)
        other.abort()
        self.check_used()

    def test_to_the_octet(self) -> None:
        """A mail that fills it to the octet is taken; then it is full, and none is begun."""
        self.store(b"x" * (1000 - len(TRACE)))
        self.assertEqual(self.memory.used, 1000)
        self.assertTrue(self.memory.full)
        self.assertRaises(MemoryFull, self.open)

    def test_one_too_many(self) -> None:
        """The octet that does not fit is refused; given up, the mail leaves everything as before."""
        message = self.open()
        message.write(b"x" * (1000 - len(TRACE)))
        self.assertRaises(MemoryFull, message.write, b"x")
        message.abort()
        self.assertEqual((self.memory.used, self.files("tmp")), (0, []))
        self.assertFalse(self.memory.full)

    def test_trace_that_does_not_fit(self) -> None:
        """A mail whose trace does not fit fails and leaves nothing, at its first octet or at its commit."""
        self.store(b"x" * (990 - len(TRACE)))
        message = self.open()
        self.assertRaises(MemoryFull, message.write, b"")
        message.abort()
        self.failureResultOf(self.open().commit(), MemoryFull)
        self.assertEqual(self.files("tmp"), [])
        self.check_used()

    def test_two_at_once(self) -> None:
        """Mails that arrive together share the room that is left."""
        first, second = self.open(b""), self.open(b"")
        first.write(b"x" * 600)
        self.assertRaises(MemoryFull, second.write, b"x" * 401)
        second.abort()
        third = self.open(b"")
        third.write(b"x" * 400)
        first.abort()
        third.abort()
        self.assertEqual(self.memory.used, 0)

    def test_failed_commit(self) -> None:
        """For a mail that cannot be kept `kept` is not called; it does not exist and takes no room."""
        message = self.open()
        message.write(MAIL)
        done = message.commit()
        (self.directory / "new").rename(self.directory / "away")
        self.thread.run()
        self.failureResultOf(done, OSError)
        (self.directory / "away").rename(self.directory / "new")
        self.assertEqual((self.kept, self.memory.names(), self.memory.used), ([], [], 0))
        self.assertEqual((self.files("tmp"), self.files("new")), ([], []))

    def test_disk_full(self) -> None:
        """A disk that is full is a full memory; nothing of the mail remains, and the next is taken."""
        message = self.open()
        message.write(b"x" * 400)
        done = message.commit()
        with no_file_larger_than(100):
            self.thread.run()
        self.failureResultOf(done, MemoryFull)
        self.assertEqual((self.memory.used, self.files("tmp"), self.kept), (0, [], []))
        self.store()
        self.check_used()

    def test_smaller_now(self) -> None:
        """Where the capacity was made smaller than what is there, it is full until there is room."""
        names = [self.store() for _ in range(3)]
        self.capacity = 10
        self.assertTrue(self.memory.full)
        for name in names:
            self.memory.delete(name)
        self.assertFalse(self.memory.full)

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["open", "write", "write", "commit", "abort", "run", "lose"]),
                st.integers(0, 3),
                st.integers(0, 400),
            ),
            max_size=40,
        )
    )
    def test_any_course(self, course: list[tuple[str, int, int]]) -> None:
        """After any sequence of operations the octets counted are those of the files."""
        self.setUp()
        arriving: list[StoredMessage] = []
        for what, which, octets in course:
            if what == "open":
                try:
                    arriving.append(self.open(b"t" * which))
                except MemoryFull:
                    self.assertGreaterEqual(self.memory.used, 1000)
            elif what == "run":
                self.thread.run_all()
            elif what == "lose":
                for name in self.memory.names()[:which]:
                    self.memory.delete(name)
            elif which < len(arriving):
                message = arriving[which]
                if what == "write":
                    try:
                        message.write(b"x" * octets)
                    except MemoryFull:
                        message.abort()
                        arriving.remove(message)
                else:
                    arriving.remove(message)
                    if what == "abort":
                        message.abort()
                    else:
                        message.commit().addErrback(lambda failure: failure.trap(MemoryFull))
            self.assertLessEqual(self.memory.used, 1000)
        for message in arriving:
            message.abort()
        self.thread.run_all()
        self.check_used()
        self.assertEqual(self.memory_again().used, self.memory.used)


class StartTests(Case):
    """What is found at the start."""

    def put(self, part: str, name: str, content: bytes = MAIL) -> None:
        """Put a file there, as another program does."""
        (self.directory / part / name).write_bytes(content)

    def test_made(self) -> None:
        """The Maildir is made where it is missing, closed to others."""
        for part in ("tmp", "new", "cur"):
            self.assertEqual((self.directory / part).stat().st_mode & 0o777, 0o700)

    def test_unfinished_is_deleted(self) -> None:
        """What never got its 250 is deleted; what did is kept, and counts."""
        name = self.store()
        self.put("tmp", "half", b"x" * 500)
        memory = self.memory_again()
        self.assertEqual((self.files("tmp"), memory.names()), ([], [name]))
        self.assertEqual(memory.used, len(TRACE + MAIL))

    def test_read_by_a_mail_tool(self) -> None:
        """A mail that a mail tool moved to cur/ is found with its flags, now and after a restart."""
        name = self.store()
        os.rename(self.directory / "new" / name, self.directory / "cur" / (name + ":2,FS"))
        for memory in (self.memory, self.memory_again()):
            self.assertEqual(memory.names(), [name])
            path = memory.path(name)
            assert path is not None
            self.assertEqual(path.name, name + ":2,FS")
            self.assertEqual(memory.read_head(name), TRACE + MAIL)
        self.memory.delete(name)
        self.assertEqual((self.files("cur"), self.memory.used), ([], 0))

    def test_without_flags(self) -> None:
        """A mail in cur/ may have no flags."""
        self.put("cur", "1.x.host")
        memory = self.memory_again()
        self.assertEqual(memory.path("1.x.host"), self.directory / "cur" / "1.x.host")

    def test_names_that_begin_alike(self) -> None:
        """A mail is never taken for another whose name begins like it."""
        self.put("new", "1.x")
        self.put("cur", "1.xy:2,S")
        memory = self.memory_again()
        (self.directory / "new" / "1.x").unlink()
        self.assertIsNone(memory.path("1.x"))
        memory.delete("1.x")
        self.assertEqual(memory.names(), ["1.xy"])
        self.assertEqual(self.files("cur"), ["1.xy:2,S"])

    def test_strange_names(self) -> None:
        """A name with the signs of a pattern in it stands for itself."""
        self.put("cur", "1.[x]*:2,S")
        memory = self.memory_again()
        path = memory.path("1.[x]*")
        assert path is not None
        self.assertEqual(path.name, "1.[x]*:2,S")

    def test_capacity_counts_what_is_there(self) -> None:
        """What was there before counts against the capacity."""
        self.put("new", "a", b"x" * 600)
        self.put("cur", "b:2,", b"x" * 400)
        self.assertTrue(self.memory_again().full)

    def test_directory_that_cannot_be_read(self) -> None:
        """A Maildir that is none is refused in words."""
        (self.directory / "cur").rmdir()
        (self.directory / "cur").write_bytes(b"")
        error = self.assertRaises(StateError, self.memory_again)
        self.assertRegex(str(error), r"^memory: .*/cur: ")


class MarkTests(Case):
    """Mails fetched by POP carry the mark of their UIDL."""

    def test_mark(self) -> None:
        """The name of a mail carries its mark, also after a restart and behind flags."""
        mark = uidl_mark("pop.bench.test", "ir", b"1")
        name = self.store(mark=mark)
        self.assertEqual(mark_in(name), mark)
        os.rename(self.directory / "new" / name, self.directory / "cur" / (name + ":2,S"))
        (again,) = self.memory_again().names()
        self.assertEqual(mark_in(again), mark)

    def test_without(self) -> None:
        """Mails without a mark have none."""
        self.assertEqual(mark_in(self.store()), "")

    def test_maildrop(self) -> None:
        """All marks of a maildrop begin with the mark of the maildrop."""
        for uidl in (b"1", b"2"):
            mark = uidl_mark("pop.bench.test", "ir", uidl)
            self.assertTrue(mark.startswith(maildrop_mark("POP.bench.test", "ir")))

    def test_larger_than_allowed(self) -> None:
        """A mail with a limit of its own is refused behind it, and leaves nothing when given up."""
        message = self.open(b"", most=10)
        message.write(b"x" * 10)
        self.assertRaises(MessageTooLarge, message.write, b"x")
        message.abort()
        self.assertEqual(self.memory.used, 0)

    def test_what_a_mark_is(self) -> None:
        """A mark is the same for the same server, user and UIDL, and another for any other."""
        mark = uidl_mark("POP.bench.test", "ir", b"1")
        self.assertEqual(mark, uidl_mark("pop.Bench.test", "ir", b"1"))
        self.assertRegex(mark, r"^[0-9a-f]{32}$")
        others = {
            uidl_mark("pop.bench.test", "ir", b"2"),
            uidl_mark("pop.bench.test", "IR", b"1"),
            uidl_mark("pop2.bench.test", "ir", b"1"),
            uidl_mark("pop.bench.testir", "", b"1"),
            uidl_mark("pop.bench.test", "ir\0", b"1"),
            uidl_mark("pop.bench.test", "", b"ir\x001"),
        }
        self.assertEqual(len(others - {mark}), 6)


class DeleteTests(Case):
    """What is printed is deleted."""

    def test_delete(self) -> None:
        """A deleted mail is gone and its room is free; to delete it again changes nothing."""
        name, other = self.store(), self.store()
        for _ in range(2):
            self.memory.delete(name)
            self.assertEqual(self.memory.names(), [other])
            self.check_used()

    def test_deleted_by_others(self) -> None:
        """A mail that a mail tool deleted takes no room any more once it is deleted here too."""
        name = self.store()
        (self.directory / "new" / name).unlink()
        self.memory.delete(name)
        self.assertEqual((self.memory.names(), self.memory.used), ([], 0))
