"""What the two sides of a TLS handshake have said, as far as the wire shows it: for one that fails.

Nothing of it is left to do once the handshake is done. `tls_hello` reads the hellos.
"""

from __future__ import annotations

from OpenSSL import SSL

from irsend.protocols.octet_names import name_of, shown_octets
from irsend.protocols.tls_alerts import alert_name, ends_a_handshake
from irsend.protocols.tls_hello import read_hello, suite_name, version_name

# A hello is far shorter.
_MOST_OCTETS = 20_000
_ALERT = 21
_MOST_SUITES = 6
_ATTRIBUTE = "irsend_handshake"


class Handshake:
    """One handshake of a connection. `peer` is what the other side is called.

    `speaks` is what a failure says of our side. `lacks_some`: OpenSSL lacks some of it.
    """

    def __init__(
        self, connection: SSL.Connection, *, peer: str, speaks: str, lacks_some: bool
    ) -> None:
        self.lacks_some = lacks_some
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
    hello = read_hello(records)
    if hello is None:
        return ""
    ciphers = [suite_name(one) for one in hello.suites]
    if not hello.of_client:
        chosen = (hello.versions or [hello.version])[0]
        return f"chose {version_name(chosen)}, {' '.join(ciphers)}"
    named = ", ".join(map(version_name, sorted(hello.versions))) or (
        f"up to {version_name(hello.version)}"
    )
    more = f" and {len(ciphers) - _MOST_SUITES} more" if len(ciphers) > _MOST_SUITES else ""
    return f"offered {named} with {', '.join(ciphers[:_MOST_SUITES])}{more}"
