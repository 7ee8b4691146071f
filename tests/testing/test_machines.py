"""Machines by blocking calls: `irsend.testing.machine`, as any test uses it."""

from __future__ import annotations

import asyncio
import os
import smtplib
import socket
import ssl
import threading
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from irsend.device import model_names
from irsend.errors import (
    CannotReceive,
    ConfigurationError,
    IrsendError,
    ModelError,
    SendRefused,
    SettingsRefused,
)
from irsend.testing import Machine, MachineGone, NotInTime, machine
from tests.imaging.originals import text_page
from tests.imaging.received import tiff


def deliver(to: Machine, subject: str = "Invoice 17", **options: Any) -> None:
    """Deliver a mail with an attachment; `context` asks for TLS, `recipients` are its envelope's."""
    message = EmailMessage()
    message["From"], message["To"] = "The shop <shop@office.test>", "scan@localhost"
    message["Subject"] = subject
    message.set_content("Please pay.\n")
    message.add_attachment(b"a,b\r\n", maintype="text", subtype="csv", filename="a.csv")
    with smtplib.SMTP(to.smtp.host, to.smtp.port, timeout=20) as client:
        if "context" in options:
            client.starttls(context=options["context"])
        client.send_message(
            message, "envelope@office.test", options.get("recipients", ["scan@localhost"])
        )


class MachineTests(SynchronousTestCase):
    """One machine, of which each test has its own."""

    def test_mail(self) -> None:
        """A mail is an EmailMessage as it came, with its envelope, its octets and what the machine added."""
        with machine() as m:
            deliver(m, recipients=["a@localhost", "b@localhost"])
            [mail] = m.wait_for_mail(1)
            self.assertIsInstance(mail, EmailMessage)
            self.assertEqual(mail["Subject"], "Invoice 17")
            self.assertEqual(mail.keys()[0], "From")
            self.assertEqual(mail.get_body().get_content(), "Please pay.\n")  # type: ignore[union-attr]
            self.assertEqual(mail.envelope.sender, "envelope@office.test")
            self.assertEqual(mail.envelope.recipients, ("a@localhost", "b@localhost"))
            self.assertTrue(mail.octets.startswith(b"From: The shop <shop@office.test>\r\n"))
            self.assertIn("Delivered-To: b@localhost", mail.trace)
            [attachment] = mail.iter_attachments()
            self.assertEqual(attachment.get_filename(), "a.csv")
            self.assertEqual(mail.number, "5001")
            self.assertEqual([one["Subject"] for one in m.mails], ["Invoice 17"])

    def test_any_local_part(self) -> None:
        """Mail for any local part at its names is taken, and none for another domain."""
        with machine() as m:
            deliver(m, recipients=["x.y+z@localhost"])
            with self.assertRaises(smtplib.SMTPRecipientsRefused):
                deliver(m, recipients=["scan@elsewhere.test"])

    def test_settings(self) -> None:
        """A setting is given by its whole key, with underscores, or by its item alone."""
        key = "authent_encryption.allow_ssl_smtp_receive"
        for given in (
            {key: "ssl"},
            {"authent_encryption__allow_ssl_smtp_receive": "ssl"},
            {"allow_ssl_smtp_receive": "ssl"},
            {"assignments": [f"settings.{key}=ssl"]},
        ):
            with machine(**given) as m:
                self.assertRaises(smtplib.SMTPException, deliver, m)
                m.wait_for_status("SSL Error (SMTP RX Reject)")
                m.wait_for_status("ssl error")
                m.clear_status()
                self.assertEqual(m.status, "")
                if "assignments" not in given:
                    m.set(**dict.fromkeys(given, "off"))
                    deliver(m)
                    m.wait_for_mail()

    def test_wrong_settings(self) -> None:
        """What cannot be set is refused with a sentence, at the start and later, and nothing is changed."""
        for error, options, words in (
            (ModelError, {"model": "ir1"}, "model: 'ir1' is not allowed; allowed: "),
            (ConfigurationError, {"acounts": {}}, "did you mean accounts?"),
            (
                ConfigurationError,
                {"email_ifax__pob": True},
                "settings.email_ifax.pob: there is",
            ),
            (ConfigurationError, {"pop_interval": 100}, "pop_interval: 100 is not allowed"),
            (ConfigurationError, {"limits": {"rcpts": 1}}, "limits.rcpts: there is no such"),
            (ConfigurationError, {"assignments": ["pop"]}, "--set pop: write it as KEY=VALUE"),
        ):
            refused = self.assertRaises(error, machine(**options).__enter__)
            self.assertIn(words, str(refused))
        with machine() as m:
            refused = self.assertRaises(SettingsRefused, m.set, pop_interval=100, pop=False)
            self.assertIn("email_ifax.pop_interval: 100 is not allowed", str(refused))
            self.assertEqual([one.key for one in refused.refused], ["email_ifax.pop_interval"])
            self.assertEqual(m.poll().result, "OK")
            refused = self.assertRaises(ConfigurationError, m.set, pop_intervall=1)
            self.assertIn("did you mean email_ifax.pop_interval?", str(refused))

    def test_tls(self) -> None:
        """A client that trusts its certificate verifies old TLS, new TLS, and the mail host's."""
        for model in ("ir2270", "iradvance"):
            with machine(model=model, allow_ssl_smtp_receive="on") as m:
                deliver(m, context=m.ssl_context())
                [mail] = m.wait_for_mail()
                self.assertIn("with ESMTPS", mail.trace)
                with smtplib.SMTP(*m.mailhost.smtp) as client:
                    client.starttls(context=m.ssl_context())
                trusting_others = ssl.create_default_context()
                trusting_others.set_ciphers("ALL:@SECLEVEL=0")
                trusting_others.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
                with self.assertRaises(ssl.SSLCertVerificationError):
                    deliver(m, context=trusting_others)

    def test_ca_pem(self) -> None:
        """The PEM alone is what today's clients verify a machine of today with."""
        with machine(model="iradvance", allow_ssl_smtp_receive="on") as m:
            deliver(m, context=ssl.create_default_context(cadata=m.ca_pem))
            self.assertEqual(len(m.wait_for_mail()), 1)

    def test_tray(self) -> None:
        """What was received is printed; without paper it waits, and is printed when there is some."""
        with machine(paper=False) as m:
            deliver(m)
            m.wait_for_mail()
            error = self.assertRaises(NotInTime, m.wait_for_printouts, 1, timeout=0.01)
            self.assertIn("Waited 0.01 s for 1 printouts; there are 0;", str(error))
            m.load_paper()
            [printout] = m.wait_for_printouts()
            self.assertEqual((printout.subject, printout.pages), ("Invoice 17", 1))
            self.assertEqual(printout.pdf[:5], b"%PDF-")
            self.assertEqual(m.tray, [printout])
            self.assertEqual(len(m.mails), 1)
            m.remove_paper()
            deliver(m, "Invoice 18")
            self.assertEqual(len(m.wait_for_mail(2)), 2)
            self.assertEqual(len(m.tray), 1)
        with machine() as m:
            deliver(m)
            self.assertEqual([one.subject for one in m.wait_for_printouts()], ["Invoice 17"])

    def test_sending(self) -> None:
        """A page is sent by the mail host to an account, from where it can be read or polled."""
        accounts = {"boss@office.test": "b", "ir@bench.test": "bench"}
        with machine(accounts=accounts, pop_address="ir@bench.test", pop_password="bench") as m:
            page = Path(self.mktemp())
            page.write_bytes(tiff(text_page(864, 600)))
            job = m.send(page, to="Boss@office.test", subject="Scan", format="tiff")
            self.assertEqual((job.result, job.direction), ("--", "tx"))
            [mail] = m.mailhost.mails("boss@office.test")
            self.assertEqual((mail["Subject"], m.mailhost.accounts), ("Scan", accounts))
            self.assertEqual([one.number for one in m.jobs], [job.number])
            m.send(str(page), page.read_bytes(), to=["ir@bench.test"], format="tiff")
            session = m.poll()
            self.assertEqual((session.result, session.messages), ("OK", 1))
            self.assertEqual(len(m.wait_for_mail(1)), 1)
            kinds = [one.kind for one in m.sessions]
            self.assertEqual(kinds, ["pop-receive", "smtp-send", "smtp-send"])
            refused = self.assertRaises(SendRefused, m.send, page, to="nobody")
            self.assertIn("nobody", str(refused))
            self.assertRaises(FileNotFoundError, m.send, "missing.pdf", to="ir@bench.test")
            error = self.assertRaises(IrsendError, m.mailhost.mails, "b@office.test")
            self.assertIn("there are: boss@office.test, ir@bench.test", str(error))

    def test_without_mail_host(self) -> None:
        """Without accounts there is no mail host, and nothing to poll."""
        with machine(accounts=None) as m:
            error = self.assertRaises(AssertionError, lambda: m.mailhost.smtp)
            self.assertIn("no mail host; start it with accounts", str(error))
            self.assertRaises(CannotReceive, m.poll)

    def test_own_server(self) -> None:
        """A POP server that the test has given is polled, and not the mail host."""
        with machine(pop=True, pop_server="127.0.0.1", pop_address="x", pop3_port=1) as m:
            self.assertEqual(m.poll().result, "NG")
            m.assert_not_said("S: +OK")

    def test_every_model(self) -> None:
        """Every model starts beside a mail host and takes a mail, also one without POP or TLS."""
        for model in model_names():
            with machine(model=model, paper=False) as m:
                deliver(m)
                m.wait_for_mail()

    def test_not_in_time(self) -> None:
        """A wait in vain fails as an assertion does, and says what came instead."""
        with machine() as m:
            deliver(m)
            m.wait_for_mail()
            error = self.assertRaises(NotInTime, m.wait_for_mail, 2, timeout=0.01)
            self.assertIsInstance(error, AssertionError)
            self.assertEqual(
                str(error),
                "Waited 0.01 s for 2 mails; there are 1:\n"
                "  5001 from <envelope@office.test> to scan@localhost: Invoice 17",
            )
            m.wait_for_status("")
            error = self.assertRaises(NotInTime, m.wait_for_status, "Full", timeout=0.01)
            self.assertIn("'Full' on the status line, which shows ''", str(error))

    def test_waits_while_others_call(self) -> None:
        """A thread that waits holds up no other call."""
        with machine() as m:
            found: list[Any] = []
            waiting = threading.Thread(target=lambda: found.extend(m.wait_for_mail()))
            waiting.start()
            self.assertEqual(m.status, "")
            deliver(m)
            waiting.join(20)
            self.assertEqual([one["Subject"] for one in found], ["Invoice 17"])

    def test_asyncio(self) -> None:
        """In a coroutine calls are made as they are, and a long wait in a thread."""

        async def talk(m: Machine) -> str:
            waiting = asyncio.create_task(asyncio.to_thread(m.wait_for_mail))
            host, port = m.smtp
            reader, writer = await asyncio.open_connection(host, port)
            for line in ("", "HELO a", "MAIL FROM:<>", "RCPT TO:<a@localhost>", "DATA"):
                writer.write(f"{line}\r\n".encode() if line else b"")
                await reader.readline()
            writer.write(b"Subject: One\r\n\r\n.\r\n")
            [mail] = await waiting
            writer.close()
            return str(mail["Subject"])

        with machine() as m:
            self.assertEqual(asyncio.run(talk(m)), "One")

    def test_several(self) -> None:
        """Machines do not know of each other."""
        with machine() as one, machine(model="ir2200") as other:
            deliver(one)
            one.wait_for_mail()
            self.assertEqual((len(one.mails), len(other.mails)), (1, 0))

    def test_stopped(self) -> None:
        """After its block a machine listens no more, and has its transcripts still."""
        with machine() as m:
            deliver(m)
            address = m.smtp
        self.assertRaises(ConnectionRefusedError, socket.create_connection, address)
        [transcript] = m.transcripts()
        self.assertIn("S: 250 2.6.0 Message accepted", transcript)
        m.assert_said("c: MAIL FROM:<envelope@office.test>")
        self.assertRaises(MachineGone, lambda: m.mails)
        m.stop()

    def test_transcripts_with_an_exception(self) -> None:
        """An exception in the block has the transcripts as its note, and one that skips the test has none."""

        def failed(error: Exception) -> list[str]:
            with self.assertRaises(type(error)) as caught, machine() as m:
                deliver(m)
                raise error
            return getattr(caught.exception, "__notes__", [])

        [note] = failed(KeyError("name"))
        self.assertIn("S: 250 2.6.0 Message accepted", note)
        self.assertEqual(failed(SkipTest("not here")), [])

    def test_reset(self) -> None:
        """A reset machine has its first settings and status, and nothing of what came before."""
        with machine() as m:
            deliver(m)
            m.wait_for_printouts()
            m.send(tiff(text_page(864, 600)), to="ir@bench.test", format="tiff")
            m.set(allow_ssl_smtp_receive="ssl", pop=False)
            self.assertRaises(smtplib.SMTPException, deliver, m)
            m.wait_for_status("SSL Error (SMTP RX Reject)")
            m.remove_paper()
            m.reset()
            self.assertEqual((m.mails, m.tray, m.transcripts(), m.status), ([], [], [], ""))
            self.assertEqual(m.mailhost.mails("ir@bench.test"), [])
            self.assertEqual(m.poll().messages, 0)
            deliver(m, "Invoice 18")
            [printout] = m.wait_for_printouts()
            self.assertEqual(printout.subject, "Invoice 18")
            self.assertEqual(len(m.wait_for_mail()), 1)

    def test_state(self) -> None:
        """With a state directory a machine goes on with what another has kept there."""
        state = Path(self.mktemp())
        with machine(state=state, paper=False) as m:
            deliver(m)
            m.wait_for_mail()
        with machine(state=os.path.relpath(state)) as m:
            m.load_paper()
            [printout] = m.wait_for_printouts()
            self.assertEqual(printout.subject, "Invoice 17")
