"""Every model that irsend comes with starts, and takes a mail."""

from __future__ import annotations

from twisted.trial import unittest

from irsend.device.model import load_model, model_names
from irsend.testing import PrinterMixin
from tests.testing.test_printer import deliver


class EachModelTests(PrinterMixin, unittest.TestCase):
    """A whole machine of each model."""

    timeout = 120

    async def test_takes_mail(self) -> None:
        """Each takes a mail by SMTP, also the one whose TLS this system's OpenSSL has nothing of."""
        for name in model_names():
            printer = self.start_printer(model=name)
            await deliver(printer, name)
            (mail,) = await printer.wait_for_mail(1)
            self.assertEqual(mail.message["Subject"], name)

    async def test_encrypted_reception(self) -> None:
        """Each that receives under TLS has a key of its own for it, which its OpenSSL takes."""
        receive = "authent_encryption.allow_ssl_smtp_receive"
        for name in model_names():
            model = load_model(name)
            if model.tls is not None and model.has_item(receive):
                printer = self.start_printer(
                    model=name, authent_encryption__allow_ssl_smtp_receive="on"
                )
                await deliver(printer, name)
                self.assertEqual(len(await printer.wait_for_mail(1)), 1)
