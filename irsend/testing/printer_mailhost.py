"""The mail host beside a printer in a test: addresses, accounts, mails, and how the printer uses it."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from irsend.device.model import Model
from irsend.errors import IrsendError
from irsend.testing.address import Address, first_address

if TYPE_CHECKING:
    from irsend.mailhost import MailHost


class PrinterMailHost:
    """The mail host of one printer."""

    def __init__(self, mailhost: MailHost) -> None:
        self._mailhost = mailhost

    @property
    def smtp(self) -> Address:
        """Host and port of its relay."""
        return first_address(self._mailhost.smtp_addresses)

    @property
    def pop3(self) -> Address:
        """Host and port of its maildrop."""
        return first_address(self._mailhost.pop3_addresses)

    @property
    def accounts(self) -> dict[str, str]:
        """Address and password of each account."""
        return self._mailhost.accounts

    @property
    def certificates_pem(self) -> bytes:
        """The certificate that its clients trust."""
        return self._mailhost.certificates_pem()

    def mails_of(self, account: str) -> list[bytes]:
        """Return the mails in an account's maildrop, oldest first, with their envelope; IrsendError."""
        for one in self.accounts:
            if one.lower() == account.lower():
                return self._mailhost.maildirs.mails_of(one.lower())
        there_are = ", ".join(self.accounts) or "none"
        raise IrsendError(
            f"{account}: the mail host has no such account; there are: {there_are}"
        )

    def clear(self) -> None:
        """Delete all mails."""
        self._mailhost.maildirs.clear()

    def settings_to_use_it(self, model: Model, given: Container[str]) -> dict[str, object]:
        """Return the settings of a printer that sends by it and polls its first account.

        Not those that a test has `given`, nor the others of a server that it has given.
        """
        address = next(iter(self.accounts), "")
        settings: dict[str, object] = {
            "email_ifax.pop": bool(self.accounts),
            "email_ifax.pop_server": "127.0.0.1",
            "email_ifax.pop_address": address,
            "email_ifax.pop_password": self.accounts.get(address, ""),
            "email_ifax.smtp_server": "127.0.0.1",
            "service_mode.pop3_port": self.pop3.port,
            "service_mode.smtp_tx_port": self.smtp.port,
        }
        others: tuple[str, ...] = ()
        if "email_ifax.pop_server" in given:
            others += ("email_ifax.pop", "service_mode.pop3")
        if "email_ifax.smtp_server" in given:
            others += ("service_mode.smtp_tx",)
        return {
            key: value
            for key, value in settings.items()
            if key not in given and not key.startswith(others) and model.has_item(key)
        }
