"""What a ClientHello shows of a machine: versions, ciphers, groups, signature algorithms, extensions."""

from __future__ import annotations

from collections.abc import Iterator

from irsend.model_draft.observation import Observation
from irsend.protocols.tls_hello import (
    SERVER_NAME,
    SESSION_TICKET,
    VERSIONS,
    Hello,
    suite_name,
    version_name,
)

_TLS_1_3_SUITES = range(0x1301, 0x1306)
_OLD = {
    0x0003: "EXP-RC4-MD5",
    0x0004: "RC4-MD5",
    0x0005: "RC4-SHA",
    0x0006: "EXP-RC2-CBC-MD5",
    0x0007: "IDEA-CBC-SHA",
    0x0008: "EXP-DES-CBC-SHA",
    0x0009: "DES-CBC-SHA",
    0x000A: "DES-CBC3-SHA",
    0x0012: "EDH-DSS-DES-CBC-SHA",
    0x0013: "EDH-DSS-DES-CBC3-SHA",
    0x0014: "EXP-EDH-RSA-DES-CBC-SHA",
    0x0015: "EDH-RSA-DES-CBC-SHA",
    0x0016: "EDH-RSA-DES-CBC3-SHA",
    0xC007: "ECDHE-ECDSA-RC4-SHA",
    0xC008: "ECDHE-ECDSA-DES-CBC3-SHA",
    0xC011: "ECDHE-RSA-RC4-SHA",
    0xC012: "ECDHE-RSA-DES-CBC3-SHA",
}
"""OpenSSL's names of suites that its newer releases do not have."""
_GROUPS = {23: "P-256", 24: "P-384", 25: "P-521", 29: "X25519", 30: "X448"} | {
    256 + at: f"ffdhe{bits}" for at, bits in enumerate((2048, 3072, 4096, 6144, 8192))
}
_HASHES = {1: "MD5", 2: "SHA1", 3: "SHA224", 4: "SHA256", 5: "SHA384", 6: "SHA512"}
_SIGNERS = {1: "RSA", 2: "DSA", 3: "ECDSA"}
_SCHEMES = {
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
}
_EXTENSIONS = {
    SESSION_TICKET: "session_ticket",
    23: "extended_master_secret",
    22: "encrypt_then_mac",
}
_SEEN = "its ClientHello"


def observe_hello(hello: Hello, record_version: int) -> Iterator[Observation]:
    """Give what a ClientHello shows; `record_version` is that of the record around it."""
    versions = hello.versions or [min(record_version, hello.version), hello.version]
    # Drafts of TLS 1.3 have numbers of their own.
    known_versions = [one for one in versions if one in VERSIONS]
    if known_versions:
        seen = _SEEN if hello.versions else f"{_SEEN}, and the record around it"
        yield Observation("tls.oldest", version_name(min(known_versions)), seen)
        yield Observation("tls.newest", version_name(max(known_versions)), seen)
    suites = [one for one in hello.suites if one in _TLS_1_3_SUITES]
    ciphers = [_cipher(one) for one in hello.suites if one not in _TLS_1_3_SUITES]
    known = [one for one in ciphers if not one.startswith("0x")]
    if known:
        yield Observation("tls.ciphers", ":".join([*known, "@SECLEVEL=0"]), _SEEN)
    if suites:
        yield Observation("tls.suites", tuple(map(suite_name, suites)), _SEEN)
    groups = tuple(_GROUPS[one] for one in hello.groups if one in _GROUPS)
    if groups:
        yield Observation("tls.groups", groups, _SEEN)
    signatures = tuple(filter(None, map(_signature, hello.signatures)))
    if signatures:
        yield Observation("tls.signatures", signatures, _SEEN)
    extensions = tuple(
        name for number, name in _EXTENSIONS.items() if hello.extension(number) is not None
    )
    yield Observation("tls.extensions", extensions, _SEEN)
    yield Observation("tls.server_name", hello.extension(SERVER_NAME) is not None, _SEEN)


def unknown_suites(hello: Hello) -> list[str]:
    """Return the numbers of the suites that OpenSSL has no name for: they are not in the draft."""
    return [one for one in map(_cipher, hello.suites) if one.startswith("0x")]


def _cipher(number: int) -> str:
    return _OLD.get(number) or suite_name(number)


def _signature(number: int) -> str:
    if number in _SCHEMES:
        return _SCHEMES[number]
    signer, digest = _SIGNERS.get(number & 0xFF), _HASHES.get(number >> 8)
    return f"{signer}+{digest}" if signer and digest else ""
