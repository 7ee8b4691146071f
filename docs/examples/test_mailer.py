"""Tests of a program that sends scans by mail, with a printer at the other end of the wire.

Run it with: python -m twisted.trial docs/examples/test_mailer.py
"""

import smtplib
import ssl
from email.message import EmailMessage

from twisted.internet.threads import deferToThread
from twisted.trial import unittest

from irsend.testing import PrinterMixin


# The program under test. Yours is imported here.
def send_scan(host, port, subject, *, use_tls):
    """Send a mail as many a script does."""
    message = EmailMessage()
    message["From"], message["To"] = "script@office.test", "scan@localhost"
    message["Subject"] = subject
    message.set_content("Page 1\n")
    with smtplib.SMTP(host, port, timeout=10) as server:
        if use_tls:
            # The printer's certificate is signed by itself.
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            server.starttls(context=context)
        server.send_message(message)


class MailerTests(PrinterMixin, unittest.TestCase):
    """What our script does in front of a printer that takes encrypted mail only."""

    def setUp(self):
        """Start a printer; it is gone when the test ends."""
        self.printer = self.start_printer(
            model="iradvance", authent_encryption__allow_ssl_smtp_receive="ssl"
        )

    async def test_delivers_under_tls(self):
        """The scan arrives, and has crossed the wire under TLS."""
        await deferToThread(send_scan, *self.printer.smtp, "Invoice 17", use_tls=True)
        [mail] = await self.printer.wait_for_mail(1)
        self.assertEqual(mail.message["Subject"], "Invoice 17")
        self.assertIn("ESMTPS", mail.message["Received"])

    async def test_plain_text_is_an_error(self):
        """A scan in plain text fails in our script, and the printer says why."""
        sent = deferToThread(send_scan, *self.printer.smtp, "Invoice 17", use_tls=False)
        await self.assertFailure(sent, smtplib.SMTPException)
        await self.printer.wait_for_status("SSL Error (SMTP RX Reject)")
        self.assertEqual(self.printer.mails, [])
