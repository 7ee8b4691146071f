"""Group commit: every mail that waits is synced in one go, each answered after its own sync."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from irsend.store.arriving_file import ArrivingFile
from irsend.store.group_commit import GroupCommit
from tests.store.shortage import no_file_larger_than, open_files
from tests.store.threads import HeldThread


class Case(SynchronousTestCase):
    """Commits files, in a thread that works when the test says so."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        for part in ("tmp", "new", "elsewhere"):
            (self.directory / part).mkdir(parents=True)
        self.thread = HeldThread()
        self.disk_errors: list[OSError] = []
        self.commits = GroupCommit(self.thread, lambda error, _: self.disk_errors.append(error))

    def open(self, name: str, into: str = "new") -> ArrivingFile:
        """Begin a file."""
        file = ArrivingFile(
            str(self.directory / "tmp" / name), str(self.directory / into / name)
        )
        file.write(name.encode())
        return file

    def commit(self, name: str, into: str = "new") -> Deferred[None]:
        """Commit a file."""
        return self.commits.commit(self.open(name, into))

    def there(self, part: str = "new") -> list[str]:
        """The files in a part."""
        return sorted(os.listdir(self.directory / part))


class OrderTests(Case):
    """Who is synced with whom, and when each is answered."""

    def test_one(self) -> None:
        """A lone mail is synced at once; it is answered when it stands under its name and is closed."""
        before = open_files()
        done = self.commit("a")
        self.assertEqual(len(self.thread.work), 1)
        self.assertNoResult(done)
        self.assertEqual(self.there(), [])
        self.thread.run()
        self.successResultOf(done)
        self.assertEqual((self.there(), self.there("tmp")), (["a"], []))
        self.assertEqual((self.directory / "new" / "a").read_bytes(), b"a")
        self.assertEqual(open_files(), before)

    def test_next_group_gathers(self) -> None:
        """While one group is synced the next gathers, and is synced as one behind it."""
        first = self.commit("a")
        rest = [self.commit(name) for name in "bcd"]
        self.assertEqual(len(self.thread.work), 1)
        self.thread.run()
        self.successResultOf(first)
        self.assertEqual(self.there(), ["a"])
        for done in rest:
            self.assertNoResult(done)
        self.assertEqual(len(self.thread.work), 1)
        self.thread.run()
        for done in rest:
            self.successResultOf(done)
        self.assertEqual(self.there(), ["a", "b", "c", "d"])
        self.assertEqual(self.thread.work, [])

    def test_from_an_answer(self) -> None:
        """A mail that is committed from another's answer is synced too."""
        answered: list[Deferred[None]] = []
        self.commit("a").addCallback(lambda _: answered.append(self.commit("b")))
        self.thread.run()
        self.assertNoResult(answered[0])
        self.thread.run()
        self.successResultOf(answered[0])
        self.assertEqual(self.there(), ["a", "b"])

    def test_two_directories(self) -> None:
        """The mails of a group may go to several directories."""
        self.commit("a")
        dones = [self.commit("b"), self.commit("c", "elsewhere")]
        self.thread.run_all()
        for done in dones:
            self.successResultOf(done)
        self.assertEqual((self.there(), self.there("elsewhere")), (["a", "b"], ["c"]))


class FailureTests(Case):
    """The failure of one file fails no other."""

    def test_rename(self) -> None:
        """A mail that cannot be moved fails and is gone; those with it are safe."""
        self.commit("a")
        dones = [self.commit("b"), self.commit("c", "missing"), self.commit("d")]
        self.thread.run_all()
        self.successResultOf(dones[0])
        self.failureResultOf(dones[1], FileNotFoundError)
        self.successResultOf(dones[2])
        self.assertEqual((self.there(), self.there("tmp")), (["a", "b", "d"], []))

    def test_no_room(self) -> None:
        """A mail that the disk has no room for fails and is gone; those with it are safe."""
        self.commit("a")
        large = self.open("c")
        large.write(b"x" * 1000)
        before = open_files()
        dones = [self.commit("b"), self.commits.commit(large), self.commit("d")]
        with no_file_larger_than(100):
            self.thread.run_all()
        self.successResultOf(dones[0])
        self.failureResultOf(dones[1], OSError)
        self.successResultOf(dones[2])
        self.assertEqual((self.there(), self.there("tmp")), (["a", "b", "d"], []))
        self.assertEqual(open_files(), before)
        self.assertEqual([one.filename for one in self.disk_errors], [large.unfinished])

    def test_directory(self) -> None:
        """Where the directory cannot be synced all its mails fail, and none of them remains."""
        self.commit("a")
        self.thread.run()
        self.commit("b")
        dones = [self.commit("c"), self.commit("d")]
        self.thread.run()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            self.thread.run()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for done in dones:
            self.failureResultOf(done, OSError)
        self.assertEqual((self.there(), self.there("tmp")), (["a", "b"], []))

    def test_next_group_after_failure(self) -> None:
        """A group that failed is no hindrance to the next."""
        broken = self.commit("a", "missing")
        after = self.commit("b")
        self.thread.run_all()
        self.failureResultOf(broken, OSError)
        self.successResultOf(after)

    def test_no_thread(self) -> None:
        """Where no thread can be had each mail fails with the reason, and the next is tried again."""
        refusing = GroupCommit(lambda work: fail(RuntimeError("no thread")))
        for name in "ab":
            done = refusing.commit(self.open(name))
            self.failureResultOf(done, RuntimeError)
