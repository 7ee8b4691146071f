"""A mail server that says the same to all, and records each session as tests/transcripts has it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import dpkt
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, ITLSTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols import portforward

_PROMPTS = (b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6")
_CHALLENGE = b"334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"


class RecordedSMTP(Protocol):
    """One session. It takes any login and any mail, and refuses nothing that it knows."""

    transport: ITLSTransport
    factory: RecordingServer

    def connectionMade(self) -> None:
        """Greet."""
        self.lines: list[str] = []
        self.factory.sessions.append(self)
        self._buffer = b""
        self._in_message = self._secured = False
        self._awaited = 0
        self._answer(b"220 mx.bench.test ESMTP")

    def dataReceived(self, data: bytes) -> None:
        """Take lines, whatever ends them."""
        self._buffer += data
        while (at := self._buffer.find(b"\n")) >= 0:
            line, self._buffer = self._buffer[: at + 1], self._buffer[at + 1 :]
            text = line.removesuffix(b"\n").removesuffix(b"\r").decode("latin-1")
            end = "" if line.endswith(b"\r\n") else "\\n"
            self.lines.append(f"C: {text}{end}")
            self._take(text)

    def _take(self, line: str) -> None:
        if self._in_message:
            if line == ".":
                self._in_message = False
                self._answer(b"250 2.0.0 queued")
        elif self._awaited:
            self._awaited -= 1
            self._answer(_PROMPTS[1] if self._awaited else b"235 2.7.0 accepted")
        else:
            self._command(line)

    def _command(self, line: str) -> None:
        verb, _, argument = line.partition(" ")
        match verb.upper():
            case "EHLO":
                begins = self.factory.tls is not None and not self._secured
                words = [
                    b"mx.bench.test",
                    *self.factory.offers,
                    *([b"STARTTLS"] if begins else []),
                ]
                for word in words[:-1]:
                    self._answer(b"250-" + word)
                self._answer(b"250 " + words[-1])
            case "AUTH":
                mechanism, _, initial = argument.upper().partition(" ")
                prompts = {"LOGIN": 2, "CRAM-MD5": 1, "PLAIN": 1}[mechanism] - bool(initial)
                self._awaited = prompts
                first = _CHALLENGE if mechanism == "CRAM-MD5" else b"334 "
                if mechanism == "LOGIN":
                    first = _PROMPTS[2 - prompts] if prompts else b""
                self._answer(first if prompts else b"235 2.7.0 accepted")
            case "STARTTLS" if self.factory.tls is not None:
                self._answer(b"220 go on")
                self._secured = True
                self.transport.startTLS(self.factory.tls)
            case "DATA":
                self._in_message = True
                self._answer(b"354 go on")
            case "QUIT":
                self._answer(b"221 bye")
                self.transport.loseConnection()
            case _:
                self._answer(b"250 2.0.0 ok")

    def _answer(self, line: bytes) -> None:
        self.lines.append(f"S: {line.decode('ascii')}")
        self.transport.write(line + b"\r\n")

    @property
    def transcript(self) -> str:
        """The session in the form of tests/transcripts."""
        return "\n".join(["# recorded", *self.lines, "-- closed", ""])


class RecordingServer(Factory):
    """Offers these extensions to each client, and STARTTLS with `tls`; keeps their sessions."""

    protocol = RecordedSMTP
    noisy = False

    def __init__(
        self, *offers: bytes, tls: IOpenSSLServerConnectionCreator | None = None
    ) -> None:
        self.offers = offers
        self.tls = tls
        self.sessions: list[RecordedSMTP] = []


def commands(session: RecordedSMTP) -> list[str]:
    """Return a client's command lines: what is no content, with SIZE as a word."""
    said, in_message = [], False
    for line in session.lines:
        if line.startswith("S: 354"):
            in_message = True
        elif line.startswith("C: "):
            if not in_message or line == "C: .":
                said.append(re.sub(r"(?i)SIZE=\d+", "SIZE=n", line[3:]))
            in_message = in_message and line != "C: ."
    return said


def field_names(session: RecordedSMTP) -> list[str]:
    """Return the names of the header fields of a session's mail, in order."""
    content = session.lines[session.lines.index("S: 354 go on") + 1 :]
    names = []
    for line in content:
        text = line.removeprefix("C: ").removesuffix("\\n")
        if not text:
            break
        if not text[:1].isspace():
            names.append(text.partition(":")[0])
    return names


class _Inward(portforward.ProxyServer):  # type: ignore[misc]
    """The program's side of the proxy."""

    factory: RecordingProxy

    def connectionMade(self) -> None:
        """Begin a record."""
        record: list[tuple[bool, bytes]] = []
        self.factory.records.append(record)
        self.clientProtocolFactory = lambda: _OutwardFactory(record)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        """Record what the program says."""
        self.factory.records[-1].append((True, data))
        super().dataReceived(data)


class _Outward(portforward.ProxyClient):  # type: ignore[misc]
    """The server's side of the proxy."""

    factory: _OutwardFactory

    def dataReceived(self, data: bytes) -> None:
        """Record what the server says."""
        self.factory.record.append((False, data))
        super().dataReceived(data)


class _OutwardFactory(portforward.ProxyClientFactory):  # type: ignore[misc]
    protocol = _Outward
    noisy = False

    def __init__(self, record: list[tuple[bool, bytes]]) -> None:
        self.record = record


class RecordingProxy(portforward.ProxyFactory):  # type: ignore[misc]
    """Stands before a server, and records the octets of both sides, as a packet capture has them."""

    protocol = _Inward
    noisy = False

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self.records: list[list[tuple[bool, bytes]]] = []

    def save(self, path: Path, number: int) -> None:
        """Write a connection as a capture of raw IP packets."""
        sent = {True: 1, False: 1}
        with path.open("wb") as file:
            writer = dpkt.pcap.Writer(file, linktype=dpkt.pcap.DLT_RAW)
            for by_client, octets in self.records[number]:
                for at in range(0, len(octets), 1400):
                    piece = octets[at : at + 1400]
                    ends = (40000, 587) if by_client else (587, 40000)
                    tcp = dpkt.tcp.TCP(
                        sport=ends[0],
                        dport=ends[1],
                        seq=sent[by_client],
                        data=piece,
                        flags=dpkt.tcp.TH_ACK,
                    )
                    host = b"\x7f\0\0\1"
                    ip = dpkt.ip.IP(src=host, dst=host, p=dpkt.ip.IP_PROTO_TCP, data=tcp)
                    ip.len = len(bytes(ip))
                    writer.writepkt(bytes(ip), ts=time.time())
                    sent[by_client] += len(piece)
