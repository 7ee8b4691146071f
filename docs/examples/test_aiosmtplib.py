"""Tests with pytest-asyncio of a program that sends by aiosmtplib.

Run it with: pytest docs/examples/test_aiosmtplib.py
"""

import asyncio
from email.message import EmailMessage

import aiosmtplib
import pytest


# The program under test. Yours is imported here.
async def send_invoices(host, port, numbers, context):
    """Send one mail for each number, all at once."""

    async def send(number):
        message = EmailMessage()
        message["From"], message["To"] = "shop@office.test", "scan@localhost"
        message["Subject"] = f"Invoice {number}"
        await aiosmtplib.send(
            message, hostname=host, port=port, start_tls=True, tls_context=context
        )

    await asyncio.gather(*map(send, numbers))


@pytest.mark.asyncio
@pytest.mark.irsend(allow_ssl_smtp_receive="on")
async def test_all_arrive(irsend_machine):
    """Each invoice arrives once, under TLS."""
    await send_invoices(*irsend_machine.smtp, [17, 18, 19], irsend_machine.ssl_context())
    # What takes time is better left to a thread: the event loop goes on meanwhile.
    mails = await asyncio.to_thread(irsend_machine.wait_for_mail, 3)
    assert sorted(mail["Subject"] for mail in mails) == [f"Invoice {n}" for n in (17, 18, 19)]
    assert all("with ESMTPS" in mail.trace for mail in mails)
