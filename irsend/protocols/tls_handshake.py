"""What the two sides of a TLS handshake have said, as far as the wire shows it: for one that fails.

Nothing of it is left to do once the handshake is done. Standards: RFC 8446 4.1, RFC 5246 7.4.1.
"""

from __future__ import annotations

import functools
import ssl

from OpenSSL import SSL

from irsend.protocols.octet_names import name_of, shown_octets
from irsend.protocols.tls_alerts import alert_name, ends_a_handshake

# A hello is far shorter.
_MOST_OCTETS = 20_000
_ALERT = 21
_HANDSHAKE, _CLIENT_HELLO, _SERVER_HELLO = 22, 1, 2
_SUPPORTED_VERSIONS = 43
_VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2"}
_VERSIONS |= {0x0304: "TLS 1.3"}
# Suites that are signals and no ciphers (RFC 5746, RFC 7507).
_SIGNALS = {0x00FF, 0x5600}
_MOST_SUITES = 6
_ATTRIBUTE = "irsend_handshake"


class Handshake:
    """One handshake of a connection. `peer` is what the other side is called."""

    def __init__(self, connection: SSL.Connection, *, peer: str, speaks: str) -> None:
        self._peer = peer
        self._speaks = speaks
        self._received = b""
        self._alerts: list[str] = []
        self._connection: SSL.Connection | None = connection
        # Its app data are Twisted's.
        vars(connection)[_ATTRIBUTE] = self
        self._write = connection.bio_write
        # On the connection itself: when it is taken off, nothing stands between any more.
        connection.bio_write = self._take  # type: ignore[method-assign,assignment]

    def _take(self, octets: bytes) -> int:
        if len(self._received) < _MOST_OCTETS:
            self._received += bytes(octets)
        return self._write(octets)

    def state_changed(self, where: int, value: int) -> None:
        """Take what OpenSSL's info callback is called with."""
        if where & SSL.SSL_CB_ALERT and ends_a_handshake(value & 0xFF):
            who = self._peer if where & SSL.SSL_CB_READ else "machine"
            alert = f"the {who} ended the handshake with alert {alert_name(value & 0xFF)}"
            if alert not in self._alerts:
                self._alerts.append(alert)
        elif where & SSL.SSL_CB_HANDSHAKE_DONE:
            if self._connection is not None:
                vars(self._connection).pop("bio_write", None)
            self._connection, self._received = None, b""

    def described(self) -> str:
        """Say what each side offered, and who ended it."""
        for number in _plain_alerts(self._received):
            # OpenSSL does not come to one in a record of a version that it refuses.
            self.state_changed(SSL.SSL_CB_READ_ALERT, number)
        said = [f"the machine speaks {self._speaks}", *self._alerts]
        peers = self._peers_hello()
        if peers:
            said.append(f"the {self._peer} {peers}")
        return "; ".join(said)

    def _peers_hello(self) -> str:
        received = self._received
        if received and received[0] not in (0x14, 0x15, 0x16, 0x17):
            return f"sent what is no TLS: {name_of(received)} ({shown_octets(received)})"
        try:
            return _hello(received)
        except IndexError:
            return ""


def handshake_of(connection: object) -> Handshake | None:
    """Return the handshake of a connection that has one."""
    found: Handshake | None = getattr(connection, "__dict__", {}).get(_ATTRIBUTE)
    return found


def version_range(oldest: str, newest: str) -> str:
    """Return the versions that a side speaks, in words."""
    return f"{oldest} only" if oldest == newest else f"{oldest} to {newest}"


def _plain_alerts(records: bytes) -> list[int]:
    """Return the numbers of the alerts that are not encrypted."""
    found = []
    while len(records) >= 7:
        length = int.from_bytes(records[3:5], "big")
        if records[0] == _ALERT and length == 2:
            found.append(records[6])
        records = records[5 + length :]
    return found


def _hello(records: bytes) -> str:
    """Return what a ClientHello or ServerHello offers or chose; empty for any other record."""
    message = b""
    while len(records) >= 5 and records[0] == _HANDSHAKE:
        length = int.from_bytes(records[3:5], "big")
        message += records[5 : 5 + length]
        records = records[5 + length :]
    if not message or message[0] not in (_CLIENT_HELLO, _SERVER_HELLO):
        return ""
    of_client = message[0] == _CLIENT_HELLO
    version = int.from_bytes(message[4:6], "big")
    at = 38 + 1 + message[38]
    length = int.from_bytes(message[at : at + 2], "big") if of_client else 2
    at += 2 if of_client else 0
    suites = [
        int.from_bytes(message[place : place + 2], "big") for place in range(at, at + length, 2)
    ]
    at += length
    at += 1 + message[at] if of_client else 1
    versions = _supported_versions(message[at + 2 :], of_client=of_client)
    ciphers = [
        _suite_name(one) for one in suites if one not in _SIGNALS and not _is_grease(one)
    ]
    if not of_client:
        return f"chose {_version_name((versions or [version])[0])}, {' '.join(ciphers)}"
    named = ", ".join(map(_version_name, sorted(versions))) or (
        f"up to {_version_name(version)}"
    )
    more = f" and {len(ciphers) - _MOST_SUITES} more" if len(ciphers) > _MOST_SUITES else ""
    return f"offered {named} with {', '.join(ciphers[:_MOST_SUITES])}{more}"


def _supported_versions(extensions: bytes, *, of_client: bool) -> list[int]:
    while len(extensions) >= 4:
        kind = int.from_bytes(extensions[:2], "big")
        length = int.from_bytes(extensions[2:4], "big")
        if kind == _SUPPORTED_VERSIONS:
            listed = extensions[5 : 4 + length] if of_client else extensions[4 : 4 + length]
            pairs = zip(listed[::2], listed[1::2], strict=False)
            return [one << 8 | two for one, two in pairs if not _is_grease(one << 8 | two)]
        extensions = extensions[4 + length :]
    return []


def _version_name(number: int) -> str:
    return _VERSIONS.get(number, f"version {number:#06x}")


def _is_grease(number: int) -> bool:
    """Return whether a value means nothing (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


@functools.cache
def _suite_names() -> dict[int, str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return {int(one["id"]) & 0xFFFF: str(one["name"]) for one in context.get_ciphers()}


def _suite_name(number: int) -> str:
    return _suite_names().get(number, f"{number:#06x}")
