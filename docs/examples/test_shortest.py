"""The shortest test of a program that sends mail."""

import smtplib

from twisted.internet.threads import deferToThread
from twisted.trial import unittest

from irsend.testing import PrinterMixin


# The program under test. Yours is imported here.
def send_invoice(host, port):
    """Send a mail in the simplest way."""
    with smtplib.SMTP(host, port, timeout=10) as server:
        server.sendmail("shop@office.test", "scan@localhost", "Subject: Invoice 17\n\nPay.\n")


class InvoiceTests(PrinterMixin, unittest.TestCase):
    """What arrives at a printer."""

    async def test_subject(self):
        """The mail's subject names the invoice."""
        printer = self.start_printer()
        await deferToThread(send_invoice, *printer.smtp)
        [mail] = await printer.wait_for_mail()
        self.assertEqual(mail.message["Subject"], "Invoice 17")
