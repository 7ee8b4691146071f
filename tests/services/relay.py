"""An SMTP server of a test's own, in memory, and a machine's sending part before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet import error
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.trial import unittest
from zope.interface import implementer

from irsend.device.jobs import Job
from irsend.device.send_order import Original, read_order
from irsend.device.sessions import Session
from irsend.message.parsed_message import Problem
from irsend.services.receive.dispatch import Dispatch
from irsend.services.received_mail import ReceivedMail
from irsend.services.send.attempt import AttemptParts
from irsend.services.send.full_mode import FullMode
from irsend.services.send.job_submission import JobSubmission
from irsend.services.send.scanner import Scan, ScanOrder
from irsend.services.send.send_queue import SendQueue
from irsend.store.outbox import Outbox
from irsend.store.receiver_features import ReceiverFeatures
from tests.parts import at_once, make_parts, make_retention
from tests.wire import PullWire

ANSWERS = {
    "EHLO": "250-relay.bench.test\r\n250 DSN",
    "MAIL": "250 OK",
    "RCPT": "250 OK",
    "DATA": "354 Go on",
    ".": "250 Queued",
    "RSET": "250 OK",
    "QUIT": "221 Bye",
}


class _Connection(PullWire):
    """One connection of the machine's to the relay."""

    def __init__(self, relay: Relay, protocol: Any) -> None:
        super().__init__(protocol, protocol_is_client=True)
        self._relay = relay
        self._received = b""
        self._content: bytes | None = None

    def sent_raw(self, octets: bytes) -> None:
        self._received += octets
        self._relay.later(self._answer)

    def say(self, line: str) -> None:
        """Let the relay say something."""
        if not self.closed:
            self.deliver(line.encode() + b"\r\n")

    def _answer(self) -> None:
        while True:
            if self._content is not None:
                content, end, rest = self._received.partition(b"\r\n.\r\n")
                if not end:
                    return
                self._relay.mails.append((content + b"\r\n").replace(b"\r\n..", b"\r\n."))
                self._content, self._received = None, rest
                self.say(self._relay.reply_to("."))
                continue
            line, end, rest = self._received.partition(b"\r\n")
            if not end:
                return
            self._received = rest
            self._relay.commands.append(line.decode())
            answer = self._relay.reply_to(line.decode())
            if answer.startswith("354"):
                self._content = b""
            if answer:
                self.say(answer)


@define(eq=False)
class Relay:
    """What the server answers, and what it received."""

    later: Callable[[Callable[[], None]], Any]
    answers: dict[str, str] = field(factory=lambda: dict(ANSWERS))
    """By the beginning of what is said; the longest that fits counts. Empty: no answer."""
    commands: list[str] = field(factory=list)
    mails: list[bytes] = field(factory=list)
    connections: list[_Connection] = field(factory=list)
    destinations: list[tuple[str, int]] = field(factory=list)
    """Host and port of each connection."""
    refuses: Exception | Deferred[Any] | None = None
    """How a connection ends before it is there, now or when this fires."""

    def reply_to(self, line: str) -> str:
        """Return what is answered."""
        fitting = [word for word in self.answers if line.upper().startswith(word.upper())]
        return self.answers[max(fitting, key=len)] if fitting else "500 What?"

    def endpoint(self, host: str, port: int, _: float) -> IStreamClientEndpoint:
        """Take the place of a bench's own endpoint."""
        self.destinations.append((host, port))
        relay = self

        @implementer(IStreamClientEndpoint)
        class Endpoint:
            def connect(self, factory: Any) -> Deferred[Any]:
                if isinstance(relay.refuses, Deferred):
                    return relay.refuses
                if relay.refuses is not None:
                    return fail(relay.refuses)
                protocol = factory.buildProtocol(None)
                connection = _Connection(relay, protocol)
                relay.connections.append(connection)
                connection.connect()
                relay.later(lambda: connection.say("220 relay.bench.test ESMTP"))
                return succeed(protocol)

        return Endpoint()


class OnePageScanner:
    """Scans nothing: each order has one page, the same."""

    PAGE = b"II*\0 a page \r\n.\r\n" * 10

    def scan(self, order: ScanOrder, progress: Callable[[int, int], None]) -> Deferred[Scan]:
        """Write the page where it is to be."""
        path = order.into / "scan.tif"
        path.write_bytes(self.PAGE)
        progress(1, 1)
        return succeed(Scan(files=(path,), type="image/tiff", pages=1))


def results(job: Job) -> list[str]:
    """Return the result of a job and of each recipient, as people read them."""
    return [" ".join(filter(None, (one.result, one.code))) for one in (job, *job.recipients)]


REFUSED = error.ConnectionRefusedError("refused")
NOT_FOUND = error.DNSLookupError("no such name")


@define
class _POPSessions:
    """POP AUTH before Sending, answered by the test."""

    log_in: Callable[[], Deferred[Session]]


@define
class _PrintQueue:
    """Prints nothing: keeps the jobs of the mails that are no notifications."""

    jobs: list[Job] = field(factory=list)

    def enqueue(self, mail: ReceivedMail, instead: Problem | None = None) -> None:
        """Keep the job."""
        self.jobs.append(mail.job)


class _Reassembly:
    """No mail of these tests comes in parts."""

    def start_timeouts(self) -> None:
        """Do nothing."""


class SendingCase(unittest.TestCase):
    """A machine's sending on a bench whose clock the test moves."""

    model = "ir2270"
    on_disk = staticmethod(at_once)
    settings: dict[str, object] = {
        "email_ifax.email_address": "ir@bench.test",
        "email_ifax.smtp_server": "relay.bench.test",
    }

    def setUp(self) -> None:
        """Switch it on."""
        self.directory = Path(self.mktemp())
        self.parts = make_parts(self.directory, model=self.model, settings=self.settings)
        self.relay = Relay(lambda work: self.parts.clock.callLater(0, work))
        self.parts.network.connect = self.relay.endpoint
        self.pop_logins: list[Deferred[Session]] = []
        self.switch_on()

    def switch_on(self) -> None:
        """Put the parts together on the same directory, as after a restart."""
        self.outbox = Outbox(self.directory / "outbox", at_once)
        entries = self.outbox.open_directory()
        self.receiver_features = ReceiverFeatures(self.directory / "receivers.json")
        self.receiver_features.open()
        parts = self.parts
        self.full_mode = FullMode(
            clock=parts.clock,
            device=parts.device,
            journal=parts.journal,
            outbox=self.outbox,
            receiver_features=self.receiver_features,
        )
        self.send_queue = self.make_send_queue(OnePageScanner())
        self.print_queue = _PrintQueue()
        nobody: Any = None
        parts.dispatch = Dispatch(
            clock=parts.clock,
            device=parts.device,
            memory=parts.memory,
            journal=parts.journal,
            on_disk=self.on_disk,
            print_queue=self.print_queue,  # type: ignore[arg-type]
            reassembly=_Reassembly(),  # type: ignore[arg-type]
            full_mode=self.full_mode,
            notifier=nobody,
            retention=make_retention(
                parts.device, parts.memory, parts.journal, parts.configuration, parts.clock
            ),
        )
        self.full_mode.recover(entries)
        for job in self.in_memory():
            parts.dispatch.mail_recovered(job)
        self.send_queue.recover([one for one in entries if one.awaited_until is None])
        self.full_mode.startService()
        parts.dispatch.startService()
        self.send_queue.startService()

    def make_send_queue(self, scanner: Any) -> SendQueue:
        """Return a send queue with this scanner."""
        parts = self.parts
        return SendQueue(
            journal=parts.journal,
            submission=JobSubmission(
                device=parts.device,
                memory=parts.memory,
                configuration=parts.configuration,
                outbox=self.outbox,
                scanner=scanner,
                receiver_features=self.receiver_features,
                on_disk=self.on_disk,
            ),
            full_mode=self.full_mode,
            attempts=AttemptParts(
                clock=parts.clock,
                device=parts.device,
                configuration=parts.configuration,
                outbox=self.outbox,
                sessions=parts.sessions,
                network=parts.network,
                pop_sessions=_POPSessions(self._log_in),  # type: ignore[arg-type]
                on_disk=self.on_disk,
                blocking=at_once,
            ),
        )

    def in_memory(self) -> list[Job]:
        """Return the jobs of the mails in memory."""
        jobs = self.successResultOf(self.parts.journal.jobs(1000))
        return [one for one in jobs if one.mail_file is not None and one.ended is None]

    def switch_off(self) -> None:
        """Switch it off in order."""
        parts = (self.send_queue, self.parts.dispatch, self.full_mode)
        stopped = [one.stopService() for one in parts]
        self.settle()
        for one in stopped:
            if one is not None:
                self.successResultOf(one)

    def _log_in(self) -> Deferred[Session]:
        self.pop_logins.append(Deferred())
        return self.pop_logins[-1]

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(60):
            self.parts.clock.advance(0)
            for connection in self.relay.connections:
                connection._settle()

    def send(self, *to: str, **words: object) -> Job:
        """Order a sending; return the job as it is accepted."""
        page = Original(path=self.directory / "page.tif", name="page.tif")
        given: dict[str, object] = {
            "to": list(to or ("b@bench.test",)),
            "format": "tiff",
            **words,
        }
        return self.successResultOf(
            self.send_queue.send(read_order(self.parts.device, [page], given))
        )

    def job(self, number: str = "0001") -> Job:
        """Return a job as the journal has it."""
        return self.successResultOf(self.parts.journal.job(number))
