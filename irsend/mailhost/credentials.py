"""The credentials of a login at the mail host: cred's, each for one exchange.

They mend what Twisted's own leave open: an authorization identity that is
another's, prompts that end in NUL, a challenge that can be guessed. `accounts`
checks them.

Standards: RFC 4616 (PLAIN), 2195 (CRAM-MD5), 2831 (DIGEST-MD5), 5802 and 7677 (SCRAM),
draft-murchison-sasl-login (LOGIN).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from twisted.cred.credentials import CramMD5Credentials, IUsernameHashedPassword
from twisted.cred.error import UnauthorizedLogin
from twisted.mail.imap4 import LOGINCredentials, PLAINCredentials
from twisted.mail.interfaces import IChallengeResponse
from zope.interface import implementer

from irsend.protocols.sasl.digest_md5 import DigestMD5Challenge
from irsend.protocols.sasl.scram import ScramSHA256Challenge

PasswordOf = Callable[[bytes], bytes]
"""Returns the password of a user; for an unknown user a random one."""


class PlainLogin(PLAINCredentials):
    """PLAIN: user name and password; the authorization identity must be the user."""

    def setResponse(self, response: bytes) -> None:
        """Take authorization identity, user name and password."""
        PLAINCredentials.setResponse(self, response)
        identity = response.partition(b"\0")[0]
        if identity and identity.lower() != self.username.lower():
            raise UnauthorizedLogin


class PromptedLogin(LOGINCredentials):
    """LOGIN, with the prompts that strict clients expect."""

    def __init__(self) -> None:
        LOGINCredentials.__init__(self)
        self.challenges = [b"Password:", b"Username:"]


@implementer(IChallengeResponse)
class CramMD5Login(CramMD5Credentials):
    """CRAM-MD5, with a challenge that cannot be guessed and user names that may hold blanks."""

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


@implementer(IUsernameHashedPassword)
class _Proven:
    """A login in which the server proves itself too: it needs the password before the end."""

    username = b""

    def __init__(self, password_of: PasswordOf) -> None:
        self._password_of = password_of
        self._challenges: list[bytes] = []
        self._proof: bytes | None = None

    def moreChallenges(self) -> bool:
        """Say whether there is another challenge."""
        return bool(self._challenges)

    def getChallenge(self) -> bytes:
        """Return the next challenge."""
        return self._challenges.pop(0)

    def checkPassword(self, password: bytes) -> bool:
        """Say whether the exchange has shown that the user knows the password."""
        return self._proof is not None

    def _prove(self, proof: bytes | None) -> None:
        """Go on with the server's proof; without one the login is refused like any other."""
        self._proof = proof
        if proof is not None:
            self._challenges.append(proof)


@implementer(IChallengeResponse)
class DigestMD5Login(_Proven):
    """DIGEST-MD5."""

    def __init__(self, password_of: PasswordOf, realm: bytes = b"localhost") -> None:
        _Proven.__init__(self, password_of)
        self._challenge = DigestMD5Challenge(realm)
        self._challenges.append(self._challenge.text())

    def setResponse(self, response: bytes) -> None:
        """Take the response; behind the server's proof it is empty."""
        if self._proof is not None:
            if response:
                raise UnauthorizedLogin
            return
        said = self._challenge.read(response)
        self.username = said[b"username"]
        password = self._password_of(self.username)
        self._prove(self._challenge.proof(said, self.username, password))


@implementer(IChallengeResponse)
class ScramSHA256Login(_Proven):
    """SCRAM-SHA-256."""

    def __init__(self, password_of: PasswordOf) -> None:
        _Proven.__init__(self, password_of)
        self._challenge = ScramSHA256Challenge()
        # The client begins.
        self._challenges.append(b"")

    def setResponse(self, response: bytes) -> None:
        """Take the user's first message, then the proof; behind the server's proof it is empty."""
        if self._proof is not None:
            if response:
                raise UnauthorizedLogin
        elif not self.username:
            self.username = self._challenge.user(response)
            self._challenges.append(self._challenge.text())
        else:
            password = self._password_of(self.username)
            self._prove(self._challenge.proof(response, password))
