"""Tests with pytest of a program that sends by smtplib: attachment, envelope, TLS, a refusal.

Run it with: pytest docs/examples/test_smtplib.py
"""

import smtplib
from email.message import EmailMessage

import pytest


# The program under test. Yours is imported here.
def send_invoice(host, port, to, context=None):
    """Send a mail with an attachment, under TLS where a context is given."""
    message = EmailMessage()
    message["From"], message["To"] = "The shop <shop@office.test>", to
    message["Subject"] = "Invoice 17"
    message.set_content("Please pay 9.50 euros.\n")
    message.add_attachment("17,9.50\n", subtype="csv", filename="invoice-17.csv")
    with smtplib.SMTP(host, port, timeout=10) as server:
        if context is not None:
            server.starttls(context=context)
        server.send_message(message)


def test_attachment(irsend_machine):
    """The invoice has its table attached, and goes to one recipient."""
    send_invoice(*irsend_machine.smtp, "scan@localhost")
    [mail] = irsend_machine.wait_for_mail(1)
    assert mail.envelope.recipients == ("scan@localhost",)
    [table] = mail.iter_attachments()
    assert table.get_filename() == "invoice-17.csv"
    assert table.get_content() == "17,9.50\n"


def test_printed(irsend_machine):
    """The invoice comes out of the printer, on one page."""
    send_invoice(*irsend_machine.smtp, "scan@localhost")
    [printout] = irsend_machine.wait_for_printouts(1)
    assert (printout.subject, printout.pages) == ("Invoice 17", 1)


@pytest.mark.irsend(model="iradvance", allow_ssl_smtp_receive="ssl")
def test_tls(irsend_machine):
    """The program starts TLS, verifies the printer's certificate, and says nothing in the clear."""
    send_invoice(*irsend_machine.smtp, "scan@localhost", irsend_machine.ssl_context())
    irsend_machine.wait_for_mail(1)
    irsend_machine.assert_said("C: STARTTLS", "C: MAIL FROM:<shop@office.test>")


def test_printer_that_wants_tls(irsend_machine):
    """A printer that takes encrypted mail only is an error of the program, and on the panel."""
    irsend_machine.set(allow_ssl_smtp_receive="ssl")
    with pytest.raises(smtplib.SMTPException):
        send_invoice(*irsend_machine.smtp, "scan@localhost")
    irsend_machine.wait_for_status("SSL Error (SMTP RX Reject)")
    irsend_machine.assert_not_said("C: RCPT")
    assert irsend_machine.mails == []
