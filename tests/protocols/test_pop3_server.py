"""The serving side of POP3: the holes of Twisted's POP3, and the rules of RFC 1939, 2449, 2595, 5034."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
from collections.abc import Callable
from typing import IO, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import CramMD5Credentials
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ServerFactory
from twisted.internet.task import Clock
from twisted.mail import pop3
from twisted.mail.imap4 import LOGINCredentials, PLAINCredentials
from twisted.mail.interfaces import IMailboxPOP3
from twisted.trial import unittest, util
from zope.interface import implementer
from zope.interface.verify import verifyObject

from irsend.protocols.dot_stuffing import DotStream
from irsend.protocols.pop3_server import POP3, MaildropInUse
from irsend.protocols.transcript import Transcript
from tests.parts import server_tls
from tests.protocols.holes import hole
from tests.wire import PullWire, old_tls

MAIL = b"Subject: one\r\n\r\n.dot\r\nline 2\r\nline 3\r\n"
CHALLENGERS = {
    b"CRAM-MD5": CramMD5Credentials,
    b"LOGIN": LOGINCredentials,
    b"PLAIN": PLAINCredentials,
}


@implementer(IMailboxPOP3)
class ListedMaildrop:
    """A maildrop in a list."""

    def __init__(self, mails: list[bytes]) -> None:
        self.mails = mails
        self.marked: set[int] = set()
        self.deleted: list[int] = []
        self.broken = False

    def listMessages(self, index: int | None = None) -> Any:
        if index is None:
            return [self.listMessages(one) for one in range(len(self.mails))]
        if not 0 <= index < len(self.mails):
            raise ValueError("no such mail")
        return 0 if index in self.marked else len(self.mails[index])

    def getMessage(self, index: int) -> IO[bytes]:
        if self.broken:
            raise OSError("the disk is gone")
        return io.BytesIO(self.mails[index])

    def getUidl(self, index: int) -> bytes:
        return b"unique-%d" % index

    def deleteMessage(self, index: int) -> None:
        self.marked.add(index)

    def undeleteMessages(self) -> None:
        self.marked.clear()

    def sync(self) -> None:
        if self.broken:
            raise OSError("the disk is gone")
        self.deleted += sorted(self.marked)


@implementer(IRealm)
class _Realm:
    def __init__(self, maildrop: ListedMaildrop) -> None:
        self.maildrop = maildrop
        self.in_use = False

    def requestAvatar(self, *_: Any) -> tuple[Any, Any, Callable[[], None]]:
        if self.in_use:
            raise MaildropInUse
        self.in_use = True

        def logout() -> None:
            self.in_use = False

        return IMailboxPOP3, self.maildrop, logout


def portal(maildrop: ListedMaildrop) -> Portal:
    accounts = InMemoryUsernamePasswordDatabaseDontUse(**{"ir": b"the pass"})
    return Portal(_Realm(maildrop), [accounts])


class _Side:
    def begin(self, *mails: bytes) -> None:
        self.clock = Clock()
        self.maildrop = ListedMaildrop(list(mails))
        self.connect(self.protocol())
        self.greeting = self.wire.taken()

    def connect(self, protocol: Any) -> None:
        self.session = protocol
        self.wire = PullWire(protocol)
        self.wire.connect()

    def protocol(self) -> Any:
        raise NotImplementedError

    def say(self, *lines: bytes) -> bytes:
        self.wire.deliver(b"".join(line + b"\r\n" for line in lines))
        return self.wire.taken()

    def log_in(self) -> None:
        self.say(b"USER ir")
        answer = self.say(b"PASS the pass")
        if not answer.startswith(b"+OK"):
            raise AssertionError(answer)


class _Twisted(_Side):
    def protocol(self) -> Any:
        protocol = pop3.POP3()
        protocol.portal = portal(self.maildrop)
        protocol.factory = ServerFactory()
        protocol.factory.noisy = False
        protocol.factory.challengers = CHALLENGERS
        protocol.callLater = self.clock.callLater  # type: ignore[method-assign,assignment]
        return protocol


class _Ours(_Side):
    tls = True

    def protocol(self) -> Any:
        self.transcript = Transcript(lambda: 0.0)
        return POP3(
            portal(self.maildrop),
            lambda _secured: CHALLENGERS,
            lambda: server_tls() if self.tls else None,
            self.transcript,
            self.clock,
            host=b"bench.test",
        )


class HoleTests(unittest.TestCase):
    """What Twisted's class leaves open or does wrong."""

    side: Any
    twisted = _Twisted
    ours = _Ours
    # Twisted's class logs errors that are made of bytes.
    suppress = [util.suppress(category=BytesWarning)]

    def setUp(self) -> None:
        # Twisted logs what its own class stumbles over.
        self.addCleanup(self.flushLoggedErrors)

    @hole()
    def test_capabilities(self) -> None:
        """CAPA names each capability by its registered name, and nothing else."""
        self.side.begin()
        words = {line.split(b" ")[0] for line in self.side.say(b"CAPA").split(b"\r\n")[1:-2]}
        registered = {b"TOP", b"UIDL", b"USER", b"PIPELINING", b"RESP-CODES", b"AUTH-RESP-CODE"}
        self.assertEqual(words, registered | {b"SASL", b"STLS", b"IMPLEMENTATION"})

    @hole(TypeError)
    def test_plain_with_an_initial_response(self) -> None:
        """PLAIN logs in by the one line that RFC 5034 has for it."""
        self.side.begin()
        answer = self.side.say(b"AUTH PLAIN " + base64.b64encode(b"\0ir\0the pass"))
        self.assertTrue(answer.startswith(b"+OK"))

    @hole()
    def test_plain_in_two_steps(self) -> None:
        """PLAIN logs in by a response to the empty challenge too."""
        self.side.begin()
        self.assertEqual(self.side.say(b"AUTH PLAIN"), b"+ \r\n")
        answer = self.side.say(base64.b64encode(b"\0ir\0the pass"))
        self.assertTrue(answer.startswith(b"+OK"))

    @hole()
    def test_login_in_three_steps(self) -> None:
        """LOGIN asks for the name, then for the password."""
        self.side.begin()
        self.side.say(b"AUTH LOGIN")
        self.assertTrue(self.side.say(base64.b64encode(b"ir")).startswith(b"+ "))
        self.assertTrue(self.side.say(base64.b64encode(b"the pass")).startswith(b"+OK"))

    @hole()
    def test_cancelled_exchange(self) -> None:
        """An exchange that the client cancels with * logs no error."""
        self.side.begin()
        self.side.say(b"AUTH PLAIN")
        self.assertIn(b"aborted", self.side.say(b"*"))

    @hole(TypeError)
    def test_wrong_arguments(self) -> None:
        """Too many, too few and unreadable arguments are answered with a sentence."""
        self.side.begin(MAIL)
        answers = self.side.say(b"APOP", b"STLS now", b"CAPA x", b"USER", b"QUIT now")
        self.side.log_in()
        answers += self.side.say(b"TOP 1", b"DELE x", b"RETR", b"STAT 1")
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        self.assertEqual(answers.count(b"-ERR"), 9)
        self.assertNotIn(b"TypeError", answers)
        self.assertNotIn(b"server", answers)

    @hole()
    def test_canonical_line_ends_stay(self) -> None:
        """CR LF in the file is CR LF on the wire, and a dot at a line's beginning two."""
        self.side.begin(MAIL)
        self.side.log_in()
        answer = self.side.say(b"RETR 1")
        content = answer.partition(b"\r\n")[2]
        self.assertEqual(content, b"Subject: one\r\n\r\n..dot\r\nline 2\r\nline 3\r\n.\r\n")

    @hole()
    def test_dot_at_the_very_beginning(self) -> None:
        """A message whose first octet is a dot is not cut there."""
        self.side.begin(b".\r\nx\r\n")
        self.side.log_in()
        self.assertTrue(self.side.say(b"RETR 1").endswith(b"octets\r\n..\r\nx\r\n.\r\n"))

    @hole()
    def test_deleted_message(self) -> None:
        """A message that is marked cannot be marked again."""
        self.side.begin(MAIL)
        self.side.log_in()
        self.side.say(b"DELE 1")
        self.assertTrue(self.side.say(b"DELE 1").startswith(b"-ERR"))

    @hole()
    def test_too_many_errors(self) -> None:
        """A client that only makes errors is disconnected."""
        self.side.begin()
        self.side.say(*[b"AUTH WHAT"] * 20)
        self.assertTrue(self.side.wire.closed)

    @hole()
    def test_starting_tls(self) -> None:
        """STLS begins TLS."""
        self.side.begin()
        self.assertTrue(self.side.say(b"STLS").startswith(b"+OK"))
        self.assertTrue(self.side.wire.peer_begins_tls(old_tls()))


class SessionTests(unittest.TestCase):
    """The rules of a session."""

    def setUp(self) -> None:
        self.side = _Ours()
        self.side.begin(MAIL, b"Subject: two\r\n\r\n")
        self.maildrop = self.side.maildrop

    def said(self, *lines: bytes) -> list[bytes]:
        return self.side.say(*lines).split(b"\r\n")[:-1]

    def test_double(self) -> None:
        """The maildrop of these tests provides IMailboxPOP3."""
        verifyObject(IMailboxPOP3, self.maildrop)

    def test_apop(self) -> None:
        """APOP takes the digest over the greeting's timestamp, and no other's."""
        timestamp = self.side.greeting.split()[-1]
        wrong = hashlib.md5(b"<1.2@other>the pass").hexdigest().encode()
        self.assertEqual(
            self.said(b"APOP ir " + wrong), [b"-ERR [AUTH] user name or password wrong"]
        )
        digest = hashlib.md5(timestamp + b"the pass").hexdigest().encode()
        self.assertEqual(self.said(b"APOP ir " + digest), [b"+OK logged in, 2 messages"])

    def test_stranger_who_reads_nothing(self) -> None:
        """A client that does not log in is disconnected after a hundred commands."""
        answers = self.said(*[b"CAPA"] * 101)
        self.assertTrue(answers[-1].startswith(b"-ERR too many commands"), answers[-1])
        self.assertTrue(self.side.wire.closed)

    def test_timestamps_differ(self) -> None:
        """No two greetings have the same timestamp."""
        before = self.side.greeting
        self.side.begin()
        self.assertNotEqual(before, self.side.greeting)

    def test_cram_md5(self) -> None:
        """CRAM-MD5 takes the digest over its challenge."""
        challenge = base64.b64decode(self.said(b"AUTH CRAM-MD5")[0][2:])
        digest = hmac.new(b"the pass", challenge, "md5").hexdigest().encode()
        self.assertEqual(
            self.said(base64.b64encode(b"ir " + digest)), [b"+OK logged in, 2 messages"]
        )

    def test_failed_logins(self) -> None:
        """A login that fails has the response code AUTH, or a reason that names the mistake."""
        for lines, answer in (
            ([b"USER ir", b"PASS wrong"], b"-ERR [AUTH] user name or password wrong"),
            ([b"USER nobody", b"PASS the pass"], b"-ERR [AUTH] user name or password wrong"),
            ([b"PASS the pass"], b"-ERR send USER first"),
            ([b"AUTH PLAIN !"], b"-ERR cannot decode the response as base64"),
            ([b"AUTH PLAIN eA=="], b"-ERR [AUTH] user name or password wrong"),
            ([b"AUTH GSSAPI"], b"-ERR there is no such mechanism"),
            ([b"STAT"], b"-ERR log in first"),
        ):
            with self.subTest(lines=lines):
                self.assertEqual(self.said(*lines)[-1], answer)

    def test_in_use(self) -> None:
        """A maildrop that another session has is [IN-USE], and free once that has sent QUIT."""
        self.side.session.portal.realm.in_use = True
        self.assertIn(b"-ERR [IN-USE]", self.said(b"USER ir", b"PASS the pass")[-1])
        self.side.session.portal.realm.in_use = False
        self.side.log_in()
        self.assertTrue(self.side.session.portal.realm.in_use)
        self.side.say(b"QUIT")
        self.assertFalse(self.side.session.portal.realm.in_use)

    def test_lists(self) -> None:
        """STAT, LIST and UIDL leave out what is marked, and keep the numbers of the others."""
        self.side.log_in()
        self.assertEqual(self.said(b"STAT"), [b"+OK 2 %d" % (len(MAIL) + 16)])
        self.said(b"DELE 1")
        self.assertEqual(self.said(b"STAT"), [b"+OK 1 16"])
        self.assertEqual(self.said(b"LIST"), [b"+OK 1 messages", b"2 16", b"."])
        self.assertEqual(self.said(b"UIDL"), [b"+OK 1 messages", b"2 unique-1", b"."])
        self.assertEqual(self.said(b"UIDL 2"), [b"+OK 2 unique-1"])
        for refused in (b"LIST 1", b"UIDL 1", b"RETR 1", b"TOP 1 0", b"LIST 0", b"LIST 3"):
            with self.subTest(refused=refused):
                self.assertIn(b"-ERR there is no message", self.said(refused)[0])
        self.assertEqual(self.said(b"RSET", b"STAT")[1], b"+OK 2 %d" % (len(MAIL) + 16))

    def test_top(self) -> None:
        """TOP gives the head, the blank line and so many lines of the body."""
        self.side.log_in()
        head = [b"+OK top of message follows", b"Subject: one", b""]
        self.assertEqual(self.said(b"TOP 1 0"), [*head, b"."])
        self.assertEqual(self.said(b"TOP 1 2"), [*head, b"..dot", b"line 2", b"."])
        self.assertEqual(self.said(b"TOP 1 99"), [*head, b"..dot", b"line 2", b"line 3", b"."])

    def test_deleted_at_quit_only(self) -> None:
        """A connection that is lost before QUIT deletes nothing."""
        self.side.log_in()
        self.said(b"DELE 1")
        self.side.wire.lose()
        self.assertEqual(self.maildrop.deleted, [])
        self.side.begin(MAIL)
        self.side.log_in()
        self.assertEqual(self.said(b"DELE 1", b"QUIT")[-1], b"+OK bye")
        self.assertEqual(self.side.maildrop.deleted, [0])
        self.assertTrue(self.side.wire.closed)

    def test_failed_deletion(self) -> None:
        """A QUIT whose deletions fail is answered with -ERR."""
        self.side.log_in()
        self.maildrop.broken = True
        self.assertIn(b"-ERR [SYS/TEMP]", self.said(b"DELE 1", b"QUIT")[-1])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_lost_while_deleting(self) -> None:
        """A session that is lost while it deletes releases the maildrop once, and not the next session's."""
        self.side.log_in()
        deleting: Deferred[None] = Deferred()
        self.maildrop.sync = lambda: deleting  # type: ignore[method-assign,assignment,return-value]
        self.said(b"QUIT")
        self.side.wire.lose()
        realm = self.side.session.portal.realm
        self.assertFalse(realm.in_use)
        realm.in_use = True
        deleting.callback(None)
        self.assertTrue(realm.in_use)

    def test_unreadable_message(self) -> None:
        """A message whose file is gone is answered with -ERR, and the session goes on."""
        self.side.log_in()
        self.maildrop.broken = True
        self.assertEqual(
            self.said(b"RETR 1", b"NOOP"),
            [b"-ERR [SYS/TEMP] message 1 cannot be read", b"+OK"],
        )

    def test_pipelined(self) -> None:
        """Commands that come together are answered in order, a message between them whole."""
        mail = b"Subject: one\r\n\r\n" + b"a line\r\n" * 20_000 + b"line 3\r\n"
        self.side.begin(mail)
        self.side.wire.stalled = True
        said = self.side.say(b"USER ir", b"PASS the pass", b"RETR 1", b"STAT", b"QUIT")
        self.assertFalse(said.endswith(b"line 3\r\n.\r\n"))
        self.side.wire.stalled = False
        self.side.wire.pull()
        said += self.side.wire.taken()
        self.assertTrue(said.endswith(mail + b".\r\n+OK 1 %d\r\n+OK bye\r\n" % len(mail)))

    def test_client_that_reads_nothing(self) -> None:
        """Behind 64 KiB of answers that a client does not read no command is run, until it reads."""
        self.side.log_in()
        self.side.wire.stalled = True
        said = b""
        for _ in range(100):
            said += self.side.say(*[b"LIST"] * 100)
        answer = self.side.say()
        self.assertEqual(answer, b"")
        self.assertLess(len(said), 70_000)
        self.assertTrue(self.side.wire.paused)
        self.side.wire.stalled = False
        self.side.wire.pull()
        said += self.side.wire.taken()
        self.assertFalse(self.side.wire.paused)
        self.assertEqual(said.count(b"+OK 2 messages\r\n"), 10_000)

    def test_client_that_never_reads(self) -> None:
        """A client that has read nothing for a minute is disconnected, and its maildrop is free."""
        self.side.log_in()
        self.side.wire.stalled = True
        self.side.say(*[b"LIST"] * 10_000)
        self.side.clock.pump([15] * 3)
        self.assertTrue(self.side.session.portal.realm.in_use)
        self.side.clock.advance(15)
        self.side.say()
        self.assertTrue(self.side.wire.closed)
        self.assertFalse(self.side.session.portal.realm.in_use)
        self.assertEqual(self.side.clock.getDelayedCalls(), [])

    def test_long_line(self) -> None:
        """A line over the limit is one error, however it comes, and is not run."""
        for piecewise in (False, True):
            with self.subTest(piecewise=piecewise):
                self.side.begin()
                self.side.wire.deliver(b"X" * 2000 + b"\r\nCAPA\r\n", piecewise=piecewise)
                said = self.side.wire.taken()
                self.assertTrue(said.startswith(b"-ERR the line is too long\r\n+OK cap"))

    def test_idle(self) -> None:
        """A session in which nothing comes for ten minutes is ended without a reply."""
        self.side.log_in()
        self.side.say(b"DELE 1")
        self.side.clock.advance(599)
        self.assertEqual(self.side.say(), b"")
        self.assertFalse(self.side.wire.closed)
        self.side.clock.advance(2)
        self.assertEqual(self.side.say(), b"")
        self.assertTrue(self.side.wire.closed)
        self.assertEqual(self.maildrop.deleted, [])
        self.assertEqual(self.side.clock.getDelayedCalls(), [])

    def test_client_gone_inside_a_message(self) -> None:
        """A client that closes inside a message leaves no maildrop in use."""
        self.side.begin(b"x" * 500_000)
        self.side.log_in()
        self.side.wire.stalled = True
        self.side.say(b"RETR 1")
        self.side.wire.lose()
        self.assertIsNone(self.successResultOf(self.side.session.closed))
        self.assertFalse(self.side.session.portal.realm.in_use)

    def test_whole_segments(self) -> None:
        """However a client's octets are split, the answers are the same."""
        said = []
        for piecewise in (False, True):
            self.side.begin(MAIL)
            lines = b"CAPA\r\nAUTH LOGIN\r\naXI=\r\ndGhlIHBhc3M=\r\nLIST\r\nRETR 1\r\nQUIT\r\n"
            self.side.wire.deliver(lines, piecewise=piecewise)
            said.append(self.side.wire.taken())
        self.assertEqual(said[0], said[1])
        self.assertTrue(said[0].endswith(b"+OK bye\r\n"))

    @settings(deadline=None)
    @given(st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x"])))
    def test_any_message(self, lines: list[bytes]) -> None:
        """A client that reads RETR's answer finds the file, octet by octet."""
        mail = b"A: b\r\n\r\n" + b"".join(line + b"\r\n" for line in lines)
        self.side.begin(mail)
        self.side.log_in()
        answer = self.side.say(b"RETR 1").partition(b"\r\n")[2]
        found, rest = DotStream().feed(answer)
        self.assertEqual((b"".join(found), rest), (mail, b""))

    def test_secrets(self) -> None:
        """No password, digest or response is in the transcript."""
        self.side.say(b"USER ir", b"PASS wrong-secret", b"APOP ir 0123456789")
        self.side.say(b"AUTH PLAIN " + base64.b64encode(b"\0ir\0secret"))
        self.side.say(b"AUTH PLAIN", base64.b64encode(b"\0ir\0secret"))
        shown = "\n".join(str(line) for line in self.side.transcript.lines())
        for secret in (
            "wrong-secret",
            "0123456789",
            base64.b64encode(b"\0ir\0secret").decode(),
        ):
            self.assertNotIn(secret, shown)


class TLSTests(unittest.TestCase):
    """STLS, with real TLS."""

    def setUp(self) -> None:
        self.side = _Ours()
        self.side.begin(MAIL)

    def test_plain_text_behind_stls(self) -> None:
        """Plain text behind STLS ends the session; it is not run under TLS."""
        answer = self.side.say(b"STLS", b"CAPA")
        self.assertEqual(answer, b"-ERR plain text behind STLS, closing\r\n")
        self.assertTrue(self.side.wire.closed)

    def test_state_is_forgotten(self) -> None:
        """A USER from before the handshake is forgotten, STLS is not announced, and all else works."""
        self.side.say(b"USER ir", b"STLS")
        self.assertTrue(self.side.wire.peer_begins_tls(old_tls()))
        self.assertEqual(self.side.say(b"PASS the pass"), b"-ERR send USER first\r\n")
        self.assertNotIn(b"STLS", self.side.say(b"CAPA"))
        self.assertEqual(self.side.say(b"STLS"), b"-ERR TLS is in use already\r\n")
        self.side.log_in()
        self.assertEqual(self.side.say(b"STLS"), b"-ERR already logged in\r\n")

    def test_not_announced_without_a_key(self) -> None:
        """Without a context STLS is neither announced nor begun."""
        self.side.tls = False
        self.assertNotIn(b"STLS", self.side.say(b"CAPA"))
        self.assertTrue(self.side.say(b"STLS").startswith(b"-ERR"))

    def test_no_cipher_in_common(self) -> None:
        """A handshake that fails ends the session, and leaves nothing waiting."""
        self.side.say(b"STLS")
        self.assertFalse(
            self.side.wire.peer_begins_tls(old_tls("NULL-SHA:@SECLEVEL=0", 0x0303))
        )
        self.side.wire.lose()
        self.assertEqual(self.side.clock.getDelayedCalls(), [])
