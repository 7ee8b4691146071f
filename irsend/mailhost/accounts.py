"""The accounts of the mail host: whose mail it takes, and how they prove who they are.

Names are mail addresses, compared without regard to case. The credentials
mend what Twisted's own leave open: an authorization identity that is another's,
prompts that end in NUL, a challenge that can be guessed, comparison in a time
that depends on the secret.

Standards: RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5), draft-murchison-sasl-login (LOGIN).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import (
    CramMD5Credentials,
    IUsernameHashedPassword,
    IUsernamePassword,
)
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from twisted.mail.imap4 import LOGINCredentials, PLAINCredentials
from zope.interface import implementer

from irsend.errors import ConfigurationError
from irsend.interfaces import Mailbox
from irsend.protocols.smtp_grammar import GrammarError, parse_path


class PlainLogin(PLAINCredentials):
    """PLAIN: user name and password; nobody logs in as another."""

    def setResponse(self, response: bytes) -> None:
        """Take authorization identity, user name and password."""
        PLAINCredentials.setResponse(self, response)
        identity = response.partition(b"\0")[0]
        if identity and identity.lower() != self.username.lower():
            raise UnauthorizedLogin


class PromptedLogin(LOGINCredentials):
    """LOGIN, with the prompts that strict clients look for."""

    def __init__(self) -> None:
        LOGINCredentials.__init__(self)
        self.challenges = [b"Password:", b"Username:"]


class CramMD5Login(CramMD5Credentials):
    """CRAM-MD5, with a challenge that nobody guesses and user names that may hold blanks."""

    def __init__(self) -> None:
        CramMD5Credentials.__init__(self)
        self.challenge = f"<{secrets.token_hex(12)}@localhost>".encode("ascii")

    def setResponse(self, response: bytes) -> None:
        """Take user name and digest."""
        self.username, self.response = response.rsplit(b" ", 1)

    def checkPassword(self, password: bytes) -> bool:
        """Say whether the digest was made with this password."""
        expected = hmac.new(password, self.challenge, "md5").hexdigest().encode("ascii")
        return hmac.compare_digest(expected, self.response.lower())


@implementer(ICredentialsChecker)
class Accounts:
    """The accounts and their passwords; ConfigurationError where one is no address."""

    credentialInterfaces = (IUsernamePassword, IUsernameHashedPassword)

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords: dict[str, bytes] = {}
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
        """Return the account whose address this is, None where it is nobody's.

        The reserved <postmaster> is the first account (RFC 5321 4.5.1).
        """
        if mailbox is None:
            return None
        if not mailbox.domain:
            return next(iter(self._passwords), None)
        name = bytes(mailbox).decode("ascii", "replace").lower()
        return name if name in self._passwords else None

    def challengers(self, secured: bool) -> dict[bytes, Callable[[], Any]]:
        """Return what AUTH offers, the strongest first.

        The same with TLS and without it: this is a bench, and the machine of
        2004 logs in so. Who wants it otherwise changes it here.
        """
        return {b"CRAM-MD5": CramMD5Login, b"LOGIN": PromptedLogin, b"PLAIN": PlainLogin}

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """Fire with the account whose credentials these are; fail with UnauthorizedLogin."""
        name = (credentials.username or b"").decode("utf-8", "replace").lower()
        # A user who does not exist takes as long as one who does.
        password = self._passwords.get(name, b"\0")
        if IUsernamePassword.providedBy(credentials):
            right = hmac.compare_digest(password, credentials.password or b"")
        else:
            right = credentials.checkPassword(password)
        if right and name in self._passwords:
            return succeed(name.encode("ascii"))
        return fail(UnauthorizedLogin())


def _account_named(name: str) -> str:
    try:
        mailbox, parameters = parse_path(b"TO:<" + name.encode("ascii") + b">", b"TO")
    except (GrammarError, UnicodeEncodeError):
        mailbox, parameters = None, {}
    if mailbox is None or not mailbox.domain or parameters:
        raise ConfigurationError(
            f"mailhost.accounts: {name!r} is not allowed; "
            'allowed: mail addresses, such as "ir@bench.test"'
        )
    return bytes(mailbox).decode("ascii").lower()
