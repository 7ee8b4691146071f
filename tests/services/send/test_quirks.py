"""Quirks of a whole job: how many sessions it has, who its sender is, what its header has."""

from __future__ import annotations

import re

from irsend.device.quirks import Quirks
from irsend.device.send_policy import own_address
from irsend.protocols.smtp_client_dialect import STANDARD
from irsend.services.send.quirks import dialect_of
from tests.services.relay import SendingCase, results

_MAIL = re.compile(r"MAIL FROM:<(.*?)>")


class JobTests(SendingCase):
    """Jobs of a machine with quirks."""

    def turn_on(self, **quirks: object) -> None:
        """Turn quirks on."""
        self.parts.device.change_settings({f"quirks.{key}": on for key, on in quirks.items()})

    def sent(self, *to: str) -> list[str]:
        """Send a page; return the commands that the relay was given, without EHLO and QUIT."""
        self.relay.commands.clear()
        self.send(*to)
        self.settle()
        return [line for line in self.relay.commands if line[:4] not in ("EHLO", "QUIT")]

    def senders(self) -> list[str]:
        """Return the senders of the envelopes that the relay was given."""
        return [match[1] for line in self.relay.commands if (match := _MAIL.match(line))]

    def test_none(self) -> None:
        """Without quirks the machine speaks the standard's dialect, the same object each time."""
        self.assertIs(dialect_of(Quirks()), STANDARD)

    def test_noted(self) -> None:
        """A transcript begins with the quirks that are on; without any it has no such note."""
        for quirks, note in (
            ({}, ""),
            ({"bare_lf_content": True}, "quirks: bare_lf_content"),
            (
                {"date": "iso", "no_quit": True, "final_dot_delay": 3},
                "quirks: no_quit, bare_lf_content, final_dot_delay = 3, date = iso",
            ),
        ):
            self.turn_on(**quirks)
            self.send()
            self.settle()
            session = self.successResultOf(self.parts.journal.sessions(1))[0]
            transcript = self.successResultOf(self.parts.journal.transcript(session.id))
            shown = [line.text for line in transcript if line.text.startswith("quirks")]
            self.assertEqual(shown, [note] if note else [])
            if note:
                self.assertEqual(transcript[0].text, note)

    def test_one_connection_per_recipient(self) -> None:
        """Each recipient has a session of its own, and its own result; the mail is the same."""
        self.relay.answers["RCPT TO:<c@"] = "550 5.1.1 Nobody"
        self.turn_on(one_connection_per_recipient=True)
        self.sent("b@bench.test", "c@bench.test", "d@bench.test")
        job = self.job()
        self.assertEqual(results(job), ["NG #806", "--", "NG #806", "--"])
        self.assertEqual(len(job.sessions), 3)
        self.assertEqual(len(self.relay.connections), 3)
        self.assertEqual(len(self.relay.mails), 2)
        self.assertEqual(len(set(self.relay.mails)), 1)

    def test_one_address_twice(self) -> None:
        """Two spellings of one mailbox are one recipient, with one session."""
        self.turn_on(one_connection_per_recipient=True)
        self.sent("b@bench.test", "b@BENCH.test")
        self.assertEqual(len(self.relay.connections), 1)
        self.assertEqual(results(self.job()), ["--", "--", "--"])

    def test_cancelled_between_two(self) -> None:
        """A job that is cancelled in the first session has no second one."""
        self.relay.answers["DATA"] = ""
        self.turn_on(one_connection_per_recipient=True)
        self.sent("b@bench.test", "c@bench.test")
        self.send_queue.cancel(self.job())
        self.settle()
        self.assertEqual(results(self.job()), ["NG #995", "NG #995", "NG #995"])
        self.assertEqual(len(self.relay.connections), 1)

    def test_sender_not_login(self) -> None:
        """The envelope has the machine's own address, the field From E-mail Address."""
        self.sent()
        self.assertEqual(self.senders(), ["ir@bench.test"])
        self.turn_on(sender_not_login=True)
        self.sent()
        self.assertEqual(self.senders(), ["ir2270@ir2270.bench.test"])
        self.assertIn(b"\nFrom: ir@bench.test\r\n", self.relay.mails[-1])

    def test_sender_that_would_be_the_login(self) -> None:
        """Where the machine's own address is the login, the sender is another one."""
        self.turn_on(sender_not_login=True)
        for user in ("ir2270", "ir2270@ir2270.bench.test"):
            self.parts.device.change_settings({"authent_encryption.user": user})
            self.sent()
            self.assertEqual(self.senders(), ["scanner@ir2270.bench.test"])

    def test_sender_of_a_model_with_umlauts(self) -> None:
        """A model's name that no address can hold is not in the sender."""
        self.assertEqual(own_address("Grün", "ir.bench.test", "ir"), "scanner@ir.bench.test")

    def test_rset_before_each_part(self) -> None:
        """RSET is said before each MAIL, the first one of a session included."""
        self.turn_on(rset_before_mail=True)
        commands = self.sent()
        self.assertEqual([line[:4] for line in commands], ["RSET", "MAIL", "RCPT", "DATA"])

    def test_header(self) -> None:
        """Date, Message-ID and the multipart's encoding are written as the quirks say."""
        self.sent()
        self.assertRegex(
            self.relay.mails[-1], rb"Date: [A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} "
        )
        self.turn_on(date="none", message_id_trailing_dot=True, multipart_quoted_printable=True)
        self.sent()
        mail = self.relay.mails[-1]
        self.assertNotIn(b"Date:", mail)
        self.assertIn(b"@bench.test.>\r\n", mail)
        self.assertIn(b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", mail)
        self.turn_on(date="iso")
        self.sent()
        self.assertRegex(self.relay.mails[-1], rb"Date: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\r\n")
