"""Jobs from the panel to their end: accepted once, tried as the model does, ended once."""

from __future__ import annotations

from email import message_from_bytes

import attrs

from irsend.device.send_policy import code_of_pop_login
from irsend.device.sessions import Session
from irsend.errors import CannotCancel, MemoryFull, SendRefused
from tests.message.test_fragments import put_together
from tests.services.relay import NOT_FOUND, REFUSED, OnePageScanner, SendingCase, results


class JobTests(SendingCase):
    """One job, one attempt."""

    def test_handed_to_the_server(self) -> None:
        """A mail that the SMTP server takes is "--": what happens to it then is not known (docs/fidelity)."""
        job = self.send()
        self.assertEqual((job.number, job.result, job.pages), ("0001", "waiting", 1))
        self.settle()
        job = self.job()
        self.assertEqual(results(job), ["--", "--"])
        self.assertIsNotNone(job.ended)
        self.assertEqual(self.relay.destinations, [("relay.bench.test", 25)])
        self.assertIn(b"Subject: Attached Image\r\n", self.relay.mails[0])
        self.assertEqual(len(self.relay.mails[0]), job.size)
        self.assertEqual(list(self.directory.glob("outbox/[0-9]*")), [])

    def test_several_recipients(self) -> None:
        """Each recipient has its own result; the job has the worst."""
        self.relay.answers["RCPT TO:<c@"] = "550 5.1.1 Nobody"
        self.send("b@bench.test", "c@bench.test", "d@bench.test")
        self.settle()
        job = self.job()
        self.assertEqual(results(job), ["NG #806", "--", "NG #806", "--"])
        self.assertIn("550 5.1.1 Nobody", job.reason)
        self.assertEqual(len(self.relay.mails), 1)

    def test_server_not_found(self) -> None:
        """A server that DNS does not know, and none at all, is #802."""
        self.relay.refuses = NOT_FOUND
        self.send()
        self.settle()
        self.assertEqual(results(self.job()), ["NG #802", "NG #802"])
        self.parts.device.change_settings({"email_ifax.smtp_server": ""})
        self.send()
        self.settle()
        self.assertEqual(results(self.job("0002")), ["NG #802", "NG #802"])

    def test_server_refuses(self) -> None:
        """A server that is not there is #801."""
        self.relay.refuses = REFUSED
        self.send()
        self.settle()
        self.assertEqual(results(self.job()), ["NG #801", "NG #801"])

    def test_too_large(self) -> None:
        """Larger than Maximum Data Size is #705, without a session, and without a place in the outbox."""
        OnePageScanner.PAGE, page = b"x" * 1_000_000, OnePageScanner.PAGE
        self.addCleanup(setattr, OnePageScanner, "PAGE", page)
        self.parts.device.change_settings({"email_ifax.maximum_data_size": 1})
        job = self.send()
        self.assertEqual(results(job), ["NG #705", "NG #705"])
        self.assertEqual((job.sessions, self.relay.destinations), ((), []))
        self.assertEqual(list(self.directory.glob("outbox/[0-9]*")), [])
        self.assertEqual(self.outbox.used, 0)

    def test_divided(self) -> None:
        """With divided sending it goes in parts, in one session, that make the mail again."""
        OnePageScanner.PAGE, page = bytes(range(256)) * 8000, OnePageScanner.PAGE
        self.addCleanup(setattr, OnePageScanner, "PAGE", page)
        self.parts.device.change_settings(
            {"email_ifax.maximum_data_size": 1, "email_ifax.divided_send": True}
        )
        self.send()
        self.settle()
        self.assertEqual(results(self.job()), ["--", "--"])
        self.assertEqual(len(self.relay.mails), 3)
        self.assertEqual(len(self.relay.connections), 1)
        self.assertTrue(all(len(one) <= 1_000_000 for one in self.relay.mails))
        whole = message_from_bytes(put_together(self.relay.mails))
        (attachment,) = whole.get_payload()
        self.assertEqual(attachment.get_payload(decode=True), OnePageScanner.PAGE)

    def test_default_subject(self) -> None:
        """Without a subject the Default Subject of the window is sent."""
        self.parts.device.change_settings({"email_ifax.default_subject": "From the office"})
        self.send()
        self.settle()
        self.assertIn(b"Subject: From the office\r\n", self.relay.mails[0])

    def test_no_address_of_its_own(self) -> None:
        """Without an E-mail Address a mail comes from the model at the machine's name."""
        self.parts.device.change_settings({"email_ifax.email_address": ""})
        self.send()
        self.settle()
        self.assertIn("MAIL FROM:<ir2270@ir2270.bench.test>", self.relay.commands)

    def test_memory_full(self) -> None:
        """With its memory full the machine takes no order."""
        self.parts.capacity = 0
        with self.assertRaises(AssertionError) as failed:
            self.send()
        self.assertIn(MemoryFull.__name__, str(failed.exception))

    def test_numbers(self) -> None:
        """Jobs are numbered 0001, 0002 and so on, also over a restart."""
        self.assertEqual(self.send().number, "0001")
        self.settle()
        self.switch_off()
        self.switch_on()
        self.assertEqual(self.send().number, "0002")

    def test_one_after_the_other(self) -> None:
        """A job waits while another is being sent."""
        self.relay.answers["EHLO"] = ""
        self.send()
        self.send()
        self.settle()
        self.assertEqual(
            [self.job(one).result for one in ("0001", "0002")], ["running", "waiting"]
        )
        self.assertEqual(len(self.relay.connections), 1)

    def test_session(self) -> None:
        """The job names its session, which has octets, mails and the server."""
        self.send()
        self.settle()
        (number,) = self.job().sessions
        session = self.successResultOf(self.parts.journal.session(number))
        self.assertEqual((session.kind, session.peer), ("smtp-send", "relay.bench.test"))
        self.assertEqual((session.bytes, session.messages), (self.job().size, 1))


class OrderTests(SendingCase):
    """What cannot be ordered."""

    def refused(self, *to: str, **words: object) -> list[str]:
        """Return the keys that are refused."""
        with self.assertRaises(SendRefused) as caught:
            self.send(*to, **words)
        return [one.key for one in caught.exception.refused]

    def test_addresses(self) -> None:
        """What is no address is refused by name; quoted local parts and literals are none of it."""
        for wrong in (
            "x",
            "a b@c",
            "a@",
            "@c",
            "a@b\r\nX: y",
            "é@b.test",
            "a..b@c.test",
            "<a@b>",
        ):
            self.assertEqual(self.refused(wrong), ["to"], wrong)
        for right in ('"a b"@bench.test', "a@[192.0.2.1]", "a+b@bench.test"):
            self.send(right)

    def test_words(self) -> None:
        """Each wrong word is refused by its name, all at once."""
        wrong = self.refused(format="gif", kind="fax", subject="a\nb", colour="red")
        self.assertEqual(sorted(wrong), ["colour", "format", "kind", "subject"])

    def test_full_mode(self) -> None:
        """Full mode is for an I-Fax, on a model that has it."""
        self.assertEqual(self.refused(full="on"), ["full"])

    def test_auth_screen(self) -> None:
        """User and password are asked for only where Display Auth. Screen When Sending is on."""
        self.assertEqual(self.refused(user="a", password="b"), ["user", "password"])


class AuthScreenTests(SendingCase):
    """Display Auth. Screen When Sending."""

    settings = {
        **SendingCase.settings,
        "authent_encryption.display_auth_screen": True,
        "authent_encryption.smtp_authentication": True,
        "authent_encryption.user": "stored",
        "authent_encryption.password": "marked-1",
    }

    def test_typed_login(self) -> None:
        """What was typed for a job is used for it, and stands in no file of the outbox."""
        self.relay.answers["EHLO"] = "250-relay.bench.test\r\n250 AUTH PLAIN"
        self.relay.answers["AUTH PLAIN AHR5cGVkAG1hcmtlZC0y"] = "235 OK"
        self.send(user="typed", password="marked-2")
        for path in self.directory.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"marked", path.read_bytes(), path)
        self.settle()
        self.assertEqual(results(self.job()), ["--", "--"])


class CancelTests(SendingCase):
    """Cancelling (#995)."""

    def test_waiting(self) -> None:
        """A job that waits is never sent."""
        job = self.send()
        cancelled = self.successResultOf(self.send_queue.cancel(job))
        self.settle()
        self.assertEqual(results(cancelled), ["NG #995", "NG #995"])
        self.assertEqual(self.relay.destinations, [])
        self.assertEqual(list(self.directory.glob("outbox/[0-9]*")), [])

    def test_running(self) -> None:
        """A job that is being sent is broken off, and the next one is sent."""
        self.relay.answers["DATA"] = ""
        job = self.send()
        self.settle()
        cancelling = self.send_queue.cancel(job)
        self.relay.answers["DATA"] = "354 Go on"
        self.settle()
        self.assertEqual(results(self.successResultOf(cancelling)), ["NG #995", "NG #995"])
        self.send()
        self.settle()
        self.assertEqual(results(self.job("0002")), ["--", "--"])

    def test_ended(self) -> None:
        """A job that has ended cannot be cancelled, and the sentence says how it ended."""
        job = self.send()
        self.settle()
        failure = self.failureResultOf(self.send_queue.cancel(job), CannotCancel)
        self.assertIn("0001 has ended", str(failure.value))


class RestartTests(SendingCase):
    """The power fails, or the machine is switched off."""

    def test_waiting(self) -> None:
        """A job that was accepted is sent after the next start."""
        self.send_queue.running = 0
        self.send()
        self.switch_on()
        self.settle()
        self.assertEqual(results(self.job()), ["--", "--"])
        self.assertEqual(len(self.relay.mails), 1)

    def test_in_the_middle(self) -> None:
        """A job that was being sent when the machine was switched off is sent after the next start."""
        self.relay.answers["DATA"] = ""
        self.send()
        self.settle()
        self.switch_off()
        self.assertEqual(results(self.job()), ["waiting", "waiting"])
        self.relay.answers["DATA"] = "354 Go on"
        self.switch_on()
        self.settle()
        self.assertEqual(results(self.job()), ["--", "--"])
        self.assertEqual(len(self.job().sessions), 2)


class RetryTests(SendingCase):
    """The retry rule of the model file: the Toshiba tries three times, a minute apart."""

    model = "estudio190f"

    def test_for_the_moment(self) -> None:
        """What fails for the moment is tried again as often as the model does, then it is NG."""
        self.relay.answers["RCPT"] = "450 4.2.0 Greylisted"
        self.send()
        self.settle()
        self.assertEqual(results(self.job()), ["waiting", "waiting"])
        self.assertIn("attempt 1 of 3: the server refused RCPT: 450", self.job().reason)
        for attempt in (2, 3):
            self.parts.clock.advance(59)
            self.assertEqual(len(self.relay.connections), attempt - 1)
            self.parts.clock.advance(1)
            self.settle()
            self.assertEqual(len(self.relay.connections), attempt)
        self.assertEqual(results(self.job()), ["NG #806", "NG #806"])

    def test_only_who_is_left(self) -> None:
        """The second attempt is for the recipients that the first one did not reach."""
        self.relay.answers["RCPT TO:<c@"] = "451 4.2.0 Later"
        self.relay.answers["RCPT TO:<d@"] = "550 5.1.1 Nobody"
        self.send("b@bench.test", "c@bench.test", "d@bench.test")
        self.settle()
        self.assertEqual(results(self.job()), ["waiting", "--", "waiting", "NG #806"])
        self.relay.commands.clear()
        self.relay.answers["RCPT TO:<c@"] = "250 OK"
        self.parts.clock.advance(60)
        self.settle()
        recipients = [line for line in self.relay.commands if line.startswith("RCPT")]
        self.assertEqual(recipients, ["RCPT TO:<c@bench.test>"])
        self.assertEqual(results(self.job()), ["NG #806", "--", "--", "NG #806"])

    def test_for_good(self) -> None:
        """What is refused for good is not tried again."""
        self.relay.answers["MAIL"] = "550 5.7.1 No"
        self.send()
        self.settle()
        self.assertEqual(results(self.job()), ["NG #801", "NG #801"])

    def test_attempts_survive(self) -> None:
        """A restart does not begin the count anew."""
        self.relay.refuses = REFUSED
        self.send()
        self.settle()
        self.switch_off()
        self.switch_on()
        self.parts.clock.advance(60)
        self.settle()
        self.assertIn("attempt 2 of 3", self.job().reason)


class PopBeforeSendingTests(SendingCase):
    """POP AUTH before Sending (docs/fidelity)."""

    settings = {
        **SendingCase.settings,
        "authent_encryption.pop_auth_before_sending": True,
    }

    def log_in(self, result: str = "OK", code: str | None = None, status: str = "") -> None:
        """Let the POP login end."""
        session = self.parts.device.session_began("pop-receive", "pop.bench.test")
        ended: Session = attrs.evolve(
            session, result=result, code=code, status_line=status, reason="login refused: No"
        )
        self.parts.device.session_ended(session, "OK", succeeded=True)
        self.pop_logins[-1].callback(ended)
        self.settle()

    def test_pause(self) -> None:
        """SMTP begins 300 ms behind the POP login, and not before."""
        self.send()
        self.settle()
        self.assertEqual((len(self.pop_logins), self.relay.destinations), (1, []))
        self.log_in()
        self.parts.clock.advance(0.299)
        self.assertEqual(self.relay.destinations, [])
        self.parts.clock.advance(0.001)
        self.settle()
        self.assertEqual(results(self.job()), ["--", "--"])
        self.assertEqual(len(self.job().sessions), 2)

    def test_refused(self) -> None:
        """A POP error is the job's error; nothing is said to the SMTP server."""
        self.send()
        self.settle()
        self.log_in("NG", "#813")
        self.assertEqual(results(self.job()), ["NG #813", "NG #813"])
        self.assertIn("POP AUTH before Sending: login refused", self.job().reason)
        self.assertEqual(self.relay.destinations, [])

    def test_codes(self) -> None:
        """TLS is #844, POP AUTH #845, APOP #846, another login #813, and no server #810."""
        for method, code, tls_failed, expected in (
            ("pop_auth", None, True, "#844"),
            ("pop_auth", "#813", False, "#845"),
            ("apop", "#813", False, "#846"),
            ("standard", "#813", False, "#813"),
            ("apop", "#810", False, "#810"),
            ("apop", None, False, "#810"),
        ):
            self.parts.device.change_settings({"authent_encryption.pop_auth_method": method})
            settings = self.parts.device.settings
            self.assertEqual(code_of_pop_login(settings, code, tls_failed=tls_failed), expected)

    def test_cancelled_while_it_waits(self) -> None:
        """A job can be cancelled while it waits for the POP server."""
        job = self.send()
        self.settle()
        cancelling = self.send_queue.cancel(job)
        self.settle()
        self.assertEqual(results(self.successResultOf(cancelling)), ["NG #995", "NG #995"])
