r"""Plays a conversation from a text file with the machine: what the machine says is compared.

The form of the files (tests/transcripts/*.txt) is the one that a session's
transcript is shown in, so that what was seen on a bench can be put here:

    # what the conversation shows, and where that stands
    kind: smtp                        or pop, or send: what the machine does
    model: ir2270
    setting: authent_encryption.allow_ssl_smtp_receive = ssl
    limit: errors = 3
    sending: helo = bare              of [sending] in the configuration
    S: 220 ir2270.bench.test ESMTP ready
    C: EHLO scanner.bench.test
    S: ...                            any lines of the server's
    -- TLS                            a handshake that succeeds
    -- TLS fails                      the peer has no cipher in common
    -- TLS wants a certificate        the peer goes no further without one of the machine's
    -- lost                           the peer vanishes
    -- idle 300                       so many seconds pass
    -- closed                         the machine has closed the connection
    status: SSL Error (SMTP RX Reject)
    result: NG #810                   as the journal has it
    reason: timed out                 words of its reason in the journal
    memory: 1                         mails
    to: b@bench.test, c@bench.test    for whom the mail is that the machine sends
    token: ya29                       the access token for XOAUTH2; none without it
    outcome: b@bench.test #806        what became of it; OK where it was handed over
    auth: CRAM-MD5                    the login that succeeded, as the journal has it
    choice: offered LOGIN; ...        why that mechanism
    note: the mail goes in plain text a line of the transcript's own
    played: whole                     not octet by octet too (say why)

Where the machine speaks, "..." stands for any text, and \n at the end of a line for LF
instead of CR LF. The peer's lines may hold \n, \r and \0 as in Python.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.trial import unittest
from zope.interface import implementer

from irsend.interfaces import Mailbox
from irsend.message.prefixed_file import PrefixedFile
from irsend.services.send.delivery import Delivery, Login, Server
from irsend.services.send.delivery_results import DeliveryResult
from tests.parts import Parts, key_material, mails_in, make_parts
from tests.wire import PullWire, Wire, old_tls

_NO_COMMON_CIPHER = "ECDHE-RSA-CHACHA20-POLY1305:@SECLEVEL=0"


@implementer(IStreamClientEndpoint)
class _ToTheTest:
    """Connects the machine to the test instead of a server."""

    def __init__(self, play: Play) -> None:
        self._play = play

    def connect(self, factory: Any) -> Deferred[Any]:
        protocol = factory.buildProtocol(None)
        self._play.wire = PullWire(protocol, protocol_is_client=True)
        connected: Deferred[Any] = Deferred()
        self._play.wire.connect()
        connected.callback(protocol)
        return connected


class Play:
    """One performance of one file."""

    wire: Wire

    def __init__(self, case: unittest.TestCase, file: Path, *, piecewise: bool) -> None:
        self._case = case
        self._piecewise = piecewise
        self._lines = [line for line in file.read_text("utf-8").split("\n") if line.strip()]
        directions = [line.partition(":") for line in self._lines if re.match(r"[a-z]+:", line)]
        told = [(name, value.strip()) for name, _, value in directions]
        self._kind = dict(told).get("kind", "smtp")
        self._machine, self._peer = ("S", "C") if self._kind == "smtp" else ("C", "S")
        to = dict(told).get("to", "b@bench.test")
        self._recipients = tuple(mailbox(one.strip()) for one in to.split(","))
        self._token = dict(told).get("token", "").encode("ascii")
        limits = {k.strip(): int(v) for k, v in _pairs(told, "limit")}
        self.parts: Parts = make_parts(
            Path(case.mktemp()),
            model=dict(told).get("model", "ir2270"),
            settings={**_SETTINGS, **dict(_pairs(told, "setting"))},
            capacity=int(dict(told).get("capacity", "10000000")),
            **limits,
        )
        self.parts.configure("sending", **dict(_pairs(told, "sending")))
        self._said = b""
        self._outcomes: dict[Mailbox, DeliveryResult] = {}

    def perform(self) -> None:
        """Play it from its first line to its last."""
        if self._kind == "smtp":
            listener = self.parts.smtp_listener()
            self.wire = Wire(listener._session())
            self.wire.connect()
        elif self._kind == "send":
            self._session = self.parts.smtp_client_session(
                Server(name="smtp.bench.test", endpoint=_ToTheTest(self)),
                Delivery(
                    sender=mailbox("ir@bench.test"),
                    recipients=self._recipients,
                    parts=[lambda _: PrefixedFile(b"", io.BytesIO(_MESSAGE), 0, len(_MESSAGE))],
                ),
                Login(user="tim", password="tanstaaftanstaaf"),
                (lambda: succeed(self._token)) if self._token else None,
            )
            delivered = Deferred.fromCoroutine(self._session.deliver())
            delivered.addCallback(self._outcomes.update)
        else:
            self.parts.network.connect = lambda *_: _ToTheTest(self)
            pop_sessions = self.parts.pop_sessions()
            pop_sessions.running = 1
            self.parts.pop_poller(pop_sessions).receive()
        for number, line in enumerate(self._lines):
            try:
                self._play_line(line)
            except self._case.failureException as error:
                raise self._case.failureException(
                    f"line {number + 1}, {line!r}: {error}"
                ) from None
        said = self._heard()
        # A handshake that nobody answered, or that did not begin, stands in no transcript.
        if not said.startswith((b"\x16\x03", b"\x15\x03")):
            self._case.assertEqual(said, b"", "the machine said more than the transcript has")
        self._check_reasons()

    def _check_reasons(self) -> None:
        """Whatever happened: a job that is NG has the words of its session."""
        sessions = self._case.successResultOf(self.parts.journal.sessions(9))
        reasons = {session.id: session.reason for session in sessions}
        for job in self._case.successResultOf(self.parts.journal.jobs(9)):
            if job.result == "NG":
                self._case.assertEqual([job.reason], [reasons[one] for one in job.sessions])
                self._case.assertNotEqual(job.reason, "")

    def _play_line(self, line: str) -> None:
        if line.startswith(f"{self._peer}: ") or line == f"{self._peer}:":
            said = line[3:].encode("latin-1").decode("unicode_escape").encode("latin-1")
            # What the peer says in one go is in one segment.
            self._say(said + b"\r\n")
        elif line.startswith(f"{self._machine}: "):
            self._expect(line[3:])
        elif line.startswith("-- "):
            self._flush()
            self._happen(line[3:])
        elif not line.startswith("#"):
            self._flush()
            self._check(*line.split(":", 1))

    _waiting = b""

    def _say(self, octets: bytes) -> None:
        self._waiting += octets

    def _flush(self) -> None:
        octets, self._waiting = self._waiting, b""
        if octets:
            self.wire.deliver(octets, piecewise=self._piecewise)

    def _heard(self) -> bytes:
        self._flush()
        self._said += self.wire.taken()
        return self._said

    def _expect(self, pattern: str) -> None:
        if pattern == "...":
            # The rest of an answer of several lines.
            self._heard()
            while re.match(rb"[0-9]{3}-", self._said):
                self._said = self._said.partition(b"\r\n")[2]
            self._said = self._said.partition(b"\r\n")[2]
            return
        line_end = b"\n" if pattern.endswith("\\n") else b"\r\n"
        pattern = pattern.removesuffix("\\n")
        line, end, rest = self._heard().partition(line_end)
        self._case.assertTrue(end, f"the machine said nothing more than {self._said!r}")
        form = ".*".join(re.escape(part) for part in pattern.split("..."))
        self._case.assertRegex(line.decode("ascii"), f"^{form}$")
        self._said = rest

    def _happen(self, what: str) -> None:
        match what.split():
            case ["TLS", "fails"]:
                context = old_tls(_NO_COMMON_CIPHER, newest=SSL.TLS1_2_VERSION)
                self._case.assertFalse(self._shake(context))
            case ["TLS", "wants", "a", "certificate"]:
                context = old_tls()
                wanted = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
                context.set_verify(wanted, lambda *_: True)
                self._case.assertFalse(self._shake(context))
            case ["TLS", *_]:
                self._case.assertTrue(self._shake(old_tls()), self.wire.peer_error)
            case ["lost"]:
                self.wire.lose()
            case ["idle", seconds]:
                self.parts.clock.advance(float(seconds))
                self._heard()
            case ["closed"]:
                self._heard()
                self._case.assertTrue(self.wire.closed)
            case _:
                self._case.fail(f"what is {what!r}?")

    def _shake(self, context: SSL.Context) -> bool:
        server = self._kind != "smtp"
        if server:
            key = key_material()
            context.use_certificate(key.certificate)
            context.use_privatekey(key.key)
        return self.wire.peer_begins_tls(context, server=server)

    def _check(self, what: str, value: str) -> None:
        value = value.strip()
        self._heard()
        match what:
            case "status":
                self._case.assertEqual(self.parts.device.status.text, value)
            case "memory":
                self._case.assertEqual(len(mails_in(self.parts)), int(value))
            case "result":
                session = self._case.successResultOf(self.parts.journal.sessions(1))[0]
                shown = " ".join(filter(None, [session.result, session.code]))
                self._case.assertEqual(shown, value, session.reason)
            case "outcome":
                address, _, wanted = value.partition(" ")
                outcome = self._outcomes[mailbox(address)]
                self._case.assertEqual(outcome.code or "OK", wanted, outcome.reason)
            case "reason":
                session = self._case.successResultOf(self.parts.journal.sessions(1))[0]
                self._case.assertIn(value, session.reason)
            case "auth" | "choice":
                session = self._case.successResultOf(self.parts.journal.sessions(1))[0]
                self._case.assertEqual(getattr(session, what) or "none", value)
            case "note":
                session = self._case.successResultOf(self.parts.journal.sessions(1))[0]
                lines = self._case.successResultOf(self.parts.journal.transcript(session.id))
                notes = [line.text for line in lines if line.speaker == "-"]
                self._case.assertIn(value, notes)
            case (
                "kind"
                | "model"
                | "to"
                | "sending"
                | "setting"
                | "limit"
                | "capacity"
                | "played"
                | "token"
            ):
                pass
            case _:
                self._case.fail(f"what is {what!r}?")


# What the machine sends where it sends: a dot at the beginning of a line is doubled.
_MESSAGE = b"Subject: Attached Image\r\n\r\n.\r\n"

_SETTINGS: dict[str, object] = {
    "email_ifax.smtp_receive": True,
    "email_ifax.pop": True,
    "email_ifax.pop_server": "pop.bench.test",
    "email_ifax.pop_address": "ir",
    "email_ifax.pop_password": "bench",
}


def mailbox(address: str) -> Mailbox:
    """Return the mailbox of a plain address."""
    local, _, domain = address.encode("ascii").partition(b"@")
    return Mailbox(local, domain)


def _pairs(told: list[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    found = [value.partition("=") for key, value in told if key == name]
    return [(key.strip(), value.strip()) for key, _, value in found]
