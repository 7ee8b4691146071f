"""A mail server that says the same to all, and records each session as tests/transcripts has it."""

from __future__ import annotations

import re

from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Factory, Protocol

_PROMPTS = (b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6")
_CHALLENGE = b"334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"


class RecordedSMTP(Protocol):
    """One session. It takes any login and any mail, and refuses nothing that it knows."""

    transport: ITransport
    factory: RecordingServer

    def connectionMade(self) -> None:
        """Greet."""
        self.lines: list[str] = []
        self.factory.sessions.append(self)
        self._buffer = b""
        self._in_message = False
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
                words = [b"mx.bench.test", *self.factory.offers]
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
    """Offers these extensions to each client, and keeps their sessions."""

    protocol = RecordedSMTP
    noisy = False

    def __init__(self, *offers: bytes) -> None:
        self.offers = offers
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
