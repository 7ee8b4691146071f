"""What the services of one machine share: device, memory, journal, clock, limits, transcripts.

A value that `machine` makes and hands in; it does nothing itself but keep the
transcripts of the sessions under way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, execute, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

from irsend.configuration_sections import Limits, Printing, Sending
from irsend.device.device import Device
from irsend.device.jobs import Job, Recipient
from irsend.device.sessions import Session, SessionKind, SessionResult
from irsend.device.status import StatusText
from irsend.link.endpoints import LinkClientEndpoint, LinkServerEndpoint
from irsend.link.enforcement import Nothing
from irsend.link.link import Link
from irsend.message.summary import sender_of, subject_of
from irsend.protocols.tls import ServerTLS
from irsend.protocols.transcript import Transcript
from irsend.store.journal import Journal
from irsend.store.memory import Memory


@define(eq=False)
class Bench:
    """The parts that every session of the machine needs."""

    device: Device
    memory: Memory
    journal: Journal
    clock: Any
    """The reactor: IReactorTime, IReactorTCP, IReactorPluggableNameResolver."""
    limits: Limits
    names: tuple[str, ...]
    """The machine's names and addresses."""
    trust: str = ""
    sending: Sending = field(factory=Sending)
    printing: Printing = field(factory=Printing)
    on_disk: Callable[[Callable[[], Any]], Deferred[Any]] = execute
    """Runs what waits for the disk in a thread."""
    apart: Callable[[Callable[[], Any]], Deferred[Any]] = execute
    """Runs what may wait for somebody outside without end in a thread that nobody waits for."""
    link: Link = field(factory=lambda: Link(Nothing()))
    """The wire that the machine is on."""
    connect: Callable[[str, int, float], IStreamClientEndpoint] | None = None
    """Makes the endpoint for host, port and timeout in seconds; None: by name over TCP, on the wire."""
    server_tls: ServerTLS | None = None
    """Answers STARTTLS; None while there is no usable key."""
    transcripts: dict[int, Transcript] = field(factory=dict)
    """Of the sessions under way, by id."""
    received: Callable[[Job, bytes], None] = lambda *_: None
    """Hears of each mail that is safe in memory, with its first octets."""

    @property
    def host(self) -> str:
        """The name that the machine greets with."""
        words = (
            name
            for name in self.names
            if not name.replace(".", "").isdigit() and ":" not in name
        )
        return next(words, self.device.model.name)

    def client_endpoint(self, host: str, port: int, timeout: float) -> IStreamClientEndpoint:
        """Return what connects the machine to a server."""
        if self.connect is not None:
            return self.connect(host, port, timeout)
        return LinkClientEndpoint(
            self.clock,
            self.link,
            lambda reactor: HostnameEndpoint(reactor, host, port, timeout=timeout),
        )

    def server_endpoint(
        self, make: Callable[[Any], IStreamServerEndpoint]
    ) -> LinkServerEndpoint:
        """Return what listens on the wire by the endpoint that is made."""
        return LinkServerEndpoint(self.clock, self.link, make)

    def mac_behind(self, endpoint: IStreamClientEndpoint) -> Deferred[str | None]:
        """Fire with the MAC address of what an endpoint has tried to reach; None where it is not known."""
        address: str | None = getattr(endpoint, "address", None)
        if address is None:
            return succeed(None)
        return self.on_disk(lambda: self.link.mac_of_address(address))

    def begin_session(
        self, kind: SessionKind, peer: str, mac: str | None = None
    ) -> tuple[Session, Transcript]:
        """Open a session with its transcript."""
        session = self.device.session_began(kind, peer, mac)
        transcript = Transcript(self.device.now, self.limits.transcript_lines)
        self.transcripts[session.id] = transcript
        return session, transcript

    def end_session(
        self,
        session: Session,
        *,
        reason: str = "",
        code: str | None = None,
        status: StatusText | None = None,
        **changes: Any,
    ) -> Session:
        """Close a session: OK without a reason, else NG; keep its transcript.

        `status` comes on the status line; a session that brought mail, or had
        nothing to say against, takes off it what its kind brought there before.
        """
        if status is not None:
            self.device.show_status(status, session.id)
        result: SessionResult = "NG" if reason or status else "OK"
        transcript = self.transcripts.pop(session.id)
        self.journal.keep_transcript(session.id, transcript.lines)
        return self.device.session_ended(
            session,
            result,
            succeeded=result == "OK"
            and (changes.get("messages", 0) > 0 or session.kind == "pop-receive"),
            reason=reason,
            code=code,
            status_line=status.value if status else "",
            **changes,
        )

    def mail_kept(
        self,
        name: str,
        beginning: bytes,
        sender: str,
        session: int | None,
        recipients: tuple[str, ...] = (),
    ) -> Job:
        """Make the job of a mail that is safe in memory, and have it printed."""
        job = self.device.job_accepted(
            "rx",
            sender or sender_of(beginning),
            subject=subject_of(beginning),
            recipients=tuple(Recipient(address=one) for one in recipients),
            held_as=name,
            sessions=(session,) if session is not None else (),
        )
        self.received(job, beginning)
        return job

    def delete_mails(self, names: Sequence[str]) -> Deferred[None]:
        """Free what mails take; fires when none of them can come back after a crash. OSError."""
        return self.on_disk(lambda: self.memory.unlink(names)).addCallback(
            lambda _: self.memory.forget(names)
        )
