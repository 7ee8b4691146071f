"""The shortest test with pytest: a mail arrives at a printer."""

import smtplib


def test_invoice(irsend_machine):
    """The mail's subject names the invoice."""
    with smtplib.SMTP(*irsend_machine.smtp) as server:
        server.sendmail("shop@office.test", "scan@localhost", "Subject: Invoice 17\n\nPay.\n")
    assert irsend_machine.wait_for_mail(1)[0]["Subject"] == "Invoice 17"
