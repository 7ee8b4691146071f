"""Tests with pytest of a Django project's mail, through Django's own SMTP back-end.

Run it with: pytest docs/examples/test_django.py
"""

import smtplib

import django.conf
import pytest
from django.core import mail
from django.test import override_settings

# A project has its settings already.
django.conf.settings.configure(DEFAULT_FROM_EMAIL="shop@office.test")


# The program under test. Yours is imported here.
def send_invoice(number, to):
    """Send a mail as a view does."""
    message = mail.EmailMessage(f"Invoice {number}", "Please pay.", to=[to])
    message.attach("invoice.csv", f"{number},9.50\n", "text/csv")
    message.send()


@pytest.fixture
def printer(irsend_machine):
    """Have Django send to a printer."""
    smtp = irsend_machine.smtp
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST=smtp.host,
        EMAIL_PORT=smtp.port,
    ):
        yield irsend_machine


def test_invoice(printer):
    """The invoice arrives as Django made it."""
    send_invoice(17, "scan@localhost")
    [received] = printer.wait_for_mail(1)
    assert received["Subject"] == "Invoice 17"
    assert received.envelope.sender == "shop@office.test"
    [table] = received.iter_attachments()
    assert table.get_content() == "17,9.50\n"


def test_full_printer(irsend_machines):
    """A printer without paper whose memory is full is an error that the view can show."""
    printer = irsend_machines(paper=False, limits={"memory": 1})
    with override_settings(EMAIL_HOST=printer.smtp.host, EMAIL_PORT=printer.smtp.port):
        smtp = mail.get_connection("django.core.mail.backends.smtp.EmailBackend")
        message = mail.EmailMessage("Too much", "x" * 1_000_000, to=["scan@localhost"])
        with pytest.raises(smtplib.SMTPException, match="Insufficient memory"):
            smtp.send_messages([message])
