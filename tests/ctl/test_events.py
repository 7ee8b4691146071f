"""The event stream: its grammar, and following it over breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl.errors import MachineRefused, NoMachine
from irsend.ctl.events import Connected, Disconnected, EventReader, ServerEvent, follow
from irsend.ctl.http_client import Machine

STREAM = (
    "retry: 2000\n\n"
    ": keep-alive\n\n"
    'id: 7\nevent: status\ndata: {"status_line": "\u2028 \u00e4"}\n\n'
    "event: session\r\ndata: 1\r\ndata:2\r\n\r\n"
    "id: 9\rdata: last\r\r"
    "event: empty\n\n"
    "data: never ended\n"
).encode()
EVENTS = [
    ServerEvent("status", '{"status_line": "\u2028 \u00e4"}', "7"),
    ServerEvent("session", "1\n2", "7"),
    ServerEvent("message", "last", "9"),
]


class EventReaderTests(SynchronousTestCase):
    """`EventReader`."""

    def test_whole(self) -> None:
        """All three line ends end lines, U+2028 does not; comments give no events."""
        self.assertEqual(list(EventReader().feed(STREAM)), EVENTS)

    @given(st.lists(st.integers(0, len(STREAM)), max_size=12))
    def test_any_split(self, cuts: list[int]) -> None:
        """However the octets are cut, the events are the same."""
        reader, events, places = EventReader(), [], [0, *sorted(cuts), len(STREAM)]
        for start, end in pairwise(places):
            events += list(reader.feed(STREAM[start:end]))
        self.assertEqual(events, EVENTS)

    def test_octet_by_octet(self) -> None:
        """Single octets give the same events."""
        reader = EventReader()
        events = [event for octet in STREAM for event in reader.feed(bytes([octet]))]
        self.assertEqual(events, EVENTS)

    def test_no_json(self) -> None:
        """An event whose text is no JSON has no value."""
        self.assertEqual(ServerEvent("status", "{", None).value(), None)


class Streams:
    """A machine that gives these streams one after the other; an exception in one breaks it."""

    def __init__(self, *streams: list[Any]) -> None:
        self.streams = list(streams)
        self.resumed_behind: list[str | None] = []

    @contextmanager
    def events(self, last_id: str | None) -> Iterator[Iterator[bytes]]:
        """Open the next stream."""
        self.resumed_behind.append(last_id)
        stream = self.streams.pop(0)
        if stream and isinstance(stream[0], Exception):
            raise stream[0]
        yield self._octets(stream)

    def _octets(self, stream: list[Any]) -> Iterator[bytes]:
        for part in stream:
            if isinstance(part, Exception):
                raise part
            yield part


class FollowTests(SynchronousTestCase):
    """`follow`."""

    def setUp(self) -> None:
        """Collect pauses instead of making them."""
        self.pauses: list[float] = []

    def happenings(self, machine: Streams, count: int) -> list[Any]:
        """Return the first things that happen."""
        followed = follow(cast(Machine, machine), self.pauses.append)
        return [next(followed) for _ in range(count)]

    def test_resumes(self) -> None:
        """A stream that ends is opened anew behind its last event, without a word."""
        machine = Streams([b"id: 4\ndata: 1\n\n"], [b"id: 5\ndata: 2\n\n"])
        self.assertEqual(
            self.happenings(machine, 4),
            [
                Connected(again=False),
                ServerEvent("message", "1", "4"),
                Connected(again=False),
                ServerEvent("message", "2", "5"),
            ],
        )
        self.assertEqual(machine.resumed_behind, [None, "4"])

    def test_gone_and_back(self) -> None:
        """A machine that stays away is reported once, then its return; the pauses grow."""
        away = [NoMachine("no machine")]
        machine = Streams([NoMachine("broken")], away)
        machine.streams.insert(0, [])
        machine.streams += [away, away, []]
        self.assertEqual(
            self.happenings(machine, 3),
            [Connected(again=False), Disconnected("broken"), Connected(again=True)],
        )
        self.assertEqual(self.pauses, sorted(set(self.pauses)))

    def test_half_an_event(self) -> None:
        """Half an event at a break is not continued by the next stream."""
        machine = Streams(
            [b"id: 4\ndata: 1\n\ndata: ha", NoMachine("broken")], [b"data: 2\n\n"]
        )
        texts = [
            each.text for each in self.happenings(machine, 4) if isinstance(each, ServerEvent)
        ]
        self.assertEqual(texts, ["1", "2"])

    def test_none_at_the_beginning(self) -> None:
        """Where there is no machine to begin with, it is not waited for."""
        self.assertRaises(NoMachine, self.happenings, Streams([NoMachine("none")]), 1)

    def test_refused_later(self) -> None:
        """A refusal ends it, also of a machine that came back with a password."""
        machine = Streams([], [MachineRefused("password")])
        self.assertRaises(MachineRefused, self.happenings, machine, 2)
