"""Receiving by POP: when it is done, and what happens to each mail (docs/fidelity)."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred

from irsend.device.sessions import Session
from irsend.errors import CannotReceive
from irsend.store.group_commit import GroupCommit
from irsend.store.keys import generate_key_material, read_key_material
from irsend.store.memory import Memory, uidl_mark
from tests.parts import AT, at_once, mails_in
from tests.services.maildrop import Maildrop, PollingCase
from tests.wire import old_tls

_MAIL = b"Subject: hello\r\n\r\ntext\r\n"


@cache
def _key_of(names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return a certificate for these names and its key, the same for all tests."""
    return generate_key_material(names, 2048, time.time())


class _Never:
    """A server that is never reached."""

    def connect(self, _factory: Any) -> Deferred[Any]:
        return Deferred()


class POPPollerTests(PollingCase):
    """Receptions."""

    def test_interval(self) -> None:
        """With an interval the machine looks when it is switched on, and then every so many minutes."""
        drop = Maildrop()
        self.start_polling(drop, email_ifax__pop_interval=5)
        for looks in range(1, 4):
            self.assertEqual(drop.connections, looks)
            drop.serve()
            self.parts.clock.advance(299)
            self.assertEqual(drop.connections, looks)
            self.parts.clock.advance(1)
        drop.serve()
        self.parts.device.change_settings({"email_ifax.pop_interval": 0})
        self.parts.clock.advance(10_000)
        self.assertEqual(drop.connections, 4)

    def test_no_interval(self) -> None:
        """Without an interval the machine looks only when asked."""
        drop = Maildrop()
        self.start_polling(drop)
        self.parts.clock.advance(100_000)
        self.assertEqual(drop.connections, 0)
        self.assertEqual(self.receive(drop).result, "OK")
        self.assertEqual(drop.connections, 1)

    def test_one_at_a_time(self) -> None:
        """A reception that is asked for while one is under way has the result of that one."""
        drop = Maildrop()
        self.start_polling(drop)
        first, second = self.poller.receive(), self.poller.receive()
        drop.serve()
        self.assertEqual(self.successResultOf(first).id, self.successResultOf(second).id)
        self.assertEqual(drop.connections, 1)

    def test_login_delay(self) -> None:
        """The machine does not log in again sooner than LOGIN-DELAY says, and then does."""
        drop = Maildrop()
        drop.capabilities.append(b"LOGIN-DELAY 180")
        self.start_polling(drop)
        self.receive(drop)
        self.assertEqual(self.pop_sessions.next_login, AT + 180)
        answer = self.poller.receive()
        self.parts.clock.advance(179)
        self.assertEqual(drop.connections, 1)
        self.parts.clock.advance(1)
        self.assertEqual(drop.connections, 2)
        drop.serve()
        self.assertEqual(self.successResultOf(answer).result, "OK")

    def test_deleted_when_safe(self) -> None:
        """A mail is deleted on the server only behind its sync: a disk that fails keeps it there."""
        drop = Maildrop({b"one": _MAIL})
        self.start_polling(drop)
        (self.parts.memory.directory / "new").rename(self.parts.memory.directory / "gone")
        session = self.receive(drop)
        self.flushLoggedErrors()
        self.assertEqual(session.result, "NG")
        self.assertEqual(drop.count(b"DELE"), 0)
        self.assertIn(b"one", drop.messages)

    def test_taken_once(self) -> None:
        """A mail that was taken, but not deleted before the power failed, is deleted and not taken again."""
        drop = Maildrop({b"one": _MAIL, b"two": _MAIL})
        drop.silent_to = b"DELE"
        self.start_polling(drop)
        self.poller.receive()
        drop.serve()
        self.assertEqual(drop.count(b"RETR"), 2)
        self.parts.memory = Memory(
            self.parts.memory.directory,
            lambda: 10**7,
            GroupCommit(at_once),
            self.parts.device.now,
        )
        self.parts.memory.open_directory()
        drop.silent_to = b""
        self.restart(drop)
        self.assertEqual(self.receive(drop).result, "OK")
        self.assertEqual(drop.count(b"RETR"), 2)
        self.assertEqual(drop.messages, {})
        self.assertEqual(len(mails_in(self.parts)), 2)

    def test_taken_once_though_printed(self) -> None:
        """A mail that has left the memory is still known by its UIDL, until it is gone from the server."""
        drop = Maildrop({b"one": _MAIL})
        self.start_polling(drop)
        drop.silent_to = b"QUIT"
        self.poller.receive()
        drop.serve()
        (name,) = self.parts.memory.names()
        self.successResultOf(self.parts.journal.flush())
        self.parts.memory.delete(name)
        assert drop.wire is not None
        drop.wire.lose()
        drop.silent_to = b""
        self.assertEqual(self.receive(drop).messages, 0)
        self.assertEqual((drop.count(b"RETR"), drop.messages), (1, {}))
        self.receive(drop)
        self.assertEqual(
            self.successResultOf(self.parts.journal.fetched("pop.bench.test ir")), set()
        )

    def test_uidl_used_again(self) -> None:
        """A mail whose UIDL a mail before it had is taken: UIDLs may be used again (RFC 1939 7)."""
        drop = Maildrop({b"1": _MAIL})
        self.start_polling(drop)
        self.receive(drop)
        drop.messages[b"1"] = b"Subject: another\r\n\r\n"
        self.receive(drop)
        self.assertEqual(drop.messages, {})
        self.assertEqual(len(mails_in(self.parts)), 2)

    def test_server_that_does_not_close(self) -> None:
        """A server that answers QUIT and then neither closes nor speaks is not waited for."""
        drop = Maildrop()
        self.start_polling(drop)
        answer = self.poller.receive()
        assert drop.wire is not None
        self.patch(drop.wire, "loseConnection", lambda: None)
        drop.serve()
        self.assertNoResult(answer)
        self.parts.clock.advance(10)
        drop.wire.taken()
        self.assertEqual(self.successResultOf(answer).result, "OK")

    def test_slow_server(self) -> None:
        """A server that says an octet now and then has no more time than one that says nothing."""
        drop = Maildrop()
        drop.silent_to = b"CAPA"
        self.start_polling(drop)
        answer = self.poller.receive()
        drop.serve()
        assert drop.wire is not None
        for _ in range(2):
            self.parts.clock.advance(60)
            drop.wire.deliver(b"+")
        drop.wire.taken()
        self.assertEqual(self.successResultOf(answer).code, "#810")

    def test_long_session(self) -> None:
        """A session ends after an hour, however busy the server is."""
        drop = Maildrop({b"1": _MAIL})
        drop.silent_to = b"RETR"
        self.start_polling(drop)
        answer = self.poller.receive()
        drop.serve()
        assert drop.wire is not None
        drop.wire.deliver(b"+OK\r\n")
        for _ in range(61):
            drop.wire.deliver(b"x" * 100)
            self.parts.clock.advance(60)
        drop.wire.taken()
        self.assertIn("too long", self.successResultOf(answer).reason)

    def test_larger_than_it_said(self) -> None:
        """A mail that is larger than LIST said, and than is taken, is left there; the next are fetched."""
        huge = b"x" * 1_500_000 + b"\r\n"
        drop = Maildrop({b"1": huge, b"2": _MAIL})
        self.start_polling(drop)
        self.parts.configure("limits", message_size=1)
        drop.sizes[b"1"] = 10
        self.assertIn("larger than it said", self.receive(drop).reason)
        session = self.receive(drop)
        self.assertEqual((session.result, session.messages), ("OK", 1))
        self.assertEqual(list(drop.messages), [b"1"])

    def test_mail_refused(self) -> None:
        """A mail that the server does not give is NG; the others are fetched all the same."""
        drop = Maildrop({b"%d" % number: _MAIL for number in range(1, 21)})
        drop.refused = b"3"
        self.start_polling(drop)
        session = self.receive(drop)
        self.assertEqual((session.result, session.code, session.messages), ("NG", "#810", 19))
        self.assertIn("message 3", session.reason)
        self.assertEqual(list(drop.messages), [b"3"])

    def test_endless_list(self) -> None:
        """A list without end is given up, and an enormous number in it takes no memory."""
        self.assertIn("does not end", self.endless_list(b"1 1 " + b"x" * 400 + b"\r\n").reason)

    def test_secret_that_is_echoed(self) -> None:
        """A password that the server says back stands neither in the transcript nor in the journal."""
        drop = Maildrop()
        drop.silent_to = b"PASS"
        self.start_polling(drop)
        answer = self.poller.receive()
        drop.serve()
        assert drop.wire is not None
        drop.wire.deliver(b"-ERR unknown command: PASS marked-secret\r\n")
        drop.silent_to = b""
        drop.serve()
        session = self.successResultOf(answer)
        self.assertIn("unknown command", session.reason)
        lines = self.successResultOf(self.parts.journal.transcript(session.id))
        self.assertNotIn("marked-secret", session.reason + "".join(map(str, lines)))

    def test_login_delay_of_a_literal(self) -> None:
        """LOGIN-DELAY holds for a server that is given as an address in brackets, too."""
        drop = Maildrop()
        drop.capabilities.append(b"LOGIN-DELAY 180")
        self.start_polling(drop, email_ifax__pop_server="[::1]")
        self.receive(drop)
        self.assertEqual(self.pop_sessions.next_login, AT + 180)

    def test_mark(self) -> None:
        """A mail's name carries the mark of its UIDL, the same for each spelling of the server."""
        drop = Maildrop({b"one": _MAIL})
        self.start_polling(drop)
        self.receive(drop)
        (name,) = self.parts.memory.names()
        self.assertTrue(name.endswith(",U=" + uidl_mark("POP.bench.test", "ir", b"one")))

    def test_trace(self) -> None:
        """A fetched mail stands octet for octet behind its Received field."""
        drop = Maildrop({b"one": _MAIL})
        self.start_polling(drop)
        self.receive(drop)
        (mail,) = mails_in(self.parts)
        self.assertTrue(mail.startswith(b"Received: from pop.bench.test (maildrop ir)\r\n"))
        self.assertTrue(mail.endswith(b"+0000\r\n" + _MAIL) or mail.endswith(_MAIL))

    def test_refused_connection(self) -> None:
        """A server that is not there: #810, and a line in the report."""
        drop = Maildrop()
        drop.refuses = True
        self.start_polling(drop)
        session = self.receive(drop)
        self.assertEqual((session.result, session.code), ("NG", "#810"))
        (job,) = self.successResultOf(self.parts.journal.jobs(9))
        self.assertEqual((job.number, job.result, job.code), ("5001", "NG", "#810"))

    def test_settings_missing(self) -> None:
        """With POP off, or no server set, nothing is tried; the refusal names the setting."""
        for missing, key in (
            ({"email_ifax__pop": False}, "email_ifax.pop"),
            (
                {"email_ifax__pop_server": "", "email_ifax__pop_interval": 1},
                "email_ifax.pop_server",
            ),
        ):
            drop = Maildrop()
            self.start_polling(drop, **missing)
            error = self.assertRaises(CannotReceive, self.poller.receive)
            self.assertIn(key, str(error))
            self.parts.clock.advance(600)
            self.assertEqual((drop.connections, self.parts.device.last_session), (0, 0))

    def test_secret(self) -> None:
        """The password stands neither in the transcript nor in the journal."""
        drop = Maildrop()
        self.start_polling(drop)
        session = self.receive(drop)
        lines = self.successResultOf(self.parts.journal.transcript(session.id))
        self.assertIn("C: PASS ••••••", [str(line) for line in lines])
        self.assertIn(b"PASS marked-secret", drop.commands)
        for path in self.parts.memory.directory.parent.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"marked-secret", path.read_bytes(), path)

    def test_stopped_while_connecting(self) -> None:
        """Switched off while the server is being connected, it does not wait for that."""
        drop = Maildrop()
        self.start_polling(drop)
        self.parts.network.connect = lambda *_: _Never()
        answer = self.poller.receive()
        self.poller.stopService()
        self.successResultOf(self.pop_sessions.stopService())
        self.assertIn("switched off", self.successResultOf(answer).reason)

    def test_stopped(self) -> None:
        """Switched off in the middle of a session, it ends that, and leaves nothing behind."""
        drop = Maildrop({b"one": _MAIL})
        drop.silent_to = b"LIST"
        self.start_polling(drop, email_ifax__pop_interval=1)
        drop.serve()
        self.poller.stopService()
        stopped: Any = self.pop_sessions.stopService()
        assert drop.wire is not None
        drop.wire.taken()
        self.successResultOf(stopped)
        self.parts.clock.advance(1)
        self.assertEqual(self.parts.clock.getDelayedCalls(), [])

    def tls_server(self, names: tuple[str, ...]) -> SSL.Context:
        """Return what a server with a certificate of its own answers STLS with."""
        certificate, key = _key_of(names)
        self.root = Path(self.mktemp())
        self.root.write_bytes(certificate)
        material = read_key_material(certificate, key)
        context = old_tls()
        context.use_certificate(material.certificate)
        context.use_privatekey(material.key)
        return context

    def verified(
        self, name: str, *, trusted: bool, check_name: bool
    ) -> tuple[Session, Maildrop]:
        """Fetch from a server whose certificate is for `name`, checking it."""
        drop = Maildrop()
        drop.tls = self.tls_server((name,))
        self.start_polling(
            drop,
            model="iradvance",
            authent_encryption__allow_ssl_pop=True,
            authent_encryption__verify_pop=True,
            authent_encryption__verify_cn=check_name,
        )
        self.parts.configure("tls", trust=str(self.root) if trusted else "")
        return self.receive(drop), drop

    def test_certificate_checked(self) -> None:
        """Where the model checks certificates, the right one is taken and its name compared."""
        session, _ = self.verified("pop.bench.test", trusted=True, check_name=True)
        self.assertEqual(session.result, "OK", session.reason)
        assert session.tls is not None
        self.assertEqual(session.tls.version, "TLS 1.3")
        session, _ = self.verified("elsewhere.test", trusted=True, check_name=False)
        self.assertEqual(session.result, "OK", session.reason)

    def test_certificate_refused(self) -> None:
        """An untrusted certificate, or one for another name, is a TLS error and ends before the login."""
        for name, trusted in (("pop.bench.test", False), ("elsewhere.test", True)):
            session, drop = self.verified(name, trusted=trusted, check_name=True)
            self.assertEqual((session.result, session.code), ("NG", "#810"))
            self.assertEqual(session.status_line, "SSL Error (POP)")
            self.assertEqual(drop.count(b"USER"), 0)


class LoginOnlyTests(PollingCase):
    """POP AUTH before Sending, at the POP server."""

    def test_login_and_nothing_more(self) -> None:
        """It logs in, fetches nothing, says QUIT, and stands in no line of the report."""
        drop = Maildrop({b"u1": b"Subject: x\r\n\r\nx\r\n"})
        self.start_polling(drop)
        login = self.pop_sessions.log_in()
        drop.serve()
        session = self.successResultOf(login)
        self.assertEqual((session.result, session.messages), ("OK", 0))
        verbs = [line.split()[0] for line in drop.commands]
        self.assertEqual(verbs, [b"CAPA", b"USER", b"PASS", b"QUIT"])
        self.assertEqual(self.successResultOf(self.parts.journal.jobs(10)), [])

    def test_behind_a_reception(self) -> None:
        """It waits for a reception that is under way, and then logs in by itself."""
        drop = Maildrop()
        self.start_polling(drop)
        reception = self.poller.receive()
        login = self.pop_sessions.log_in()
        self.assertEqual(drop.connections, 1)
        self.assertNoResult(login)
        drop.serve()
        self.successResultOf(reception)
        self.assertEqual(drop.connections, 2)
        drop.serve()
        self.assertEqual(self.successResultOf(login).result, "OK")

    def test_given_up(self) -> None:
        """It can be given up while it waits and while it is under way; the next one has its turn."""
        drop = Maildrop()
        self.start_polling(drop)
        reception = self.poller.receive()
        login = self.pop_sessions.log_in()
        login.cancel()
        self.failureResultOf(login, CancelledError)
        drop.serve()
        self.successResultOf(reception)
        login = self.pop_sessions.log_in()
        login.cancel()
        self.failureResultOf(login, CancelledError)
        assert drop.wire is not None
        drop.wire.taken()
        reception = self.poller.receive()
        drop.serve()
        self.assertEqual(self.successResultOf(reception).result, "OK")

    def test_no_server(self) -> None:
        """Without a POP Server it fails with the setting that is missing."""
        drop = Maildrop()
        self.start_polling(drop)
        self.parts.device.change_settings({"email_ifax.pop_server": ""})
        session = self.successResultOf(self.pop_sessions.log_in())
        self.assertEqual((session.result, session.code), ("NG", "#810"))
        self.assertIn("email_ifax.pop_server", session.reason)
