"""What else may happen to a job: a slow disk or a full one, its client gone, settings changed."""

from __future__ import annotations

import base64
from typing import Any

from twisted.internet.address import HostnameAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError

from irsend.device.jobs import Job
from irsend.device.send_order import Original, read_order
from irsend.errors import CannotCancel
from irsend.interfaces import TranscriptLine
from tests.services.relay import OnePageScanner, SendingCase, results
from tests.store.shortage import no_file_larger_than
from tests.store.threads import HeldThread


class SlowDiskTests(SendingCase):
    """The disk takes its time, and something else happens meanwhile."""

    model = "estudio190f"

    def order(self) -> Deferred[Job]:
        """Order a sending."""
        page = Original(path=self.directory / "page.tif", name="page.tif")
        given: dict[str, object] = {"to": ["b@bench.test"], "format": "tiff"}
        return self.send_queue.send(read_order(self.parts.device, [page], given))

    def held(self) -> HeldThread:
        """Hold what the outbox writes."""
        thread = HeldThread()
        self.outbox._in_thread = thread
        return thread

    def test_client_gone(self) -> None:
        """A client that leaves while the job is written changes nothing: it is sent, now, and once."""
        thread = self.held()
        ordered = self.order()
        ordered.cancel()
        self.failureResultOf(ordered, CancelledError)
        for _ in range(3):
            thread.run_all()
            self.settle()
        self.assertEqual((results(self.job()), len(self.relay.mails)), (["--", "--"], 1))
        self.assertEqual(list(self.directory.glob("outbox/[0-9]*")), [])

    def test_switched_off(self) -> None:
        """The machine is not off before what was ordered is written; it is sent after the next start."""
        thread = self.held()
        ordered = self.order()
        stopped = self.send_queue.stopService()
        assert stopped is not None
        self.assertNoResult(stopped)
        thread.run_all()
        self.successResultOf(stopped)
        self.assertEqual(self.successResultOf(ordered).result, "waiting")
        self.switch_on()
        self.settle()
        self.assertEqual((results(self.job()), len(self.relay.mails)), (["--", "--"], 1))

    def test_scan_cleared_away_slowly(self) -> None:
        """A job can be cancelled as soon as it is announced, though its scan is on the disk still."""
        self.send_queue._submission._on_disk = HeldThread()
        job = self.successResultOf(self.order())
        self.assertEqual(
            results(self.successResultOf(self.send_queue.cancel(job)))[0], "NG #995"
        )

    def test_cancelled_while_connecting(self) -> None:
        """A job whose server does not answer is cancelled, and no error of the bench's own is logged."""
        # As HostnameEndpoint ends what is cancelled.
        gone = ConnectingCancelledError(HostnameAddress(b"relay.bench.test", 25))
        self.relay.refuses = Deferred(lambda connecting: connecting.errback(gone))
        job = self.successResultOf(self.order())
        self.settle()
        self.assertEqual(
            results(self.successResultOf(self.send_queue.cancel(job)))[0], "NG #995"
        )

    def test_cancelled_while_an_attempt_is_noted(self) -> None:
        """To cancel a job counts too while the end of an attempt is written down."""
        self.relay.answers["RCPT"] = "450 4.2.0 Later"
        job = self.successResultOf(self.order())
        thread = self.held()
        self.settle()
        cancelling = self.send_queue.cancel(job)
        self.assertNoResult(cancelling)
        for _ in range(3):
            thread.run_all()
            self.settle()
        self.assertEqual(results(self.successResultOf(cancelling)), ["NG #995", "NG #995"])
        self.relay.answers["RCPT"] = "250 OK"
        self.parts.clock.advance(60)
        self.settle()
        self.assertEqual(self.relay.mails, [])

    def test_cancelled_too_late(self) -> None:
        """A job whose mail was taken is not cancelled any more, and the sentence says how it ended."""
        self.relay.answers["QUIT"] = ""
        job = self.successResultOf(self.order())
        self.settle()
        cancelling = self.send_queue.cancel(job)
        self.settle()
        failure = self.failureResultOf(cancelling, CannotCancel)
        self.assertIn("0001 has ended (--)", str(failure.value))


class FullDiskTests(SendingCase):
    """The disk takes nothing more, for a while."""

    model = "estudio190f"

    def test_attempts_are_counted(self) -> None:
        """Attempts that cannot be written down count all the same: it is tried as often as the model does."""
        self.relay.answers["RCPT"] = "450 4.2.0 Later"
        self.send()
        with no_file_larger_than(0):
            for _ in range(6):
                self.settle()
                self.parts.clock.advance(60)
        self.settle()
        self.assertEqual(len(self.relay.connections), 3)
        self.assertEqual(results(self.job()), ["NG #806", "NG #806"])
        # Of trial's own log, which could not be written either.
        self.flushLoggedErrors(OSError)

    def test_cancelled_where_nothing_can_be_noted(self) -> None:
        """To cancel a job counts also where the end of an attempt cannot be written down."""
        self.relay.answers["RCPT"] = "450 4.2.0 Later"
        job = self.send()
        thread = HeldThread()
        self.outbox._in_thread = thread
        self.settle()
        cancelling = self.send_queue.cancel(job)
        with no_file_larger_than(0):
            thread.run_all()
            self.settle()
        for _ in range(3):
            thread.run_all()
            self.settle()
        self.assertEqual(results(self.successResultOf(cancelling)), ["NG #995", "NG #995"])
        self.flushLoggedErrors(OSError)

    def test_end_is_put_away_later(self) -> None:
        """A job that has ended leaves the outbox when the disk works again; it is not sent twice."""
        self.send()
        self.outbox.new_directory = _failing  # type: ignore[method-assign]
        self.settle()
        self.assertEqual(results(self.job()), ["--", "--"])
        self.assertEqual(len(list(self.directory.glob("outbox/[0-9]*"))), 1)
        del self.outbox.new_directory  # type: ignore[method-assign]
        self.parts.clock.advance(60)
        self.settle()
        self.assertEqual(list(self.directory.glob("outbox/[0-9]*")), [])
        self.assertEqual(len(self.relay.mails), 1)

    def test_message_cut(self) -> None:
        """A message that is not whole any more is not sent as if it were."""
        self.send_queue.running = 0
        job = self.send()
        message = self.directory / "outbox" / str(job.serial) / "message"
        message.write_bytes(message.read_bytes()[:300])
        self.send_queue.startService()
        self.settle()
        self.assertEqual(results(self.job()), ["NG #803", "NG #803"])
        self.assertIn("octets are missing", self.job().reason)
        self.assertEqual(self.relay.mails, [])


def _failing(*_: object) -> Any:
    raise OSError(28, "No space left on device")


class ChangedTests(SendingCase):
    """Settings are changed while a job waits or runs."""

    def test_limit_lowered(self) -> None:
        """A mail that is too large by now, and may not be divided, is #705, and not in parts."""
        OnePageScanner.PAGE, page = b"x" * 2_000_000, OnePageScanner.PAGE
        self.addCleanup(setattr, OnePageScanner, "PAGE", page)
        self.send_queue.running = 0
        self.send()
        self.parts.device.change_settings({"email_ifax.maximum_data_size": 1})
        self.send_queue.startService()
        self.settle()
        self.assertEqual(results(self.job()), ["NG #705", "NG #705"])
        self.assertEqual(self.relay.destinations, [])

    def test_one_moment(self) -> None:
        """An attempt goes by the settings of its beginning, all of them."""
        self.parts.device.change_settings(
            {
                "authent_encryption.pop_auth_before_sending": True,
                "authent_encryption.user": "old",
                "authent_encryption.password": "older",
            }
        )
        self.relay.answers["EHLO"] = "250-relay.bench.test\r\n250 AUTH PLAIN"
        self.send()
        self.settle()
        self.parts.device.change_settings({"authent_encryption.smtp_authentication": True})
        session = self.parts.device.session_began("pop-receive", "pop.bench.test")
        self.pop_logins[0].callback(
            self.parts.device.session_ended(session, "OK", succeeded=True)
        )
        self.parts.clock.advance(0.3)
        self.settle()
        self.assertEqual(self.relay.commands[1][:4], "MAIL")


class LimitTests(SendingCase):
    """A session as a whole takes so long and no longer."""

    def test_session(self) -> None:
        """A server that answers each command just in time does not hold a job for ever: #801."""
        self.parts.configure("limits", smtp_session=600)
        for command in ("EHLO", "MAIL", "RCPT"):
            self.relay.answers[command] = ""
        self.send()
        self.settle()
        connection = self.relay.connections[0]
        self.parts.clock.advance(299)
        connection.say("250 relay.bench.test")
        self.settle()
        self.parts.clock.advance(299)
        connection.say("250 OK")
        self.settle()
        self.parts.clock.advance(2)
        self.settle()
        self.assertEqual(results(self.job()), ["NG #801", "NG #801"])
        self.assertEqual(self.job().reason, "the session took too long")


class CancelledTests(SendingCase):
    """What a cancel leaves as it is."""

    def test_refused_before(self) -> None:
        """A recipient that was refused for good before the job was cancelled keeps that code."""
        self.relay.answers["RCPT TO:<c@"] = "550 5.1.1 Nobody"
        self.relay.answers["DATA"] = ""
        job = self.send("b@bench.test", "c@bench.test")
        self.settle()
        cancelling = self.send_queue.cancel(job)
        self.settle()
        cancelled = self.successResultOf(cancelling)
        self.assertEqual(results(cancelled)[1:], ["NG #995", "NG #806"])

    def test_over_before(self) -> None:
        """A job that was refused for good is not cancelled during QUIT."""
        self.relay.answers["MAIL"], self.relay.answers["QUIT"] = "550 5.7.1 No", ""
        job = self.send()
        self.settle()
        cancelling = self.send_queue.cancel(job)
        self.settle()
        self.failureResultOf(cancelling, CannotCancel)
        self.assertEqual(results(self.job()), ["NG #801", "NG #801"])


class RecipientTests(SendingCase):
    """Recipients, each with the result that is its own."""

    def test_two_spellings(self) -> None:
        """Two spellings of one mailbox are both served by its one answer."""
        self.send('"b"@bench.test', "b@Bench.Test", "b@bench.test", "c@bench.test")
        self.settle()
        self.assertEqual(results(self.job()), ["--"] * 5)
        self.assertEqual(len(self.relay.mails), 1)
        recipients = [line for line in self.relay.commands if line.startswith("RCPT")]
        self.assertEqual(recipients, ["RCPT TO:<b@bench.test>", "RCPT TO:<c@bench.test>"])

    def test_lost_behind_a_refusal(self) -> None:
        """A recipient refused before the connection was lost is #806, and only the others #803."""
        self.relay.answers["RCPT TO:<c@"] = "550 5.1.1 Nobody"
        self.relay.answers["RCPT TO:<d@"] = ""
        self.send("c@bench.test", "d@bench.test")
        self.settle()
        self.relay.connections[0].lose()
        self.settle()
        self.assertEqual(results(self.job()), ["NG #806", "NG #806", "NG #803"])

    def test_no_server_name(self) -> None:
        """A server name that can be none is #802, in words."""
        self.parts.network.connect = None
        for name in ("a..b", "-", "[IPv6:::1]"):
            self.parts.device.change_settings({"email_ifax.smtp_server": name})
            job = self.send()
            self.settle()
            self.assertEqual(self.job(job.number).code, "#802", self.job(job.number))


class EchoTests(SendingCase):
    """A server that repeats what it received."""

    settings = {
        **SendingCase.settings,
        "authent_encryption.smtp_authentication": True,
        "authent_encryption.user": "stored",
        "authent_encryption.password": "marked-secret",
    }

    def test_no_secret_is_shown(self) -> None:
        """Password and SASL response stand neither in reason nor transcript, whatever the server repeats."""
        encoded = base64.b64encode(b"\0stored\0marked-secret").decode()
        self.relay.answers["EHLO"] = "250-relay.bench.test\r\n250 AUTH PLAIN"
        self.relay.answers["AUTH"] = f'500 What is "{encoded}", with marked-secret in it?'
        self.send()
        self.settle()
        job = self.job()
        self.assertEqual(job.code, "#839")
        session = self.successResultOf(self.parts.journal.session(job.sessions[0]))
        lines: list[TranscriptLine] = self.successResultOf(
            self.parts.journal.transcript(job.sessions[0])
        )
        for text in (job.reason, session.reason, *map(str, lines)):
            self.assertNotIn(encoded, text)
            self.assertNotIn("marked", text)
        self.assertIn("What is", job.reason)

    def test_password_of_two_words(self) -> None:
        """A password with a blank in it is masked like any other."""
        self.parts.device.change_settings({"authent_encryption.password": "marked secret"})
        self.relay.answers["EHLO"] = "250-relay.bench.test\r\n250 AUTH PLAIN"
        self.relay.answers["AUTH"] = "535 Who is stored with marked secret?"
        self.send()
        self.settle()
        self.assertIn("535 Who is stored with ••••••?", self.job().reason)

    def test_only_the_password_typed(self) -> None:
        """What is not typed for Display Auth. Screen is taken from the window."""
        self.parts.device.change_settings({"authent_encryption.display_auth_screen": True})
        self.relay.answers["EHLO"] = "250-relay.bench.test\r\n250 AUTH PLAIN"
        self.relay.answers["AUTH"] = "235 Welcome"
        self.send(password="typed")
        self.settle()
        credentials = base64.b64decode(self.relay.commands[1].split()[-1])
        self.assertEqual(credentials, b"\0stored\0typed")


class QuitTests(SendingCase):
    """A server that does not answer QUIT."""

    def test_not_waited_for_long(self) -> None:
        """Ten seconds, and the next job begins."""
        self.relay.answers["QUIT"] = ""
        self.send()
        self.send()
        self.settle()
        self.parts.clock.advance(10)
        self.settle()
        self.assertEqual(results(self.job()), ["--", "--"])
        self.assertEqual(len(self.relay.connections), 2)
