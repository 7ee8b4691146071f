"""The accounts of the mail host: whose mail it takes, and whose credentials are right.

Names are mail addresses, compared without regard to case. `credentials` has the
credentials of each mechanism.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from twisted.mail.interfaces import IChallengeResponse
from zope.interface import implementer

from irsend.addresses import mailbox_of
from irsend.errors import ConfigurationError
from irsend.interfaces import Mailbox
from irsend.mailhost.credentials import (
    CramMD5Login,
    DigestMD5Login,
    PlainLogin,
    PromptedLogin,
    ScramSHA256Login,
)


@implementer(ICredentialsChecker)
class Accounts:
    """The accounts and their passwords; ConfigurationError where one is no address."""

    credentialInterfaces = (IUsernamePassword, IUsernameHashedPassword)

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords: dict[str, bytes] = {}
        self._unknown_users = secrets.token_hex(16).encode("ascii")
        for name, password in passwords.items():
            account = _account_named(name)
            if account in self._passwords:
                raise ConfigurationError(
                    f"mailhost.accounts: {name!r} is given twice; upper and lower case are the same"
                )
            self._passwords[account] = password.encode("utf-8")

    @property
    def names(self) -> list[str]:
        """All accounts, each as its address in lower case."""
        return list(self._passwords)

    def account_of(self, mailbox: Mailbox | None) -> str | None:
        """Return the account whose address this is, None where there is none.

        The reserved <postmaster> is the first account (RFC 5321 4.5.1).
        """
        if mailbox is None:
            return None
        if not mailbox.domain:
            return next(iter(self._passwords), None)
        name = bytes(mailbox).decode("ascii", "replace").lower()
        return name if name in self._passwords else None

    def challengers(self, secured: bool) -> dict[bytes, Callable[[], IChallengeResponse]]:
        """Return what AUTH offers, the strongest first.

        The same with TLS and without it: this is a bench, and the machine of
        2004 logs in so.
        """
        return {
            b"SCRAM-SHA-256": lambda: ScramSHA256Login(self._password_of),
            b"DIGEST-MD5": lambda: DigestMD5Login(self._password_of),
            b"CRAM-MD5": CramMD5Login,
            b"LOGIN": PromptedLogin,
            b"PLAIN": PlainLogin,
        }

    def _password_of(self, user: bytes) -> bytes:
        """Return a password; the check of an unknown user takes as long as that of a known one."""
        return self._passwords.get(_name(user), self._unknown_users)

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """Fire with the account whose credentials these are; fail with UnauthorizedLogin."""
        name = _name(credentials.username or b"")
        password = self._password_of(credentials.username or b"")
        if IUsernamePassword.providedBy(credentials):
            right = hmac.compare_digest(password, credentials.password or b"")
        else:
            right = credentials.checkPassword(password)
        if right and name in self._passwords:
            return succeed(name.encode("ascii"))
        return fail(UnauthorizedLogin())


def _name(user: bytes) -> str:
    return user.decode("utf-8", "replace").lower()


def _account_named(name: str) -> str:
    try:
        return bytes(mailbox_of(name.encode("ascii"))).decode("ascii").lower()
    except ValueError:
        raise ConfigurationError(
            f"mailhost.accounts: {name!r} is not allowed; "
            'allowed: mail addresses, such as "ir@bench.test"'
        ) from None
