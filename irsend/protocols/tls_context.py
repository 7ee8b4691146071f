"""The context of OpenSSL for what a printer's TLS can do, and what of that this system's OpenSSL lacks.

The oldest that today's OpenSSL can still speak is TLS 1.0 with AES128-SHA, and
that only at security level 0 (docs/fidelity, docs/servers). What it lacks is left out;
where nothing is left, the context begins no handshake and completes none.
"""

from __future__ import annotations

import functools
import re

from attrs import frozen
from OpenSSL import SSL
from OpenSSL import _util as private

_VERSIONS = {
    "SSL 3.0": SSL.SSL3_VERSION,
    "TLS 1.0": SSL.TLS1_VERSION,
    "TLS 1.1": SSL.TLS1_1_VERSION,
    "TLS 1.2": SSL.TLS1_2_VERSION,
    "TLS 1.3": SSL.TLS1_3_VERSION,
}
# Of OpenSSL's ssl.h; pyOpenSSL has no names for the first two.
_EXTENSIONS = {
    "extended_master_secret": 1,
    "encrypt_then_mac": 1 << 19,
    "session_ticket": SSL.OP_NO_TICKET,
}
MODERN = ("extended_master_secret", "encrypt_then_mac")
"""What a side that is no printer offers."""
_AES = "AES128-SHA:@SECLEVEL=0"
# TLS 1.0 with a cipher of TLS 1.2: OpenSSL takes both, and finds no cipher at each handshake.
_NO_HANDSHAKE = "AES128-GCM-SHA256:@SECLEVEL=0"
# A cipher by its name, or a class of them: AES128-SHA, RC4, ECDHE+3DES. OpenSSL's own words that
# are no ciphers have small letters in them, or an operator before them.
_NAME = re.compile(r"[A-Z0-9]+(?:[-+_][A-Z0-9]+)*")
_NO_CIPHERS = ("@", "!", "-", "+")
# They are set through names that pyOpenSSL keeps to itself: it has no method for them.
_GROUPS, _SIGNATURES = "SSL_CTX_set1_curves_list", "SSL_CTX_set1_sigalgs_list"


@frozen(kw_only=True)
class TLSProfile:
    """What a side's TLS can do: versions, and lists in its order, empty for OpenSSL's own."""

    oldest: str
    newest: str
    ciphers: str
    """An OpenSSL cipher list, for TLS 1.2 and older; a security level in it is for all."""
    suites: tuple[str, ...] = ()
    """Of TLS 1.3."""
    groups: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    extensions: tuple[str, ...] = MODERN
    """Extensions of the ClientHello that OpenSSL can be told to leave out."""


@frozen
class MadeContext:
    """A context, and what is to be said of it where a handshake fails."""

    context: SSL.Context
    speaks: str
    """The versions that the profile has, and what of it this system's OpenSSL lacks."""
    lacks: tuple[str, ...]
    """Names of versions, ciphers, groups and signature algorithms."""


def make_context(profile: TLSProfile) -> MadeContext:
    """Return a context for a profile; raise SSL.Error where a cipher list is none."""
    versions, lacks = _versions(profile)
    ciphers, missing = _ciphers(profile.ciphers)
    lacks += missing
    if not ciphers:
        # TLS 1.3 has suites of its own.
        versions = [one for one in versions if one == "TLS 1.3"]
        ciphers = _AES
    if not versions:
        versions, ciphers = ["TLS 1.0"], _NO_HANDSHAKE
    context = SSL.Context(SSL.TLS_METHOD)
    # First of all: a level that allows old versions and short keys must be set
    # before these are.
    context.set_cipher_list(ciphers.encode("ascii"))
    context.set_min_proto_version(_VERSIONS[versions[0]])
    context.set_max_proto_version(_VERSIONS[versions[-1]])
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    for extension, option in _EXTENSIONS.items():
        if extension not in profile.extensions:
            context.set_options(option)
    # Nothing is resumed: each session shows its whole handshake.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if profile.suites and hasattr(context, "set_tls13_ciphersuites"):
        context.set_tls13_ciphersuites(":".join(profile.suites).encode("ascii"))
    lacks += _set_list(context, _GROUPS, profile.groups)
    lacks += _set_list(context, _SIGNATURES, profile.signatures)
    return MadeContext(context, _speaks(profile, lacks), tuple(lacks))


def openssl_name() -> str:
    """Return the name of this system's OpenSSL with its version, such as OpenSSL 4.0.3."""
    return " ".join(SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode("ascii").split()[:2])


def version_range(oldest: str, newest: str) -> str:
    """Return the versions that a side speaks, in words."""
    return f"{oldest} only" if oldest == newest else f"{oldest} to {newest}"


def _speaks(profile: TLSProfile, lacks: list[str]) -> str:
    speaks = version_range(profile.oldest, profile.newest)
    if not lacks:
        return speaks
    return f"{speaks} (this system's {openssl_name()} has no {', '.join(lacks)})"


def _versions(profile: TLSProfile) -> tuple[list[str], list[str]]:
    """Return the versions that a context can have, and those that it cannot."""
    names = list(_VERSIONS)
    wanted = names[names.index(profile.oldest) : names.index(profile.newest) + 1]
    there = [one for one in wanted if _has_version(one)]
    return there, [one for one in wanted if one not in there]


def _ciphers(listed: str) -> tuple[str, list[str]]:
    """Return a cipher list without the ciphers that there are not, empty where none is left, and those."""
    parts = [one for one in re.split(r"[:, ]+", listed) if one]
    missing = [one for one in parts if _NAME.fullmatch(one) and not _has_cipher(one)]
    left = [one for one in parts if one not in missing]
    if missing and all(one.startswith(_NO_CIPHERS) for one in left):
        left = []
    return ":".join(left), missing


@functools.cache
def _has_version(name: str) -> bool:
    try:
        SSL.Context(SSL.TLS_METHOD).set_min_proto_version(_VERSIONS[name])
    except SSL.Error:
        return False
    return True


@functools.cache
def _has_cipher(name: str) -> bool:
    try:
        SSL.Context(SSL.TLS_METHOD).set_cipher_list(f"{name}:@SECLEVEL=0".encode("ascii"))
    except SSL.Error:
        return False
    return True


def _set_list(context: SSL.Context, function: str, names: tuple[str, ...]) -> list[str]:
    """Set a list that pyOpenSSL has no method for, and return the names that OpenSSL does not know.

    Where its private names are others, OpenSSL's own list stays.
    """
    if not names or not _can_set(function):
        return []
    known = [one for one in names if _takes(function, one)]
    if known:
        _set(context, function, ":".join(known))
    return [one for one in names if one not in known]


def _can_set(function: str) -> bool:
    return hasattr(private.lib, function) and hasattr(SSL.Context(SSL.TLS_METHOD), "_context")


@functools.cache
def _takes(function: str, name: str) -> bool:
    return _set(SSL.Context(SSL.TLS_METHOD), function, name)


def _set(context: SSL.Context, function: str, names: str) -> bool:
    taken: int = getattr(private.lib, function)(
        vars(context)["_context"], names.encode("ascii")
    )
    private.lib.ERR_clear_error()
    return taken == 1
