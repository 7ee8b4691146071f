"""Tests under trial of a program of Twisted's, whose reactor the printer shares.

Run it with: python -m twisted.trial docs/examples/test_sendmail.py
"""

from twisted.mail.smtp import SMTPClientError, sendmail
from twisted.trial import unittest

from irsend.testing import PrinterMixin


# The program under test. Yours is imported here.
async def send_invoice(host, port, to):
    """Send a mail by Twisted."""
    await sendmail(
        host, "shop@office.test", [to], b"Subject: Invoice 17\r\n\r\nPay.\r\n", port=port
    )


class InvoiceTests(PrinterMixin, unittest.TestCase):
    """What our shop sends."""

    async def test_arrives(self):
        """The mail's subject names the invoice."""
        printer = self.start_printer()
        await send_invoice(*printer.smtp, "scan@localhost")
        [mail] = await printer.wait_for_mail()
        self.assertEqual(mail.message["Subject"], "Invoice 17")

    async def test_unknown_recipient(self):
        """A recipient whom the printer does not take is an error."""
        printer = self.start_printer(email_ifax__email_address="scan@office.test")
        sent = send_invoice(*printer.smtp, "scan@localhost")
        with self.assertRaises(SMTPClientError):
            await sent
