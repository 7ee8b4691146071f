"""ClientHello and ServerHello, read from the octets of their records: what a side offers or chose.

Nothing is checked that OpenSSL checks. Standards: RFC 8446 4.1 and 4.2, RFC 5246 7.4.1,
RFC 8701 (values that mean nothing).
"""

from __future__ import annotations

import functools
import ssl

from attrs import frozen

_HANDSHAKE, _CLIENT_HELLO, _SERVER_HELLO = 22, 1, 2
SERVER_NAME, GROUPS, SIGNATURES, SESSION_TICKET, SUPPORTED_VERSIONS = 0, 10, 13, 35, 43
"""Numbers of extensions (IANA, TLS ExtensionType Values)."""
VERSIONS = {
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}
# Suites that are signals and no ciphers (RFC 5746, RFC 7507).
_SIGNALS = {0x00FF, 0x5600}


@frozen(kw_only=True)
class Hello:
    """A hello; the values that mean nothing are left out."""

    of_client: bool
    version: int
    """In the hello itself: TLS 1.2 at most, also of a side that speaks TLS 1.3."""
    all_suites: tuple[int, ...]
    """With the signals among them; of a server the one that it chose."""
    extensions: tuple[tuple[int, bytes], ...]

    @property
    def suites(self) -> tuple[int, ...]:
        """The ciphers, in their order."""
        return tuple(one for one in self.all_suites if one not in _SIGNALS)

    def extension(self, number: int) -> bytes | None:
        """Return what is in an extension; None where it is not there."""
        return next((content for one, content in self.extensions if one == number), None)

    @property
    def versions(self) -> list[int]:
        """The versions that a client says it speaks, or the one that a server chose; else empty."""
        content = self.extension(SUPPORTED_VERSIONS)
        if content is None:
            return []
        return _numbers(content[1:] if self.of_client else content)

    @property
    def groups(self) -> list[int]:
        """The groups of a client, in their order."""
        return _numbers((self.extension(GROUPS) or b"")[2:])

    @property
    def signatures(self) -> list[int]:
        """The signature algorithms of a client, in their order."""
        return _numbers((self.extension(SIGNATURES) or b"")[2:])


def read_hello(records: bytes) -> Hello | None:
    """Return the hello that records begin with; None for any other; IndexError where it is cut off."""
    message = b""
    while len(records) >= 5 and records[0] == _HANDSHAKE:
        length = int.from_bytes(records[3:5], "big")
        message += records[5 : 5 + length]
        records = records[5 + length :]
    if not message or message[0] not in (_CLIENT_HELLO, _SERVER_HELLO):
        return None
    of_client = message[0] == _CLIENT_HELLO
    version = int.from_bytes(message[4:6], "big")
    at = 38 + 1 + message[38]
    length = int.from_bytes(message[at : at + 2], "big") if of_client else 2
    at += 2 if of_client else 0
    suites = _numbers(message[at : at + length])
    at += length
    at += 1 + message[at] if of_client else 1
    return Hello(
        of_client=of_client,
        version=version,
        all_suites=tuple(suites),
        extensions=_extensions(message[at + 2 :]),
    )


def version_name(number: int) -> str:
    """Return what a version is called."""
    return VERSIONS.get(number, f"version {number:#06x}")


def suite_name(number: int) -> str:
    """Return what OpenSSL calls a suite; its number for one that it does not have."""
    return _suite_names().get(number, f"{number:#06x}")


@functools.cache
def _suite_names() -> dict[int, str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return {int(one["id"]) & 0xFFFF: str(one["name"]) for one in context.get_ciphers()}


def _extensions(octets: bytes) -> tuple[tuple[int, bytes], ...]:
    found = []
    while len(octets) >= 4:
        kind = int.from_bytes(octets[:2], "big")
        length = int.from_bytes(octets[2:4], "big")
        if not _is_grease(kind):
            found.append((kind, octets[4 : 4 + length]))
        octets = octets[4 + length :]
    return tuple(found)


def _numbers(octets: bytes) -> list[int]:
    pairs = zip(octets[::2], octets[1::2], strict=False)
    return [one << 8 | two for one, two in pairs if not _is_grease(one << 8 | two)]


def _is_grease(number: int) -> bool:
    """Return whether a value means nothing (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
