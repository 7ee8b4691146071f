"""Server-sent events: streams the device's events to clients.

A ring buffer keeps the last events, numbered. A stream is only a position in
that buffer: a client that reads too slowly falls out of it and is
disconnected, and comes back with Last-Event-ID.

Standards: HTML Living Standard section 9.2 (server-sent events).
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterator
from typing import cast

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from irsend.device import Job, Session
from irsend.device.events import (
    DiskChanged,
    DocumentPrinted,
    DocumentRemoved,
    Event,
    JobChanged,
    PagePrinted,
    PageScanned,
    PaperChanged,
    PeerKeptOff,
    ProbeChanged,
    SessionChanged,
    SettingsChanged,
    StatusChanged,
)
from irsend.machine_interface import IMachine
from irsend.panel import serializers
from irsend.panel.problems import Problem
from irsend.panel.request import address_of

KEEP_ALIVE = 15.0
"""Seconds between two comments that keep a quiet connection open."""
BUFFERED = 500
"""Events in the ring buffer."""
MOST_STREAMS = 100
MOST_OF_PEER = 60
"""Streams of one address."""

_log = Logger()


@frozen
class _NumberedEvent:
    number: int
    name: str
    value: Session | Job | serializers.JSON

    def octets(self) -> bytes:
        value = self.value
        # Serialized only when a client is there: of these there may be a hundred a second.
        if isinstance(value, Session):
            value = serializers.session(value)
        elif isinstance(value, Job):
            value = serializers.job(value)
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (
            self.number,
            self.name.encode("ascii"),
            serializers.dumps(value),
        )


@define(eq=False)
class Events:
    """The ring buffer of recent events, and the streams that follow it."""

    machine: IMachine
    clock: IReactorTime
    first: int
    """The number of the first event; greater than any of an earlier process."""
    buffered: int = BUFFERED
    _ring: collections.deque[_NumberedEvent] = field(init=False, repr=False)
    _streams: list[_Stream] = field(factory=list, repr=False)
    _keep_alive: LoopingCall = field(init=False, repr=False)
    _state: str = field(init=False)
    _unobserve: Callable[[], None] = field(init=False, repr=False)
    _stopped: bool = False

    def __attrs_post_init__(self) -> None:
        self._ring = collections.deque(maxlen=self.buffered)
        self._keep_alive = LoopingCall(self._tick)
        self._keep_alive.clock = self.clock
        self._state = self.machine.device.state
        self._unobserve = self.machine.device.observe(self._observed)

    @property
    def newest(self) -> int:
        """The number of the newest event, or the one before the first."""
        return self._ring[-1].number if self._ring else self.first - 1

    @property
    def oldest(self) -> int:
        """The number of the oldest event in the buffer, or of the next event."""
        return self._ring[0].number if self._ring else self.first

    def after(self, number: int) -> Iterator[_NumberedEvent]:
        """Give the buffered events after this one."""
        return itertools.islice(self._ring, max(0, number + 1 - self.oldest), None)

    def open(self, request: Request) -> Deferred[bytes]:
        """Begin a stream as the response to this request; raise Problem when there are too many."""
        peer = address_of(request.getClientAddress())
        self._check_share(peer)
        request.setHeader(b"Content-Type", b"text/event-stream; charset=utf-8")
        # nginx buffers a response unless this header turns it off.
        request.setHeader(b"X-Accel-Buffering", b"no")
        stream = _Stream(
            request=request, peer=peer, events=self, position=self._begin_at(request)
        )
        if request.method == b"HEAD":
            stream.ended.callback(b"")
            return stream.ended
        self._streams.append(stream)
        request.notifyFinish().addBoth(self._stream_closed, stream)
        if not self._keep_alive.running:
            self._keep_alive.start(KEEP_ALIVE, now=False)
        stream.begin()
        return stream.ended

    def _check_share(self, peer: str) -> None:
        of_peer = sum(one.peer == peer for one in self._streams)
        if self._stopped:
            detail = "The machine is being switched off"
        elif of_peer >= MOST_OF_PEER:
            detail = f"{peer or 'This socket'} has {of_peer} event streams open, and may have no more"
        elif len(self._streams) >= MOST_STREAMS:
            detail = f"{len(self._streams)} event streams are open, and there may be no more"
        else:
            return
        raise Problem(503, detail, headers={"Retry-After": str(int(KEEP_ALIVE))})

    def stop(self) -> None:
        """End all streams and stop observing the device."""
        if not self._stopped:
            self._stopped = True
            self._unobserve()
            self.end_streams()
            self._stop_ticking()

    def end_streams(self) -> None:
        """End all streams; a client that is still admitted opens another."""
        for stream in tuple(self._streams):
            stream.end()

    def _begin_at(self, request: Request) -> int:
        given = (request.getHeader(b"last-event-id") or b"").strip()
        if not given.isdigit() or len(given) > 18:
            return self.newest
        # An id older than the buffer, or of an earlier process: the client gets
        # the whole buffer.
        number = int(given)
        return number if self.oldest - 1 <= number <= self.newest else self.oldest - 1

    def _observed(self, event: Event) -> None:
        # An exception here would interrupt the machine at its work.
        try:
            self._publish(event)
        except Exception:
            _log.failure("an event could not be sent to the panel's clients")

    def _publish(self, event: Event) -> None:
        if isinstance(event, SessionChanged):
            self._add("session", event.session)
        elif isinstance(event, JobChanged):
            self._add("job", event.job)
        elif isinstance(event, SettingsChanged):
            self._add("setting", {"changes": serializers.changes(event.changes)})
        elif isinstance(event, PageScanned):
            self._add("page", {"direction": "tx", "page": event.page, "pages": event.pages})
        elif isinstance(event, PagePrinted):
            page = {"direction": "rx", "number": event.number, "page": event.page}
            self._add("page", {**page, "pages": None})
        elif isinstance(event, DocumentPrinted):
            self._add(
                "tray", {"document": serializers.document(event.document), "removed": None}
            )
        elif isinstance(event, DocumentRemoved):
            document = serializers.document(event.document)
            self._add("tray", {"document": document, "removed": event.why})
        elif isinstance(event, ProbeChanged):
            self._add("probe", serializers.probe_step(event.state))
        state = self.machine.device.state
        if (
            isinstance(event, (StatusChanged, PeerKeptOff, PaperChanged, DiskChanged))
            or state != self._state
        ):
            self._state = state
            self._add("status", serializers.status(self.machine))

    def _add(self, name: str, value: Session | Job | serializers.JSON) -> None:
        self._ring.append(_NumberedEvent(self.newest + 1, name, value))
        for stream in tuple(self._streams):
            stream.advance()

    def _tick(self) -> None:
        for stream in tuple(self._streams):
            stream.keep_alive()

    def _stream_closed(self, _: object, stream: _Stream) -> None:
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
    """One client's position in the ring buffer."""

    request: Request
    peer: str
    events: Events
    position: int
    """The number of the last event that was written."""
    ended: Deferred[bytes] = field(factory=Deferred)
    _paused: bool = False

    def begin(self) -> None:
        self.request.registerProducer(self, True)
        self.request.write(b"retry: 2000\n\n")
        self.advance()

    def advance(self) -> None:
        """Write what is new, as far as the client reads; abort the connection of one too slow."""
        if self.position < self.events.oldest - 1:
            self._abort()
        while not self._paused:
            event = next(self.events.after(self.position), None)
            if event is None:
                return
            self.position = event.number
            self.request.write(event.octets())

    def keep_alive(self) -> None:
        """Write a comment, where the client reads; the channel ends one that does not."""
        if not self._paused:
            self.request.write(b": keep-alive\n\n")

    def end(self) -> None:
        """End the response; abort the connection of a client that does not read it."""
        if self._paused:
            self._abort()
            return
        self.request.unregisterProducer()
        if not self.ended.called:
            self.ended.callback(b"")

    def pauseProducing(self) -> None:
        """Stop writing: the client reads more slowly."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Write on: the client has caught up."""
        self._paused = False
        self.advance()

    def stopProducing(self) -> None:
        """Stop writing: the connection is being closed."""
        self._paused = True

    def _abort(self) -> None:
        self._paused = True
        # HTTP comes by TCP, TLS or a UNIX socket here; all can be aborted.
        cast(ITCPTransport, self.request.transport).abortConnection()
