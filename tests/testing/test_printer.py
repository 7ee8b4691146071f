"""A printer in the test's process, as tests of other projects use it."""

from __future__ import annotations

import shutil
import smtplib
import socket
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial import reporter, unittest

from irsend.testing import NotInTime, Printer, PrinterMixin


def deliver(printer: Printer, text: str = "hello") -> Deferred[None]:
    """Deliver a mail to a printer with the standard library's client, in a thread."""

    def talk() -> None:
        with smtplib.SMTP(*printer.smtp, timeout=10) as client:
            client.sendmail(
                "a@bench.test", ["fax@localhost"], f"Subject: {text}\r\n\r\n{text}\r\n"
            )

    return deferToThread(talk)


class PrinterTests(PrinterMixin, unittest.TestCase):
    """`PrinterMixin` and `Printer`."""

    async def test_mail(self) -> None:
        """A mail delivered to the printer is waited for and parsed."""
        printer = self.start_printer()
        await deliver(printer, "two")
        mails = await printer.wait_for_mail(1)
        self.assertEqual(mails[0].message["Subject"], "two")
        self.assertEqual(mails[0].number, "5001")
        self.assertTrue(mails[0].content.endswith(b"\r\n\r\ntwo\r\n"))

    async def test_no_mails(self) -> None:
        """A wait for no mail in particular gives what there is, at once."""
        self.assertEqual(await self.start_printer().wait_for_mail(0), [])

    async def test_printed_mail(self) -> None:
        """A mail that was printed is among the mails still, and was one when it was waited for."""
        printer = self.start_printer(printing={"loaded": True})
        await deliver(printer)
        [mail] = await printer.wait_for_mail(1)
        await printer.wait_for_printouts(1)
        self.assertEqual(printer.mails, [mail])

    async def test_printed_mail_not_kept(self) -> None:
        """Where no mail is kept, a printed one is gone."""
        printer = self.start_printer(printing={"loaded": True, "keep_mails": 0})
        await deliver(printer)
        await printer.wait_for_printouts(1)
        self.assertEqual(printer.mails, [])

    async def test_status(self) -> None:
        """A refusal under SSL is waited for on the status line, and cleared."""
        printer = self.start_printer(authent_encryption__allow_ssl_smtp_receive="ssl")
        await self.assertFailure(deliver(printer), smtplib.SMTPResponseException)
        await printer.wait_for_status("SSL Error (SMTP RX Reject)")
        printer.clear_status()
        self.assertEqual(printer.status, "")

    async def test_settings(self) -> None:
        """A setting changed at the machine holds from the next session on."""
        printer = self.start_printer()
        printer.set(email_ifax__email_address="ir@office.test")
        await self.assertFailure(deliver(printer), smtplib.SMTPRecipientsRefused)

    async def test_not_in_time(self) -> None:
        """A mail that does not come fails the wait with a sentence that says what there is."""
        printer = self.start_printer()
        error = await self.assertFailure(printer.wait_for_mail(2, timeout=0.01), NotInTime)
        self.assertIn("2 mails; there are 0", str(error))

    async def test_two_printers(self) -> None:
        """Two printers in one test do not know of each other."""
        one, other = self.start_printer(), self.start_printer(model="ir2200")
        await deliver(one)
        await one.wait_for_mail(1)
        self.assertEqual(other.mails, [])

    async def test_transcript_in_report(self) -> None:
        """A failing test's report holds the transcripts of the printer's sessions."""

        class Failing(PrinterMixin, unittest.TestCase):
            async def test_it(self) -> None:
                printer = self.start_printer()
                await deliver(printer)
                self.fail("for a reason")

        result = reporter.TestResult()
        Failing("test_it").run(result)
        ((_, failure),) = result.failures
        self.assertIn("for a reason", failure.getTraceback())
        self.assertIn("S: 250 2.6.0 Message accepted", failure.getTraceback())

    async def test_transcripts_after_the_end(self) -> None:
        """The transcripts of a printer that a test has switched off can be read still."""
        printer = self.start_printer()
        await deliver(printer)
        await printer.stop()
        [transcript] = await printer.transcripts()
        self.assertIn("S: 250 2.6.0 Message accepted", transcript)

    async def test_transcripts_unreadable(self) -> None:
        """A printer whose transcripts cannot be read stops, and says why they are not shown."""
        state = Path(self.mktemp())
        printer = self.start_printer(state=str(state))
        await deliver(printer)
        await printer.transcripts()
        shutil.rmtree(state / "sessions")
        await printer.stop()
        [sentence] = await printer.transcripts()
        self.assertIn("The transcripts cannot be read: ", sentence)

    async def test_stopped(self) -> None:
        """When a test that failed is over its printer listens no more."""

        class Failing(PrinterMixin, unittest.TestCase):
            def test_it(self) -> None:
                addresses.append(self.start_printer().smtp)
                self.fail("for a reason")

        addresses: list[tuple[str, int]] = []
        Failing("test_it").run(reporter.TestResult())
        [address] = addresses
        self.assertRaises(ConnectionRefusedError, socket.create_connection, address)
