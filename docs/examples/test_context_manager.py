"""A test without pytest: the machine runs as long as the block.

Run it with: python -m unittest docs/examples/test_context_manager.py
"""

import smtplib
import unittest

import irsend.testing


class InvoiceTests(unittest.TestCase):
    """What our shop sends."""

    def test_subject(self):
        """The mail's subject names the invoice."""
        with irsend.testing.machine(model="ir2200") as m:
            with smtplib.SMTP(m.smtp.host, m.smtp.port) as server:
                server.sendmail("shop@office.test", "scan@localhost", "Subject: Invoice 17\n\n")
            [mail] = m.wait_for_mail(1)
            self.assertEqual(mail["Subject"], "Invoice 17")


if __name__ == "__main__":
    unittest.main()
