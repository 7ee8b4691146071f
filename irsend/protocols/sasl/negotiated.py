"""NTLM and GSSAPI: tokens that a security library makes, carried by SASL.

pyspnego makes both; GSSAPI needs a Kerberos library beneath it, and asks a KDC,
so that it runs in a thread. No security layer is used.

Standards: RFC 4752 (GSSAPI), RFC 4120 7.5.9 (KRB_AP_ERR_SKEW); NTLM is told by [MS-NLMP].
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from irsend.protocols.sasl.mechanism import ClockSkew, Credentials, IMechanism, MechanismFailed

# RFC 4752 3.3: no security layer, and no buffer for one.
_NO_LAYER = b"\x01\x00\x00\x00"
_SKEW = ("clock skew", "ticket not yet valid")


def without_kerberos() -> str:
    """Return why GSSAPI cannot be used here; empty where it can."""
    if importlib.util.find_spec("gssapi") and importlib.util.find_spec("krb5"):
        return ""
    return "Kerberos is not installed; irsend[gssapi] brings it"


class _Negotiated:
    """What both have in common: a context of the library's that takes and gives tokens."""

    protocol = ""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._context: Any = None

    def initial(self) -> Deferred[bytes | None]:
        """Return the first token."""

        def begin() -> bytes | None:
            # Here, and in the thread: it takes its time to load.
            import spnego

            own = self._credentials
            self._context = spnego.client(
                username=own.user.decode("utf-8"),
                password=own.password.decode("utf-8"),
                hostname=own.host,
                service=own.service,
                protocol=self.protocol,
                context_req=spnego.ContextReq.mutual_auth | spnego.ContextReq.integrity,
            )
            first: bytes | None = self._context.step()
            return first

        return self._run(begin)

    def respond(self, challenge: bytes) -> Deferred[bytes]:
        """Return the next token."""
        return self._run(lambda: self._next(challenge))

    def confirmed(self) -> None:
        """Hear the server's yes; it counts for nothing before the exchange is complete."""
        if self._context is None or not self._context.complete:
            raise MechanismFailed(f"the server says yes before {self.protocol} is complete")

    def _next(self, challenge: bytes) -> bytes:
        if self._context.complete:
            raise MechanismFailed(f"the server asks for more than {self.protocol} has")
        return self._context.step(challenge) or b""

    def _run(self, step: Callable[[], Any]) -> Deferred[Any]:
        def tried() -> Any:
            try:
                return step()
            except MechanismFailed:
                raise
            except Exception as error:
                # The library raises errors of its own, of Kerberos's and of whoever is beneath.
                text = " ".join(str(error).split())
                skew = any(words in text.lower() for words in _SKEW)
                raise (ClockSkew if skew else MechanismFailed)(text) from None

        return (self._credentials.in_thread or maybeDeferred)(tried)


@implementer(IMechanism)
class NTLM(_Negotiated):
    """NTLM: negotiate, challenge, authenticate."""

    name = "NTLM"
    protocol = "ntlm"


@implementer(IMechanism)
class GSSAPI(_Negotiated):
    """GSSAPI, that is Kerberos 5: the context, then the agreement on no security layer."""

    name = "GSSAPI"
    protocol = "kerberos"

    def __init__(self, credentials: Credentials) -> None:
        _Negotiated.__init__(self, credentials)
        self._agreed = False

    def confirmed(self) -> None:
        """Hear the server's yes; it comes behind the agreement."""
        _Negotiated.confirmed(self)
        if not self._agreed:
            raise MechanismFailed("the server says yes before the security layer is agreed on")

    def _next(self, challenge: bytes) -> bytes:
        if not self._context.complete:
            return self._context.step(challenge) or b""
        if self._agreed:
            raise MechanismFailed("the server asks for more than GSSAPI has")
        offered = self._context.unwrap(challenge).data
        if len(offered) != 4 or not offered[0] & 1:
            raise MechanismFailed("the server wants a security layer")
        self._agreed = True
        wrapped: bytes = self._context.wrap(_NO_LAYER, encrypt=False).data
        return wrapped
