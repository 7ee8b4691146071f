"""The probe of the panel: one at a time, in the machine's process, live while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.device.device import Device
from irsend.device.probe_state import ProbeState
from irsend.errors import IrsendError, SettingsRefused, ValueRefused
from irsend.machine_interface import IProbes
from irsend.probe.cells import lines_below, rows
from irsend.probe.document import report_document
from irsend.probe.offers import NoServer
from irsend.probe.order import Order
from irsend.probe.outcome import Report
from irsend.probe.probe import Probe, Step
from irsend.probe.reading import LONGEST_PAUSE, read_order, with_password
from irsend.services.reactor import IReactor

T = TypeVar("T")
_KEYS = (
    *("url", "to", "from", "user", "password", "models", "settings"),
    *("dry_run", "allow_clear", "pause"),
)
_ENDED = "It was ended before its end."


class ProbeUnderWay(IrsendError):
    """A probe is under way; wait for its end, or end it."""


@implementer(IProbes)
class Probes:
    """The probe of one machine's panel. Observers of its device hear of each step."""

    log = Logger()

    def __init__(self, device: Device, reactor: IReactor, now: Callable[[], float]) -> None:
        self._device = device
        self._reactor = reactor
        self._now = now
        self._probe: Probe | None = None
        self.state: ProbeState | None = None

    def begin(self, given: Mapping[str, object]) -> ProbeState:
        """Begin a probe; SettingsRefused names each wrong key. ProbeUnderWay."""
        if self._probe is not None:
            raise ProbeUnderWay("A probe is under way; wait for its end, or end it.")
        order = _order_of(given)
        self._probe = probe = Probe(order, self._reactor, self._now, self._stepped)
        self.state = ProbeState(server=str(order.target), running=True)
        Deferred.fromCoroutine(probe.run()).addBoth(self._ended)
        return self.state

    def stop(self) -> Deferred[None]:
        """End the one under way, if any; fires when it has ended."""
        return succeed(None) if self._probe is None else self._probe.interrupt()

    def _stepped(self, step: Step) -> None:
        self._changed(done=step.done, of=step.of, step=step.text)

    def _ended(self, outcome: Report | Failure) -> None:
        problem = ""
        if isinstance(outcome, Failure):
            error = outcome.value
            problem = _ENDED
            if isinstance(error, NoServer):
                problem = str(error)
            elif not isinstance(error, CancelledError):
                self.log.failure("While probing", outcome)
                problem = "An error of irsend's own; its log has more."
        assert self.state is not None
        done = self.state.done if problem else self.state.of
        self._changed(running=False, done=done, step="", problem=problem)
        self._probe = None

    def _changed(
        self,
        *,
        running: bool = True,
        done: int | None = None,
        of: int | None = None,
        step: str,
        problem: str = "",
    ) -> None:
        before, found = self.state, self._probe.report if self._probe else None
        assert before is not None
        self.state = ProbeState(
            server=before.server,
            running=running,
            done=before.done if done is None else done,
            of=before.of if of is None else of,
            step=step,
            problem=problem,
            rows=tuple(rows(found)) if found else (),
            lines=tuple(lines_below(found)) if found and not running else (),
            report=report_document(found) if found and not running else None,
        )
        self._device.probe_changed(self.state)


def _order_of(given: Mapping[str, object]) -> Order:
    """Read what came as JSON or by a form; SettingsRefused."""
    refused = [
        ValueRefused(key, f"there is no such key; there are: {', '.join(_KEYS)}")
        for key in given
        if key not in _KEYS
    ]

    def value(key: str, kind: type[T], usual: T, allowed: str) -> T:
        found = given.get(key, usual)
        if isinstance(found, kind) and not (isinstance(found, bool) and kind is not bool):
            return found
        refused.append(ValueRefused(key, f"this is not allowed; allowed: {allowed}"))
        return usual

    def texts(key: str) -> Sequence[str]:
        found = value(key, list, [], "a list of texts")
        if all(isinstance(one, str) for one in found):
            return found
        refused.append(ValueRefused(key, "this is not allowed; allowed: a list of texts"))
        return []

    url = value("url", str, "", "text")
    to, models = texts("to"), texts("models")
    sender, user = value("from", str, "", "text"), value("user", str, "", "text")
    password = value("password", str, "", "text")
    settings = value("settings", dict, {}, "an object")
    dry_run = value("dry_run", bool, False, "true or false")
    allow_clear = value("allow_clear", bool, False, "true or false")
    pause = given.get("pause", 0.2)
    if (
        isinstance(pause, bool)
        or not isinstance(pause, (int, float))
        or not (0 <= pause <= LONGEST_PAUSE)
    ):
        allowed = f"seconds, from 0 to {LONGEST_PAUSE}"
        refused.append(ValueRefused("pause", f"this is not allowed; allowed: {allowed}"))
    if any(not isinstance(one, str) for one in settings.values()):
        refused.append(
            ValueRefused("settings", "values are texts, as irsendctl set takes them")
        )
    if user and not password:
        refused.append(ValueRefused("password", "is missing; allowed: the password of user"))
    if refused:
        raise SettingsRefused(refused)
    order = read_order(
        url=url,
        to=to,
        sender=sender,
        user=user,
        models=models,
        settings=settings,
        dry_run=dry_run,
        allow_clear=allow_clear,
        pause=float(pause),  # type: ignore[arg-type]
    )
    return with_password(order, password) if user else order
