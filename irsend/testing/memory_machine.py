"""A machine in memory, for tests of protocols: no file, no port, no thread, no process, a `Clock`.

It receives by SMTP and by POP, sends mails without pages, and has settings, status line,
journal and transcripts as any machine has. What needs a worker process or a real
connection it cannot do: print, scan, TLS, the MAC address filter, panel and mail host.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from irsend.configuration_sections import IN_MEMORY
from irsend.device.events import Event, JobChanged
from irsend.device.jobs import Job
from irsend.device.send_order import Original
from irsend.device.sessions import Session
from irsend.device.windows import SSLPolicy
from irsend.errors import ValueRefused
from irsend.link.enforcement import Nothing
from irsend.services.keyring import POLICY
from irsend.services.machine.machine import Machine
from irsend.services.machine.makers import Makers
from irsend.services.print.print_pool import NoPrintPool
from irsend.services.send.scanner import Scan, Scanner, ScanOrder
from irsend.testing import transcript_assertions
from irsend.testing.memory_network import MACHINE, MemoryNetwork, Wires
from irsend.testing.printer_configuration import printer_configuration, whole_keys
from irsend.testing.ram_storage import RAMStorage
from irsend.testing.received import Mail, ReceivedMail
from irsend.testing.transcripts import read_transcripts

T = TypeVar("T")

_BEGINS = 1_234_567_890.0
"""The time of the machine when its clock is at 0, in seconds since the epoch."""


class MemoryMachine:
    """A machine that runs from the time it is made, until `stop`.

    Options are those of `irsend.testing.machine`, as far as they concern what it can do;
    raises IrsendError for what cannot be.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        model: str = "ir2270",
        limits: Mapping[str, object] | None = None,
        sending: Mapping[str, object] | None = None,
        hostnames: tuple[str, ...] = ("localhost", MACHINE.host),
        assignments: tuple[str, ...] = (),
        **settings: object,
    ) -> None:
        self.clock = clock or Clock()
        """Moves on by `advance` alone."""
        self._wires = Wires(self.clock)
        reactor: Any = _Reactor(self.clock)
        begins = _BEGINS - self.clock.seconds()
        configured = printer_configuration(
            state=IN_MEMORY,
            model=model,
            accounts=None,
            sections={
                "limits": limits,
                "sending": sending,
                "printing": {"loaded": False, "workers": 0},
            },
            hostnames=hostnames,
            settings=settings,
            assignments=assignments,
        )
        # There are no frames, so no way to filter them is looked for.
        link = attrs.evolve(configured.link, way=Nothing.name)
        self._machine = Machine(
            attrs.evolve(configured, link=link),
            reactor,
            lambda: begins + self.clock.seconds(),
            lambda *_: NoPrintPool(),
            Makers(
                storage=self._make_storage,
                network=lambda **parts: MemoryNetwork(self._wires, **parts),
                scanner=_EmptyGlass,
            ),
        )
        self.device = self._machine.device
        """Its settings, status line and sessions under way."""
        _refuse_tls(self._machine.configuration.settings)
        self._received: dict[int, Job] = {}
        self.device.observe(self._notice)
        self._machine.acquire()
        self._machine.startService()

    def _make_storage(self, *given: Any) -> RAMStorage:
        self._storage = RAMStorage(*given)
        return self._storage

    def _notice(self, event: Event) -> None:
        if isinstance(event, JobChanged) and event.job.direction == "rx":
            self._received[event.job.serial] = event.job

    def stop(self) -> None:
        """Switch it off: sessions under way end with 421."""
        stopped = self._machine.stopService()
        self.flush()
        self.result_of(stopped)

    # -- connections --------------------------------------------------------------

    def connect(self, client: IProtocol | None = None) -> Conversation:
        """Connect to the machine's SMTP reception; without a protocol of one's own, by hand.

        Raises ConnectionRefusedError while SMTP Receive is off.
        """
        if self._wires.listening is None:
            raise ConnectionRefusedError("the machine does not listen: SMTP Receive is off")
        server = self._wires.listening.buildProtocol(MACHINE)
        conversation = Conversation(self)
        assert server is not None
        self._wires.connect(server, client or conversation, MACHINE)
        self.flush()
        return conversation

    def serve(self, host: str, port: int, make: Callable[[], IProtocol]) -> None:
        """Have the machine find a server at this address: `make` makes the protocol of a connection."""
        self._wires.servers[host, port] = make

    def flush(self) -> None:
        """Move octets until nothing moves any more; the time stands still."""
        self._wires.flush()

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.clock.advance(seconds)
        self.flush()

    def result_of(self, deferred: Deferred[T]) -> T:
        """Return what a Deferred has fired with, or raise what it failed with.

        AssertionError where it has not fired: it waits for time to pass, or for a peer.
        """
        self.flush()
        fired: list[T | Failure] = []

        def look(outcome: T | Failure) -> T | Failure:
            fired.append(outcome)
            return outcome

        deferred.addBoth(look)
        if not fired:
            raise AssertionError("this has not ended: it waits for the clock, or for a peer")
        [outcome] = fired
        if isinstance(outcome, Failure):
            deferred.addErrback(lambda _: None)
            outcome.raiseException()
        return outcome

    # -- its keys -----------------------------------------------------------------

    def set(self, **settings: object) -> None:
        """Change settings at the machine, all or none."""
        given = whole_keys(self.device.model, settings)
        _refuse_tls(self.device.model.read_settings(given))
        self._machine.control.change_settings(given)
        self.flush()

    def clear_status(self) -> None:
        """Clear the status line."""
        self.result_of(self._machine.control.clear_status())

    def poll(self) -> Deferred[Session]:
        """Fetch mail from the POP server; fires with the session when it has ended."""
        polled = self._machine.control.receive()
        self.flush()
        return polled

    def send(self, to: str, *, subject: str = "", text: str = "") -> Deferred[Job]:
        """Send a mail without pages; fires with the job when it has ended."""
        control = self._machine.control
        nothing = Original(path=Path(), name="nothing")
        order = control.read_order([nothing], {"to": [to], "subject": subject, "text": text})
        job = self.result_of(control.send(order))
        ended = control.job_ended(job.number)
        self.flush()
        return ended

    # -- its state ----------------------------------------------------------------

    @property
    def status(self) -> str:
        """The text on the status line; empty when nothing is wrong."""
        return self.device.status.text

    @property
    def mails(self) -> list[ReceivedMail]:
        """The mails it has received, oldest first."""
        contents = self._storage.memory.contents
        return [
            ReceivedMail.of(Mail(job.number, contents[job.mail_file]))
            for job in self._received.values()
            if job.mail_file in contents
        ]

    def transcripts(self) -> list[str]:
        """Return what was said in each session, oldest first."""
        return self.result_of(Deferred.fromCoroutine(read_transcripts(self._machine.control)))

    def assert_said(self, *said: str) -> None:
        """Fail unless lines with these texts were said in one session, in this order."""
        transcript_assertions.assert_said(self.transcripts(), *said)

    def assert_not_said(self, *said: str) -> None:
        """Fail where a line with one of these texts was said."""
        transcript_assertions.assert_not_said(self.transcripts(), *said)


class Conversation(Protocol):
    """A connection to the machine's SMTP reception, spoken by hand."""

    def __init__(self, machine: MemoryMachine) -> None:
        self._machine = machine
        self._received = b""
        self.closed = False
        """The machine has closed it."""

    def dataReceived(self, data: bytes) -> None:
        """Keep what the machine says."""
        self._received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note the end."""
        self.closed = True

    def said(self) -> str:
        """Return what the machine has said since the last call."""
        received, self._received = self._received, b""
        return received.decode("utf-8", "surrogateescape")

    def say(self, octets: bytes) -> str:
        """Send these octets; return what the machine answers at once."""
        assert self.transport is not None
        self.transport.write(octets)
        self._machine.flush()
        return self.said()

    def hang_up(self) -> None:
        """Close the connection."""
        assert self.transport is not None
        self.transport.loseConnection()
        self._machine.flush()


class _EmptyGlass(Scanner):
    """Scans no page: the mails that are sent have a text only."""

    def scan(self, order: ScanOrder, progress: Callable[[int, int], None]) -> Deferred[Scan]:
        return succeed(Scan(files=(), type="image/tiff", pages=0))


class _Reactor:
    """The clock of a machine in memory, and a refusal of all else that a reactor does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds = clock.seconds
        self.callLater = clock.callLater
        self.getDelayedCalls = clock.getDelayedCalls

    def callFromThread(self, call: Callable[..., object], *of: object, **more: object) -> None:
        """Call in the next turn: of `run_blocking`, whose work runs in a thread."""
        self._clock.callLater(0, call, *of, **more)

    def spawnProcess(self, *_: object, **__: object) -> None:
        """Refuse."""
        raise OSError(errno.EPERM, "a machine in memory starts no process")


def _refuse_tls(changes: Mapping[str, object]) -> None:
    """Raise ValueRefused for a change that needs TLS."""
    if changes.get(POLICY, SSLPolicy.OFF) is not SSLPolicy.OFF:
        raise ValueRefused(POLICY, "a machine in memory has no TLS; allowed: off")
