"""NTLM and GSSAPI: tokens that a security library makes, carried by SASL.

pyspnego makes both; GSSAPI needs a Kerberos library beneath it, and asks a KDC, so
that it runs in a thread. Each login gets a ticket of its own, which is destroyed when
the server's token has been made: the user who runs irsend may have tickets and
accounts, and they are not the machine's. No security layer is used.

Standards: RFC 4752 (GSSAPI), RFC 4120 7.5.9 (errors of Kerberos), [MS-NLMP] (NTLM).
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from irsend.extras import GSSAPI as GSSAPI_EXTRA
from irsend.protocols.sasl.mechanism import ClockSkew, Credentials, IMechanism, MechanismFailed

# RFC 4752 3.3: no security layer, and no buffer for one.
_NO_LAYER = b"\x01\x00\x00\x00"
# How far the clocks may be apart, in seconds (RFC 4120 3.1.3: typically five minutes).
_CLOCKS_APART = 300
# Libraries number the errors of RFC 4120 7.5.9 from here on, and their own behind them.
_FIRST_ERROR = -1765328384
# Of the KDC: KRB_AP_ERR_TKT_NYV, KRB_AP_ERR_SKEW. Of the library: KRB5_KDCREP_SKEW.
_SKEW = (33, 37, 148)
# KDC_ERR_PREAUTH_FAILED, KRB_AP_ERR_BAD_INTEGRITY: what a wrong password looks like.
_WRONG_PASSWORD = (24, 31)


def without_kerberos() -> str:
    """Return why GSSAPI cannot be used here; empty where it can."""
    return GSSAPI_EXTRA.lacks("GSSAPI")


def library_failure(error: Exception) -> MechanismFailed:
    """Return an error of a library as MechanismFailed, with a reason in words.

    Must be called in the thread that raised the error: Kerberos keeps its texts by
    thread.
    """
    # pyspnego puts its own error around that of GSSAPI; both numbers are Kerberos's.
    beneath: Any = getattr(error, "base_error", None) or error
    number = getattr(beneath, "err_code", None)
    if number is not None:
        words = str(beneath).removesuffix(str(number))
    elif hasattr(beneath, "min_code"):
        number = beneath.min_code - (1 << 32 if beneath.min_code >> 31 else 0)
        major = not number
        statuses = beneath.get_all_statuses(
            beneath.maj_code if major else beneath.min_code, major
        )
        words = "; ".join(statuses)
    else:
        words = str(error) or type(error).__name__
    words = " ".join(words.split())
    if number is None:
        return MechanismFailed(f"the security library says: {words}")
    if number - _FIRST_ERROR in _SKEW:
        return ClockSkew(f"Kerberos: {words}")
    if number - _FIRST_ERROR in _WRONG_PASSWORD:
        words = f"user name or password is wrong ({words})"
    return MechanismFailed(f"Kerberos: {words}")


@contextmanager
def ticket(user: bytes, password: bytes) -> Iterator[str]:
    """Ask the KDC for a ticket; gives the name of a cache in RAM that holds it, and ends with it.

    The library would correct its clock by the KDC's, unseen (kdc_timesync);
    the machine knows its own clock only, and raises ClockSkew (#843).
    """
    if not user or not password:
        raise MechanismFailed("Kerberos: user name and password are needed")
    # Not by `import`: it is an extra.
    krb5 = importlib.import_module("krb5")
    library = krb5.init_context()
    client = krb5.parse_name_flags(library, user)
    options = krb5.get_init_creds_opt_alloc(library)
    krb5.get_init_creds_opt_set_canonicalize(options, True)
    granted = krb5.get_init_creds_password(library, client, options, password=password)
    apart = round(abs(granted.times.authtime - time.time()))
    if apart > _CLOCKS_APART:
        raise ClockSkew(
            f"Kerberos: the clocks here and at the KDC are {apart} s apart,"
            f" {_CLOCKS_APART} s are allowed"
        )
    cache = krb5.cc_new_unique(library, b"MEMORY")
    try:
        krb5.cc_initialize(library, cache, granted.client)
        krb5.cc_store_cred(library, cache, granted)
        yield f"MEMORY:{cache.name.decode('ascii')}"
    finally:
        krb5.cc_destroy(library, cache)


class _Negotiated:
    """What both have in common: a context of the library's, which takes and returns tokens."""

    protocol = ""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._context: Any = None

    def initial(self) -> Deferred[bytes | None]:
        """Return the first token."""
        return self._run(self._first)

    def respond(self, challenge: bytes) -> Deferred[bytes]:
        """Return the next token."""
        return self._run(lambda: self._next(challenge))

    def confirmed(self) -> None:
        """Raise MechanismFailed where the server accepted before the exchange is complete."""
        if self._context is None or not self._context.complete:
            raise MechanismFailed(f"the server says yes before {self.protocol} is complete")

    def _first(self) -> bytes | None:
        raise NotImplementedError

    def _begin(self, who: Any) -> bytes | None:
        # Here, in the thread: loading takes its time.
        import spnego

        self._context = spnego.client(
            username=who,
            hostname=self._credentials.host,
            service=self._credentials.service,
            protocol=self.protocol,
            context_req=spnego.ContextReq.mutual_auth | spnego.ContextReq.integrity,
        )
        first: bytes | None = self._context.step()
        return first

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
                # The library raises its own errors, Kerberos's, and those of libraries beneath.
                raise library_failure(error) from None

        return (self._credentials.in_thread or maybeDeferred)(tried)


@implementer(IMechanism)
class NTLM(_Negotiated):
    """NTLM: negotiate, challenge, authenticate."""

    name = "NTLM"
    protocol = "ntlm"

    def _first(self) -> bytes | None:
        import spnego

        own = self._credentials
        # As a value: given as two strings, pyspnego would look an empty one up in a file of
        # the user's, and might take a password for a pair of hashes.
        return self._begin(
            spnego.Password(own.user.decode("utf-8"), own.password.decode("utf-8"))
        )


@implementer(IMechanism)
class GSSAPI(_Negotiated):
    """GSSAPI, that is Kerberos 5: the context, then the agreement on no security layer."""

    name = "GSSAPI"
    protocol = "kerberos"

    def __init__(self, credentials: Credentials) -> None:
        _Negotiated.__init__(self, credentials)
        self._agreed = False

    def confirmed(self) -> None:
        """Raise MechanismFailed where the server accepted before the agreement too."""
        _Negotiated.confirmed(self)
        if not self._agreed:
            raise MechanismFailed("the server says yes before the security layer is agreed on")

    def _first(self) -> bytes | None:
        import spnego

        # With the first token the ticket has done its work: what follows needs its key only.
        with ticket(self._credentials.user, self._credentials.password) as cache:
            return self._begin(spnego.KerberosCCache(cache))

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
