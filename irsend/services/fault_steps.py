"""The faults of one session: an object that listens at its steps, and commits what is ordered there.

The protocols name their steps to it (`interfaces.ISteps`) and know nothing of faults.
`fault_orders` makes one for a session where an order is in force.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from irsend.device.faults import MAILHOST_POP, SERVERS, Fault
from irsend.interfaces import ISteps, ITranscript, Mailbox, Reply
from irsend.protocols.smtp_grammar import GrammarError, parse_path
from irsend.services.faulty_transport import Certified, FaultyTransport
from irsend.services.timer import Timer

_TEXT = "Fault on purpose"
_CLOSING = 421
# How the message behind RETR ends when it is written.
_END_MARKS = (b".\r\n", b"\r\n.\r\n")


class OrderInForce(Protocol):
    """An order, and how often it still happens."""

    fault: Fault

    def happens(self) -> bool:
        """Say whether it happens this time; counts it."""


def _nothing() -> None:
    """Do nothing."""


def _without_mark(octets: bytes) -> bytes:
    """Return the last of a message without its end mark."""
    return octets.removesuffix(b".\r\n")


@implementer(ISteps)
class FaultSteps:
    """Listens at the steps of one session. `happened` is called with each fault that happens."""

    def __init__(
        self,
        role: str,
        orders: list[OrderInForce],
        *,
        transcript: ITranscript,
        clock: IReactorTime,
        happened: Callable[[Fault], None],
        certified: Callable[[str], Certified],
        restart: Callable[[float], None],
        magic: Callable[[Mailbox], OrderInForce | None] | None,
    ) -> None:
        self._role = role
        self._orders = orders
        self._transcript = transcript
        self._clock = clock
        self._happened = happened
        self._certified = certified
        self._restart = restart
        self._magic = magic
        self._wait = Timer(clock)
        self._go_on: Callable[[], None] = _nothing
        self._silent = False
        self.met: list[Fault] = []
        """The faults that have happened, in order."""

    @property
    def serving(self) -> bool:
        """True in the role of a server."""
        return self._role in SERVERS

    # -- what the protocol calls --------------------------------------------------

    def begin(self, session: Any, ask: Callable[..., None] | None) -> None:
        """Stand between a session and its connection."""
        self._session, self._ask = session, ask
        self._transport = FaultyTransport(
            session,
            self._clock,
            serving=self.serving,
            before_handshake=self._prepare_handshake,
        )
        session.transport = self._transport

    def closed(self) -> None:
        """End with the connection: nothing waits any more."""
        self._transport.stop()
        self._wait.cancel()
        go_on, self._go_on = self._go_on, _nothing
        go_on()

    def reached(
        self,
        step: str,
        go_on: Callable[[], None] = _nothing,
        otherwise: Callable[[], None] = _nothing,
        argument: bytes = b"",
    ) -> None:
        """Commit what is ordered at this step, then go on, unless a fault stands in the place of that."""
        step = "ehlo" if step == "helo" else step
        if step == "rcpt" and self._magic is not None:
            self._take_magic(argument, self._magic)
        if self._silent:
            otherwise()
            return
        due = self._due(step)
        waits = sum(fault.number for fault in due if fault.kind == "delay")
        rest = [fault for fault in due if fault.kind != "delay"]
        if waits and step == "content" and self.serving:
            self._transport.pause_reading(waits)
            waits = 0
        if not waits:
            self._commit(rest, go_on, otherwise)
        elif self._ask is not None:
            self._ask(self._after, waits, then=lambda _: self._commit(rest, go_on, otherwise))
        else:
            self._transport.hold(waits)
            self._commit(rest, go_on, otherwise)

    def announced(self, step: str, lines: list[bytes]) -> list[bytes]:
        """Return the lines of EHLO or CAPA as they are to go out."""
        for fault in self._due(step, changing=True):
            word = fault.word.encode("ascii")
            if fault.kind == "size":
                word, added = b"SIZE", b"SIZE %d" % int(fault.number)
            else:
                added = b" ".join(filter(None, [word, fault.text.encode("ascii")]))
            kept = [line for line in lines[1:] if line.split(b" ")[0].upper() != word]
            lines = [lines[0], *kept, *([] if fault.kind == "forget" else [added])]
        return lines

    # -- which are due ------------------------------------------------------------

    def _due(self, step: str, *, changing: bool = False) -> list[Fault]:
        due = []
        for order in list(self._orders):
            fault = order.fault
            if (
                fault.step == step
                and (fault.kind in ("forget", "add", "size")) is changing
                and order.happens()
            ):
                due.append(fault)
                self._note(fault)
        return due

    def _note(self, fault: Fault) -> None:
        self.met.append(fault)
        self._transcript.note(f"fault: {fault.line}")
        self._happened(fault)

    def _take_magic(
        self, argument: bytes, order_of: Callable[[Mailbox], OrderInForce | None]
    ) -> None:
        try:
            mailbox, _ = parse_path(argument, b"TO")
        except GrammarError:
            return
        order = order_of(mailbox) if mailbox is not None else None
        if (
            order is not None
            and self._session.reception.recipient_allowed(mailbox).reply is None
        ):
            self._orders.append(order)

    # -- what they do -------------------------------------------------------------

    def _after(self, seconds: float) -> Deferred[None]:
        waited: Deferred[None] = Deferred()
        self._go_on = lambda: waited.callback(None)
        self._wait.start(seconds, self._waited)
        return waited

    def _waited(self) -> None:
        go_on, self._go_on = self._go_on, _nothing
        go_on()

    def _commit(
        self, faults: list[Fault], go_on: Callable[[], None], otherwise: Callable[[], None]
    ) -> None:
        runs = True
        for fault in faults:
            runs = self._commit_one(fault) and runs
        (go_on if runs else otherwise)()

    def _commit_one(self, fault: Fault) -> bool:
        """Commit a fault; return whether the session goes on with the step."""
        match fault.kind:
            case "throttle":
                self._transport.throttle(fault.number)
                return True
            case "silence":
                return self._fall_silent(fault)
            case "drop" | "reset":
                return self._drop(fault)
            case "reply" | "err":
                self._reply(fault)
            case "restart":
                self._transport.drop(reset=True)
                self._restart(fault.number)
        return False

    def _fall_silent(self, fault: Fault) -> bool:
        transport = self._transport
        if fault.step == "content" and self.serving:
            transport.pause_reading(0)
        elif self.serving:
            self._silent = True
            return False
        elif fault.step == "end":
            transport.cut_next(_without_mark, transport.be_silent)
        else:
            transport.be_silent()
        return True

    def _drop(self, fault: Fault) -> bool:
        transport = self._transport

        def drop() -> None:
            transport.drop(reset=fault.kind == "reset")

        if fault.step == "content" and self.serving and fault.moment == "in":
            transport.cut_input(drop)
        elif fault.step == "end" and not self.serving and fault.moment != "after":
            transport.cut_next(_without_mark, drop)
        elif fault.moment == "before":
            drop()
            return False
        else:
            transport.cut_next(self._cut(fault), drop)
        return True

    def _cut(self, fault: Fault) -> Callable[[bytes], bytes | None]:
        """Return what is sent of each piece that is written, None for one that is not the last."""
        in_message = fault.step == "retr" and self._role == MAILHOST_POP
        if fault.moment == "in":
            skipped = [True] if in_message else []
            return lambda octets: (
                None if skipped and skipped.pop() else octets[: len(octets) // 2]
            )
        if in_message:
            return lambda octets: octets if octets in _END_MARKS else None
        return lambda octets: octets

    def _reply(self, fault: Fault) -> None:
        session, text = self._session, fault.text or _TEXT
        if fault.kind == "err":
            session.failResponse(text.encode("ascii"))
            return
        reply = Reply(int(fault.number), text)
        if fault.step == "content":
            self._transport.cut_input(lambda: session.hang_up(reply))
        elif fault.number == _CLOSING:
            session.hang_up(reply)
        else:
            session.reply(reply)

    def _prepare_handshake(self) -> None:
        for fault in self._due("handshake"):
            match fault.kind:
                case "certificate":
                    self._transport.show_certificate(self._certified(fault.word))
                case "delay":
                    self._transport.delay_handshake(fault.number)
                case kind:
                    self._transport.spoil_handshake(kind)
