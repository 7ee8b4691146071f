"""Server-sent events: what the device tells its observers, told on to whoever listens.

The last events are kept in a ring with a number each. A stream is a place in
that ring and nothing more: a client that reads too slowly is left behind by
the ring and cut off, and comes back with Last-Event-ID.

Standards: HTML Living Standard section 9.2 (server-sent events).
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator
from typing import Any, cast

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from irsend.device.events import (
    DocumentPrinted,
    DocumentRemoved,
    Event,
    JobChanged,
    PagePrinted,
    PageScanned,
    PaperChanged,
    PeerKeptOff,
    SessionChanged,
    SettingsChanged,
    StatusChanged,
)
from irsend.machine_interface import IMachine
from irsend.panel import serializers
from irsend.panel.problems import Problem

KEEP_ALIVE = 15.0
"""Seconds between two comments that keep a quiet connection open."""
KEPT = 500
"""Events in the ring."""
MOST_STREAMS = 100

_log = Logger()


@frozen
class _Told:
    number: int
    name: str
    value: Any

    def octets(self) -> bytes:
        value = self.value
        if self.name == "session":
            value = serializers.session(value)
        elif self.name == "job":
            value = serializers.job(value)
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (
            self.number,
            self.name.encode("ascii"),
            serializers.dumps(value),
        )


@define(eq=False)
class Events:
    """The ring of recent events, and the streams that follow it."""

    machine: IMachine
    clock: IReactorTime
    first: int
    """The number of the first event; greater than any of an earlier process."""
    kept: int = KEPT
    _ring: collections.deque[_Told] = field(init=False, repr=False)
    _streams: list[_Stream] = field(factory=list, repr=False)
    _keep_alive: LoopingCall = field(init=False, repr=False)
    _state: str = field(init=False)
    _end: Any = field(init=False, repr=False)
    _stopped: bool = False

    def __attrs_post_init__(self) -> None:
        self._ring = collections.deque(maxlen=self.kept)
        self._keep_alive = LoopingCall(self._tick)
        self._keep_alive.clock = self.clock
        self._state = self.machine.device.state
        self._end = self.machine.device.observe(self._observed)

    @property
    def newest(self) -> int:
        """The number of the newest event, or the one before the first."""
        return self._ring[-1].number if self._ring else self.first - 1

    @property
    def oldest(self) -> int:
        """The number of the oldest event still kept, or the one that comes next."""
        return self._ring[0].number if self._ring else self.first

    def after(self, number: int) -> Iterator[_Told]:
        """Give what is kept of the events after this one."""
        return itertools.islice(self._ring, max(0, number + 1 - self.oldest), None)

    def open(self, request: Request) -> Deferred[bytes]:
        """Begin a stream as the answer to this request; raise Problem when there are many."""
        if self._stopped or len(self._streams) >= MOST_STREAMS:
            raise Problem(
                503, "Too many listen already", headers={"Retry-After": str(int(KEEP_ALIVE))}
            )
        request.setHeader(b"Content-Type", b"text/event-stream; charset=utf-8")
        # nginx holds an answer back until it is whole unless it is told not to.
        request.setHeader(b"X-Accel-Buffering", b"no")
        stream = _Stream(request=request, events=self, position=self._begin_at(request))
        if request.method == b"HEAD":
            stream.ended.callback(b"")
            return stream.ended
        self._streams.append(stream)
        request.notifyFinish().addBoth(self._forget, stream)
        if not self._keep_alive.running:
            self._keep_alive.start(KEEP_ALIVE, now=False)
        stream.begin()
        return stream.ended

    def stop(self) -> None:
        """End all streams and hear of nothing more."""
        if not self._stopped:
            self._stopped = True
            self._end()
            self.end_streams()
            self._stop_ticking()

    def end_streams(self) -> None:
        """End all streams; whoever still may begins another."""
        for stream in tuple(self._streams):
            stream.end()

    def _begin_at(self, request: Request) -> int:
        given = (request.getHeader(b"last-event-id") or b"").strip()
        if not given.isdigit() or len(given) > 18:
            return self.newest
        # Of an older event than is kept, or of another life of the machine:
        # all that is kept is news to this client.
        number = int(given)
        return number if self.oldest - 1 <= number <= self.newest else self.oldest - 1

    def _observed(self, event: Event) -> None:
        # An observer that raises would stop the machine at what it was doing.
        try:
            self._tell(event)
        except Exception:
            _log.failure("an event could not be told to the panel's listeners")

    def _tell(self, event: Event) -> None:
        if isinstance(event, SessionChanged):
            self._add("session", event.session)
        elif isinstance(event, JobChanged):
            self._add("job", event.job)
        elif isinstance(event, SettingsChanged):
            self._add("setting", {"changes": serializers.changes(event.changes)})
        elif isinstance(event, PageScanned):
            told = {"direction": "tx", "page": event.page, "pages": event.pages}
            self._add("page", told)
        elif isinstance(event, PagePrinted):
            told = {"direction": "rx", "number": event.number, "page": event.page}
            self._add("page", {**told, "pages": None})
        elif isinstance(event, DocumentPrinted):
            self._add(
                "tray", {"document": serializers.document(event.document), "removed": None}
            )
        elif isinstance(event, DocumentRemoved):
            document = serializers.document(event.document)
            self._add("tray", {"document": document, "removed": event.why})
        state = self.machine.device.state
        if (
            isinstance(event, (StatusChanged, PeerKeptOff, PaperChanged))
            or state != self._state
        ):
            self._state = state
            self._add("status", serializers.status(self.machine))

    def _add(self, name: str, value: Any) -> None:
        self._ring.append(_Told(self.newest + 1, name, value))
        for stream in tuple(self._streams):
            stream.advance()

    def _tick(self) -> None:
        for stream in tuple(self._streams):
            stream.keep_alive()

    def _forget(self, _: object, stream: _Stream) -> None:
        if stream in self._streams:
            self._streams.remove(stream)
        if not self._streams:
            self._stop_ticking()

    def _stop_ticking(self) -> None:
        if self._keep_alive.running:
            self._keep_alive.stop()


@implementer(IPushProducer)
@define(eq=False)
class _Stream:
    """One client's place in the ring."""

    request: Request
    events: Events
    position: int
    """The number of the last event that was written."""
    ended: Deferred[bytes] = field(factory=Deferred)
    _paused: bool = False
    _ticks_paused: int = 0

    def begin(self) -> None:
        self.request.registerProducer(self, True)
        self.request.write(b"retry: 2000\n\n")
        self.advance()

    def advance(self) -> None:
        """Write what is new, as far as the client reads; one left behind is cut off."""
        if self.position < self.events.oldest - 1:
            self._cut_off()
        while not self._paused:
            told = next(self.events.after(self.position), None)
            if told is None:
                return
            self.position = told.number
            self.request.write(told.octets())

    def keep_alive(self) -> None:
        """Write a comment; a client that has read nothing for two intervals is cut off."""
        if not self._paused:
            self.request.write(b": keep-alive\n\n")
            return
        self._ticks_paused += 1
        if self._ticks_paused > 2:
            self._cut_off()

    def end(self) -> None:
        """End the answer in order; one that the client does not read is cut off."""
        if self._paused:
            self._cut_off()
            return
        self.request.unregisterProducer()
        if not self.ended.called:
            self.ended.callback(b"")

    def pauseProducing(self) -> None:
        """Hear that the client reads more slowly than is written."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Hear that the client has caught up."""
        self._paused, self._ticks_paused = False, 0
        self.advance()

    def stopProducing(self) -> None:
        """Hear that the connection is being closed."""
        self._paused = True

    def _cut_off(self) -> None:
        self._paused = True
        # Whatever carries HTTP here is TCP, TLS or a UNIX socket; all can be aborted.
        cast(ITCPTransport, self.request.transport).abortConnection()
