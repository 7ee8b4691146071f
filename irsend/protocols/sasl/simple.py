"""PLAIN, LOGIN, CRAM-MD5 and XOAUTH2: mechanisms of one or two responses.

Standards: RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5), draft-murchison-sasl-login (LOGIN).
XOAUTH2 has no standard; the providers that ask for it document it.
"""

from __future__ import annotations

import hashlib
import hmac

from zope.interface import implementer

from irsend.protocols.sasl.mechanism import Credentials, IMechanism, MechanismFailed


@implementer(IMechanism)
class Plain:
    """PLAIN: user name and password in one response, readable."""

    name = "PLAIN"

    def __init__(self, credentials: Credentials) -> None:
        self._message = b"\0" + credentials.user + b"\0" + credentials.password
        self._at_once = credentials.initial_response
        self._asked = 0

    def initial(self) -> bytes | None:
        """Return user name and password, or None to wait until they are asked for."""
        return self._message if self._at_once else None

    def respond(self, challenge: bytes) -> bytes:
        """Return them once to a server that did not take them with the command."""
        self._asked += 1
        if self._asked > 1:
            raise MechanismFailed("the server asks for more than PLAIN has")
        return self._message

    def confirmed(self) -> None:
        """Check nothing: the server proves nothing in this mechanism."""


@implementer(IMechanism)
class Login:
    """LOGIN: user name, then password.

    Whatever the prompts say; or, with `strict_prompts`, only where they are Username:
    and Password: in any case (docs/quirks).
    """

    name = "LOGIN"

    def __init__(self, credentials: Credentials) -> None:
        self._answers = [
            (b"username:", credentials.user),
            (b"password:", credentials.password),
        ]
        self._strict = credentials.strict_prompts
        self._inline = credentials.user_inline

    def initial(self) -> bytes | None:
        """Return None, to wait for a prompt, or the user name where the machine sends it at once."""
        return self._answers.pop(0)[1] if self._inline else None

    def respond(self, challenge: bytes) -> bytes:
        """Return the user name, then the password."""
        if not self._answers:
            raise MechanismFailed("the server asks for more than LOGIN has")
        prompt, answer = self._answers.pop(0)
        if self._strict and challenge.lower() != prompt:
            asked = challenge.decode("utf-8", "replace")
            raise MechanismFailed(f"the machine does not know the prompt {asked!r}")
        return answer

    def confirmed(self) -> None:
        """Check nothing: the server proves nothing in this mechanism."""


@implementer(IMechanism)
class CramMD5:
    """CRAM-MD5: a keyed digest of the server's challenge."""

    name = "CRAM-MD5"

    def __init__(self, credentials: Credentials) -> None:
        self._user, self._password = credentials.user, credentials.password
        self._asked = 0

    def initial(self) -> bytes | None:
        """Return None, to wait for the challenge."""
        return None

    def respond(self, challenge: bytes) -> bytes:
        """Return user name and digest, once."""
        self._asked += 1
        if self._asked > 1:
            raise MechanismFailed("the server asks for more than CRAM-MD5 has")
        digest = hmac.new(self._password, challenge, hashlib.md5).hexdigest()
        return self._user + b" " + digest.encode("ascii")

    def confirmed(self) -> None:
        """Check nothing: the server proves nothing in this mechanism."""


@implementer(IMechanism)
class XOAuth2:
    """XOAUTH2: a bearer token, which logs in as a password does."""

    name = "XOAUTH2"

    def __init__(self, credentials: Credentials) -> None:
        self._message = (
            b"user=" + credentials.user + b"\1auth=Bearer " + credentials.token + b"\1\1"
        )
        self._at_once = credentials.initial_response
        self._refused = False

    def initial(self) -> bytes | None:
        """Return user name and token, or None to wait until they are asked for."""
        return self._message if self._at_once else None

    def respond(self, challenge: bytes) -> bytes:
        """Return nothing to the challenge that says why the token is refused: the refusal follows."""
        if not challenge and not self._refused:
            # The initial response was not taken with the command.
            return self._message
        if self._refused:
            raise MechanismFailed("the server asks for more than XOAUTH2 has")
        self._refused = True
        return b""

    def confirmed(self) -> None:
        """Check nothing: the server proves nothing in this mechanism."""
