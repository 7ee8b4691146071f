"""Server-sent events: the stream's grammar, and following it over a machine's restarts.

Standards: HTML Living Standard 9.2.6 (parsing an event stream), 9.2.4 (Last-Event-ID).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from irsend.ctl.errors import NoMachine
from irsend.ctl.json_values import Json

if TYPE_CHECKING:
    from irsend.ctl.http_client import Machine

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between two tries to reach a machine that is gone; each pause is twice the last."""


@frozen
class ServerEvent:
    """One event: its name, its text, and the id after which the stream is resumed."""

    name: str
    text: str
    id: str | None

    def value(self) -> Json:
        """Return the JSON that the event carries, None where it carries none."""
        try:
            value: Json = json.loads(self.text)
        except ValueError:
            return None
        return value


@define(eq=False)
class EventReader:
    """Parses events from octets, wherever these are split."""

    last_id: str | None = None
    _line: bytearray = field(factory=bytearray)
    _name: str = ""
    _text: list[str] = field(factory=list)
    _after_cr: bool = False

    def feed(self, octets: bytes) -> Iterator[ServerEvent]:
        """Take the next octets; yield each event that they complete."""
        if self._after_cr and octets:
            # CR LF was split: the LF ends no line of its own.
            octets = octets.removeprefix(b"\n")
            self._after_cr = False
        if octets.endswith(b"\r"):
            self._after_cr = True
        self._line += octets
        # Not splitlines() of str: JSON may hold U+2028, which is no line end here.
        *lines, rest = (
            bytes(self._line).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        )
        self._line = bytearray(rest)
        for line in lines:
            if line:
                self._read_field(line.decode("utf-8", "replace"))
            else:
                yield from self._dispatch()

    def _read_field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._text.append(value)
        elif name == "id" and "\0" not in value:
            self.last_id = value

    def _dispatch(self) -> Iterator[ServerEvent]:
        name, text = self._name, self._text
        self._name, self._text = "", []
        if text:
            yield ServerEvent(name or "message", "\n".join(text), self.last_id)


@frozen
class Connected:
    """The stream is open: an answer of the machine from here on is as new as its events."""

    again: bool
    """True after a `Disconnected`."""


@frozen
class Disconnected:
    """The machine cannot be reached any more; `reason` says why."""

    reason: str


def follow(
    machine: Machine,
    pause: Callable[[float], None],
    *,
    patience: float = math.inf,
    seconds: Callable[[], float] = time.monotonic,
) -> Iterator[ServerEvent | Connected | Disconnected]:
    """Yield the machine's events, without an end.

    When the stream breaks it is opened again after the last event that came.
    Raises NoMachine where there is none at the beginning, or it is gone for
    longer than `patience` in seconds; and MachineRefused.
    """
    reader = EventReader()
    reached = gone = False
    wait = FIRST_PAUSE
    heard = seconds()
    while True:
        try:
            with machine.events(reader.last_id) as stream:
                yield Connected(again=gone)
                reached, gone, wait = True, False, FIRST_PAUSE
                # Half an event of the last stream is not continued by this one.
                reader = EventReader(reader.last_id)
                heard = seconds()
                for octets in stream:
                    heard = seconds()
                    yield from reader.feed(octets)
        except NoMachine as error:
            if not reached or seconds() - heard >= patience:
                raise
            # A stream that breaks may be open again at once: only a second failure is
            # reported.
            if not gone and wait > FIRST_PAUSE:
                gone = True
                yield Disconnected(str(error))
        pause(wait)
        wait = min(wait * 2, LONGEST_PAUSE)
