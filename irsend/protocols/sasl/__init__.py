"""SASL: the mechanisms of a client, in SMTP and in POP3 alike, and the exchange of a server.

`device.mechanism_choice` chooses the mechanism, by the machine's model.
"""

from __future__ import annotations

from collections.abc import Callable

from irsend.protocols.sasl.digest_md5 import DigestMD5
from irsend.protocols.sasl.mechanism import (
    ClockSkew,
    Credentials,
    IMechanism,
    MechanismFailed,
)
from irsend.protocols.sasl.negotiated import GSSAPI, NTLM, without_kerberos
from irsend.protocols.sasl.scram import ScramSHA256
from irsend.protocols.sasl.simple import CramMD5, Login, Plain, XOAuth2

MECHANISMS: dict[str, Callable[[Credentials], IMechanism]] = {
    "CRAM-MD5": CramMD5,
    "DIGEST-MD5": DigestMD5,
    "NTLM": NTLM,
    "GSSAPI": GSSAPI,
    "PLAIN": Plain,
    "LOGIN": Login,
    "SCRAM-SHA-256": ScramSHA256,
    "XOAUTH2": XOAuth2,
}

READABLE = ("PLAIN", "LOGIN", "XOAUTH2")
"""Mechanisms whose secret can be read on the wire."""

__all__ = [
    "MECHANISMS",
    "READABLE",
    "ClockSkew",
    "Credentials",
    "IMechanism",
    "MechanismFailed",
    "make_mechanism",
    "unusable",
]


def make_mechanism(name: str, credentials: Credentials) -> IMechanism:
    """Return a mechanism for one login."""
    return MECHANISMS[name](credentials)


def unusable(name: str) -> str:
    """Return why a mechanism cannot be used on this computer; empty where it can."""
    return without_kerberos() if name == "GSSAPI" else ""
