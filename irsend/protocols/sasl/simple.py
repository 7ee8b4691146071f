"""PLAIN, LOGIN, CRAM-MD5 and XOAUTH2: one or two answers, no state worth the name.

Standards: RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5), draft-murchison-sasl-login (LOGIN).
XOAUTH2 is told by the documentation of the providers who ask for it.
"""

from __future__ import annotations

import hashlib
import hmac

from zope.interface import implementer

from irsend.protocols.sasl.mechanism import Credentials, IMechanism, MechanismFailed


@implementer(IMechanism)
class Plain:
    """PLAIN: user name and password in one, readable."""

    name = "PLAIN"

    def __init__(self, credentials: Credentials) -> None:
        self._message = b"\0" + credentials.user + b"\0" + credentials.password
        self._asked = 0

    def initial(self) -> bytes | None:
        """Return user name and password."""
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        """Return them to a server that did not take them at once, but no second time."""
        self._asked += 1
        if self._asked > 1:
            raise MechanismFailed("the server asks for more than PLAIN has")
        return self._message

    def confirmed(self) -> None:
        """Take the server's word for it."""


@implementer(IMechanism)
class Login:
    """LOGIN: user name, then password.

    Whatever the prompts say; or, with `strict_prompts`, only where they ask for
    User Name or Username, and Password (device.md section 11).
    """

    name = "LOGIN"

    def __init__(self, credentials: Credentials) -> None:
        self._answers = [
            ((b"username", b"user name"), credentials.user),
            ((b"password",), credentials.password),
        ]
        self._strict = credentials.strict_prompts
        self._inline = credentials.user_inline

    def initial(self) -> bytes | None:
        """Wait for the first prompt, or say the user name where the machine does so."""
        return self._answers.pop(0)[1] if self._inline else None

    def respond(self, challenge: bytes) -> bytes:
        """Return the next of both."""
        if not self._answers:
            raise MechanismFailed("the server asks for more than LOGIN has")
        prompts, answer = self._answers.pop(0)
        if self._strict and not challenge.lower().startswith(prompts):
            asked = challenge.decode("utf-8", "replace")
            raise MechanismFailed(f"the machine does not know the prompt {asked!r}")
        return answer

    def confirmed(self) -> None:
        """Take the server's word for it."""


@implementer(IMechanism)
class CramMD5:
    """CRAM-MD5: a keyed digest of the server's challenge."""

    name = "CRAM-MD5"

    def __init__(self, credentials: Credentials) -> None:
        self._user, self._password = credentials.user, credentials.password
        self._asked = 0

    def initial(self) -> bytes | None:
        """Wait for the challenge."""
        return None

    def respond(self, challenge: bytes) -> bytes:
        """Return user name and digest, once."""
        self._asked += 1
        if self._asked > 1:
            raise MechanismFailed("the server asks for more than CRAM-MD5 has")
        digest = hmac.new(self._password, challenge, hashlib.md5).hexdigest()
        return self._user + b" " + digest.encode("ascii")

    def confirmed(self) -> None:
        """Take the server's word for it."""


@implementer(IMechanism)
class XOAuth2:
    """XOAUTH2: a bearer token, which is as good as a password to who reads it."""

    name = "XOAUTH2"

    def __init__(self, credentials: Credentials) -> None:
        self._message = (
            b"user=" + credentials.user + b"\1auth=Bearer " + credentials.token + b"\1\1"
        )
        self._refused = False

    def initial(self) -> bytes | None:
        """Return user name and token."""
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        """Return nothing to what says why the token is not taken: the refusal follows."""
        if not challenge and not self._refused:
            # The initial response was not taken with the command.
            return self._message
        if self._refused:
            raise MechanismFailed("the server asks for more than XOAUTH2 has")
        self._refused = True
        return b""

    def confirmed(self) -> None:
        """Take the server's word for it."""
