"""Tests in Python that a mail arrives at a printer that runs already; its own library is enough.

Run it with: python -m unittest docs/examples/test_invoice.py, or with pytest
"""

import email
import email.policy
import json
import os
import smtplib
import unittest
import urllib.parse
import urllib.request
import uuid
from email.message import EmailMessage

HOST = os.environ.get("IRSEND_SMTP_HOST", "127.0.0.1")
PORT = int(os.environ.get("IRSEND_SMTP_PORT", "2525"))
PRINTER = os.environ.get("IRSEND_URL", "http://127.0.0.1:8631")


# The program under test. Yours is imported here.
def send_invoice(host, port, to, table):
    """Send a mail with an attachment."""
    message = EmailMessage()
    message["From"], message["To"] = "The shop <shop@office.test>", to
    message["Subject"] = "Invoice 17"
    message.set_content("Please pay 9.50 euros.\n")
    message.add_attachment(table, filename="invoice-17.csv", subtype="csv")
    with smtplib.SMTP(host, port, timeout=10) as server:
        server.send_message(message)


def ask(path, **query):
    """Return what the printer answers, as octets."""
    url = urllib.parse.urljoin(PRINTER, path) + "?" + urllib.parse.urlencode(query)
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.read()


class InvoiceTests(unittest.TestCase):
    """What our shop sends."""

    def setUp(self):
        """Send an invoice to an address of this test alone; the printer takes any at its names."""
        self.to = f"test-{uuid.uuid4()}@localhost"
        send_invoice(HOST, PORT, self.to, "number,euros\n17,9.50\n")
        # All mails to this address, as soon as there is one, or none after ten seconds.
        self.mails = json.loads(ask("/api/mails", to=self.to, wait=10))

    def test_listed(self):
        """The list has the subject, and the attachment's name and type."""
        [mail] = self.mails
        self.assertEqual(mail["subject"], "Invoice 17")
        self.assertEqual(mail["envelope"]["to"], [self.to])
        [table] = mail["attachments"]
        self.assertEqual((table["name"], table["type"]), ("invoice-17.csv", "text/csv"))
        content = ask(f"/api/mails/{mail['id']}/parts/{table['part']}")
        self.assertEqual(content.decode().splitlines(), ["number,euros", "17,9.50"])

    def test_parsed(self):
        """The mail as it came over the wire can be parsed by Python's own library."""
        [mail] = self.mails
        raw = ask(f"/api/mails/{mail['id']}/raw")
        message = email.message_from_bytes(raw, policy=email.policy.default)
        self.assertEqual(message["Subject"], "Invoice 17")
        self.assertIn("9.50 euros", message.get_body().get_content())


if __name__ == "__main__":
    unittest.main()
