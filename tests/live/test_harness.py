"""The servers, clients and comparisons of these suites by themselves, without the machine."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from tests.live.case import LiveTestCase
from tests.live.dialogues import submit
from tests.live.dovecot import PASSWORD, USER, start_dovecot
from tests.live.mails import compare, make_mail, trace_before
from tests.live.postfix import OLD_TLS, start_postfix
from tests.live.programs import free_port, run
from tests.live.wiretap import Wiretap


class RequirementTests(LiveTestCase):
    def test_skipped(self) -> None:
        """What is missing skips a test, and fails it where live tests are required."""
        self.patch(os, "environ", {})
        self.assertRaises(SkipTest, self.lacking, "swaks must be installed")
        self.patch(os, "environ", {"IRSEND_LIVE": "required"})
        self.assertRaises(self.failureException, self.lacking, "swaks must be installed")

    async def test_evidence(self) -> None:
        """The report of a failure ends with what the programs said."""
        program = self.start("speaker", "sh", "-c", "echo the last words")
        await program.end()

        async def fails() -> None:
            self.fail("no")

        failed = await self.assertFailure(
            Deferred.fromCoroutine(self._with_evidence(fails)()), self.failureException
        )
        self.assertIn("=== speaker\nthe last words", str(failed))


class PostfixTests(LiveTestCase):
    programs = ("postfix", "smtp-sink")
    as_root = True

    async def test_relays(self) -> None:
        """Postfix relays to a server without TLS, and keeps what must be encrypted."""
        port = free_port()
        self.start("smtp-sink", "smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "10")
        postfix = await start_postfix(self, port, OLD_TLS)
        for level in ("none", "may", "encrypt"):
            mail = make_mail(level, 3000)
            await submit(self.reactor, postfix.port, mail, f"ir@{level}.bench.test")
        self.assertEqual("sent", (await postfix.delivery("ir@none.bench.test")).status)
        self.assertEqual("sent", (await postfix.delivery("ir@may.bench.test")).status)
        kept = await postfix.delivery("ir@encrypt.bench.test")
        self.assertEqual(("deferred", "4.7.4"), (kept.status, kept.dsn))
        self.assertEqual([kept.queue_id], [one["queue_id"] for one in await postfix.queue()])


class DovecotTests(LiveTestCase):
    programs = ("dovecot", "openssl")
    as_root = True

    async def test_tls_of_2004(self) -> None:
        """Dovecot speaks TLS 1.0 with AES128-SHA where it is told to, and deletes."""
        dovecot = await start_dovecot(self, old_tls=True)
        dovecot.deliver([make_mail(f"m{n}", 2000) for n in range(3)])
        tap = Wiretap(self.reactor, dovecot.port)
        self.addCleanup(tap.stop)
        client = await run(
            self.reactor,
            [
                *("openssl", "s_client", "-starttls", "pop3", "-crlf", "-ign_eof"),
                *("-connect", f"127.0.0.1:{tap.port}"),
                *("-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"),
            ],
            given=f"USER {USER}\nPASS {PASSWORD}\nLIST\nDELE 1\nDELE 2\nquit\n".encode(),
        )
        self.assertIn("AES128-SHA", client.output)
        self.assertIn("+OK 3 messages", client.output)
        self.assertIn(b"STLS", tap.everything_said_by_clients())
        self.assertNotIn(b"USER", tap.everything_said_by_clients())
        await self.until(lambda: len(dovecot.remaining()) == 1, "two mails are deleted")


class ComparisonTests(LiveTestCase):
    def setUp(self) -> None:
        """Lay out a Maildir with one good mail."""
        super().setUp()
        self.memory = self.directory / "memory"
        for part in ("new", "cur", "tmp"):
            (self.memory / part).mkdir(parents=True)
        self.mails = {one.identity: one for one in (make_mail("a", 900), make_mail("b", 9000))}
        self.trace = b"Return-Path: <a@b.test>\r\nReceived: from c\r\n\tby d; now\r\n"
        self.store("new/1", self.trace + self.mails["a"].content)

    def store(self, name: str, content: bytes) -> None:
        """Put a file into the Maildir."""
        (self.memory / name).write_bytes(content)

    def assert_wrong(self, sentence: str) -> None:
        """The comparison tells this."""
        wrong = self.assertRaises(
            AssertionError, compare, self.memory, self.mails, must_have={"a"}
        )
        self.assertIn(sentence, str(wrong))

    def test_good(self) -> None:
        """A mail behind its trace passes, and one that need not be there may be missing."""
        compare(self.memory, self.mails, must_have={"a"})
        self.assertEqual(
            [b"return-path", b"received"],
            trace_before((self.memory / "new/1").read_bytes(), self.mails["a"].content),
        )

    def test_lost(self) -> None:
        """A mail that must be there and is still in tmp is lost."""
        (self.memory / "new/1").rename(self.memory / "tmp/1")
        self.assert_wrong("lost: ['a']")

    def test_twice(self) -> None:
        """A mail in new and in cur is there twice."""
        self.store("cur/2:2,S", self.mails["a"].content)
        self.assert_wrong("twice: ['a']")

    def test_cut(self) -> None:
        """A mail that was not promised must be whole all the same."""
        self.store("new/2", self.trace + self.mails["b"].content[:-1])
        self.assert_wrong("b: stored")

    def test_changed(self) -> None:
        """One octet that is another is found, and told where."""
        content = bytearray(self.mails["b"].content)
        content[500] ^= 1
        self.store("new/2", self.trace + content)
        self.assert_wrong("differ at octet 500")

    def test_foreign_line(self) -> None:
        """A field that is no trace is not to stand before the mail."""
        self.store("new/2", b"X-Printer: yes\r\n" + self.mails["b"].content)
        self.assert_wrong("other lines than trace")

    def test_foreign_mail(self) -> None:
        """A mail that nobody sent is found."""
        self.store("new/2", make_mail("c", 900).content)
        self.assert_wrong("no mail of ours")
