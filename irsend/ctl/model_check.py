"""What this system's OpenSSL makes of a model file: what it lacks, and lists that it refuses."""

from __future__ import annotations

from attrs import evolve, frozen

from irsend.device.model import Model
from irsend.errors import ValueRefused


@frozen
class Support:
    """What this system's OpenSSL lacks of a model's TLS."""

    openssl: str
    lacks: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as a sentence; empty where nothing is lacking."""
        if not self.lacks:
            return ""
        return f"This system's {self.openssl} has no {', '.join(self.lacks)}."


def support_for(model: Model) -> Support:
    """Return what is lacking; ValueRefused where a list of the model's has no cipher in it."""
    from OpenSSL import SSL

    from irsend.protocols.tls_context import TLSProfile, make_context, openssl_name

    tls = model.tls
    if tls is None:
        return Support(openssl_name(), ())
    profile = TLSProfile(
        oldest=tls.oldest,
        newest=tls.newest,
        ciphers=tls.ciphers,
        groups=tls.groups,
        signatures=tls.signatures,
    )
    for key, given, allowed in (
        ("ciphers", profile, "an OpenSSL cipher list with a cipher in it"),
        ("suites", evolve(profile, suites=tls.suites), "suites of TLS 1.3, by OpenSSL's names"),
    ):
        try:
            lacks = make_context(given).lacks
        except SSL.Error:
            value = tls.ciphers if key == "ciphers" else ", ".join(tls.suites)
            problem = f"{value!r} is not allowed by {openssl_name()}; allowed: {allowed}"
            raise ValueRefused(f"tls.{key}", problem) from None
    return Support(openssl_name(), lacks)
