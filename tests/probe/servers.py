"""Mail servers of a test's own, on a port of 127.0.0.1, that say what a test writes down."""

from __future__ import annotations

import base64
import time
from typing import Any

from attrs import Factory, define, field
from twisted.internet.protocol import ServerFactory
from twisted.protocols.basic import LineReceiver
from twisted.trial.unittest import TestCase

from irsend.device.model import Model, load_model
from irsend.probe.order import Order
from irsend.probe.outcome import Report
from irsend.probe.probe import Probe
from irsend.probe.target import read_target
from irsend.protocols.tls import ServerTLS
from tests.parts import server_tls

USER, PASSWORD = "scan@bench.test", "marked-pa55word"
MODELS = ("ir2270", "estudio190f", "iradvance")


@define
class Script:
    """What a server says: an empty word closes the connection, None says nothing."""

    greeting: str | None = "220 relay.bench.test ESMTP"
    plain: tuple[str, ...] = ("STARTTLS", "SIZE 50000000", "AUTH PLAIN LOGIN")
    secured: tuple[str, ...] = ("SIZE 50000000", "AUTH PLAIN LOGIN")
    replies: dict[str, str | None] = Factory(dict)
    """By the first word of a command; AUTH's is what the exchange ends with, "AUTH LOGIN" one's."""
    tls: ServerTLS | None = field(factory=lambda: server_tls("TLS 1.0", "TLS 1.3"))
    said: list[str] = Factory(list)
    """Every line of every client."""
    mails: list[bytes] = Factory(list)
    wants_tls: bool = False
    """MAIL is refused in plain text."""
    sessions: int = 0
    implicit: bool = False
    """TLS begins with the connection."""


_SMTP = {
    "STARTTLS": "220 Go ahead",
    "AUTH": "235 Welcome",
    "MAIL": "250 OK",
    "RCPT": "250 OK",
    "DATA": "354 Go on",
    ".": "250 Taken",
    "RSET": "250 OK",
    "QUIT": "221 Bye",
}
_POP = {
    "STLS": "+OK",
    "USER": "+OK",
    "PASS": "+OK",
    "APOP": "+OK",
    "AUTH": "+OK",
    "STAT": "+OK 3 700",
    "QUIT": "+OK",
}


class _Session(LineReceiver):
    """What both protocols have."""

    usual: dict[str, str]

    def __init__(self, script: Script) -> None:
        self._script = script
        self._secured = False

    def connectionMade(self) -> None:
        self._script.sessions += 1
        if self._script.implicit:
            self._secured = True
            self.transport.startTLS(self._script.tls)
        self._say(self._script.greeting)

    def _say(self, words: str | None) -> None:
        if words == "":
            self.transport.loseConnection()
        elif words is not None:
            self.sendLine(words.encode())

    def _reply(self, verb: str) -> str | None:
        return self._script.replies.get(verb, self.usual.get(verb, self._unknown))

    def lineReceived(self, line: bytes) -> None:
        text = line.decode("latin-1")
        self._script.said.append(text)
        verb = text.split(" ")[0].upper()
        if verb in ("STARTTLS", "STLS"):
            reply = self._reply(verb)
            self._say(reply)
            if reply and reply[0] in "2+" and self._script.tls is not None:
                self._secured = True
                self.transport.startTLS(self._script.tls)
        else:
            self._take(verb, text)

    @property
    def _offers(self) -> tuple[str, ...]:
        return self._script.secured if self._secured else self._script.plain


class SMTPSession(_Session):
    """A session of a relay."""

    usual = _SMTP
    _unknown = "502 Not known"

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self._awaited = 0
        self._mechanism = ""
        self._mail: list[bytes] | None = None

    def lineReceived(self, line: bytes) -> None:
        if self._mail is not None:
            if line == b".":
                self._script.mails.append(b"\r\n".join(self._mail))
                self._mail = None
                self._say(self._reply("."))
            else:
                self._mail.append(line)
        elif self._awaited:
            self._script.said.append(line.decode("latin-1"))
            self._awaited -= 1
            self._say(_CHALLENGE if self._awaited else self._end_of_login())
        else:
            super().lineReceived(line)

    def _take(self, verb: str, text: str) -> None:
        if verb == "EHLO" and verb not in self._script.replies:
            lines = ["relay.bench.test", *self._offers]
            for line in lines[:-1]:
                self._say(f"250-{line}")
            self._say(f"250 {lines[-1]}")
        elif verb == "AUTH" and len(text.split()) == 2:
            self._mechanism = text.split()[1].upper()
            self._awaited = {"LOGIN": 2}.get(self._mechanism, 1)
            self._say(_USERNAME if self._awaited == 2 else _CHALLENGE)
        else:
            reply = self._reply(verb)
            if verb == "MAIL" and self._script.wants_tls and not self._secured:
                reply = "530 5.7.0 Must issue a STARTTLS command first"
            if verb == "DATA" and reply and reply.startswith("354"):
                self._mail = []
            self._say(reply)
            if verb == "QUIT":
                self.transport.loseConnection()

    def _end_of_login(self) -> str | None:
        return self._script.replies.get(f"AUTH {self._mechanism}") or self._reply("AUTH")


_USERNAME = "334 " + base64.b64encode(b"Username:").decode()
_CHALLENGE = "334 " + base64.b64encode(b"Password:").decode()


class POPSession(_Session):
    """A session of a maildrop."""

    usual = _POP
    _unknown = "-ERR not known"

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self._awaits_response = False

    def _take(self, verb: str, text: str) -> None:
        if self._awaits_response:
            self._awaits_response = False
            self._say(self._reply("AUTH"))
        elif verb == "CAPA":
            for line in ("+OK", *self._offers, "."):
                self._say(line)
        elif verb == "AUTH" and len(text.split()) == 2:
            self._awaits_response = True
            self._say("+ " + base64.b64encode(b"<1.2@bench.test>").decode())
        else:
            self._say(self._reply(verb))
            if verb == "QUIT":
                self.transport.loseConnection()


class ScriptFactory(ServerFactory):
    """Makes the sessions of a server."""

    noisy = False

    def __init__(self, session: type[_Session], script: Script) -> None:
        self._session = session
        self._script = script

    def buildProtocol(self, addr: object) -> Any:
        return self._session(self._script)


def serve(test: TestCase, session: type[_Session], script: Script) -> int:
    """Let such a server listen until the test ends; return its port."""
    from twisted.internet import reactor

    port = reactor.listenTCP(0, ScriptFactory(session, script), interface="127.0.0.1")  # type: ignore[attr-defined]
    test.addCleanup(port.stopListening)
    number: int = port.getHost().port
    return number


def order(url: str, **changes: Any) -> Order:
    """Return an order for one model, with a login."""
    models: tuple[str | Model, ...] = changes.pop("models", ("ir2270",))
    given: dict[str, Any] = {
        "sender": USER,
        "recipients": ("me@bench.test",),
        "user": USER,
        "password": PASSWORD,
        "pause": 0.0,
        "patience": 10,
        "dry_run": True,
        **changes,
    }
    loaded = tuple(load_model(one) if isinstance(one, str) else one for one in models)
    return Order(target=read_target(url), models=loaded, **given)


async def probed(order: Order) -> Report:
    """Make a probe."""
    from twisted.internet import reactor

    return await Probe(order, reactor, time.time).run()  # type: ignore[arg-type]


async def probe_relay(test: TestCase, script: Script, **changes: Any) -> Report:
    """Let models meet a relay of this script."""
    port = serve(test, SMTPSession, script)
    scheme = "smtps" if script.implicit else "smtp"
    return await probed(order(f"{scheme}://127.0.0.1:{port}", **changes))


async def probe_maildrop(test: TestCase, script: Script, **changes: Any) -> Report:
    """Let models meet a POP server of this script."""
    port = serve(test, POPSession, script)
    scheme = "pop3s" if script.implicit else "pop3"
    return await probed(order(f"{scheme}://127.0.0.1:{port}", **changes))
