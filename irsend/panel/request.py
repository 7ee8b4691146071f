"""A request to the panel, with a bounded body, and the channel that it comes on.

Its site decides whether it is admitted, and which resource answers it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Protocol, cast

from twisted.internet.interfaces import IAddress, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.server import Request

from irsend.back_pressure import BackPressure
from irsend.panel.problems import Problem, problem_of
from irsend.panel.responses import write_problem
from irsend.panel.uploads import Upload

LARGEST_BODY = 1_000_000
SEND_FORM = b"/send"
"""Where the page sends originals to."""
_SENDS = (b"/api/send", SEND_FORM)
"""Where originals come to: from programs, and from the page."""
_MOST_READ = 20 * LARGEST_BODY
"""Octets of a body that is too large which are read before its connection is aborted, unanswered."""


def address_of(peer: IAddress | None) -> str:
    """Return the address of a peer without its port; empty for a UNIX socket."""
    return getattr(peer, "host", None) or ""


class RequestSite(Protocol):
    """What connections and requests need of the site that serves them."""

    def upload_of(self, request: PanelRequest) -> Upload | None:
        """Return what takes the originals of this request; None where it brings no form. Problem."""

    def channel_opened(self, channel: PanelChannel) -> None:
        """Count a connection as open."""

    def channel_used(self, channel: PanelChannel) -> None:
        """Note that a request came on it."""

    def channel_closed(self, channel: PanelChannel) -> None:
        """Forget a connection."""


class PanelRequest(Request):
    """A request whose body is bounded, and whose failure is a problem document."""

    defaultContentType = None
    content: io.BytesIO
    oversized = False
    upload: Upload | None = None
    """The originals that come with it, where it is a sending."""
    refusal: Problem | None = None
    """What it is answered with, where it is refused before its body."""
    _received = 0
    """Octets of the body."""
    _content_types: Sequence[bytes] | None = None

    def headers_received(self, method: bytes, target: bytes, version: bytes) -> None:
        """Prepare for the body: originals go to the disk, where the request is admitted."""
        path = target.partition(b"?")[0]
        if method != b"POST" or path not in _SENDS:
            return
        self.method, self.uri, self.path, self.clientproto = method, target, path, version
        try:
            self.upload = upload = cast(PanelChannel, self.channel).site.upload_of(self)
        except Problem as problem:
            self.refusal = problem
            return
        if upload is not None:
            # However the request ends, nothing of it stays on the disk.
            self.notifyFinish().addBoth(lambda _: upload.discard())

    def gotLength(self, length: int | None) -> None:
        """Make room for the body in memory; one that is too large is not kept."""
        self.content = io.BytesIO()
        self.oversized = self.upload is None and length is not None and length > LARGEST_BODY

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Hide the Content-Type: forms are parsed after access control, not by Twisted before it."""
        self._content_types = self.requestHeaders.getRawHeaders(b"Content-Type")
        self.requestHeaders.removeHeader(b"Content-Type")
        super().requestReceived(command, path, version)

    def process(self) -> None:
        """Restore the Content-Type, and answer."""
        if self._content_types is not None:
            self.requestHeaders.setRawHeaders(b"Content-Type", self._content_types)
        super().process()

    def handleContentChunk(self, data: bytes) -> None:
        """Keep the body up to the limit; read on behind it, for the client reads its answer only then."""
        self._received += len(data)
        if self.upload is not None:
            self.upload.feed(data)
            if (
                self.upload.problem is not None
                and self._received > self.upload.limit + _MOST_READ
            ):
                cast(ITCPTransport, self.transport).abortConnection()
            return
        if self._received > LARGEST_BODY:
            self.oversized = True
        if self._received > _MOST_READ:
            cast(ITCPTransport, self.transport).abortConnection()
        elif not self.oversized:
            self.content.write(data)
        elif self.content.tell():
            self.content.seek(0)
            self.content.truncate()

    def processingFailed(self, reason: Failure) -> Failure:
        """Answer an unexpected error with a problem document, not a traceback."""
        problem = problem_of(reason, self.path.decode("latin-1"))
        if not self.startedWriting:
            self.write(write_problem(self, problem))
        if not self.finished and not self._disconnected:
            self.finish()
        return reason


class PanelChannel(HTTPChannel):
    """A connection that its site knows, so that it can be closed.

    Twisted's channel answers what a client has sent together whether it reads the answers
    or not, and reads on without a limit while it waits in the middle of one.
    """

    site: RequestSite
    peer = ""
    """The address of the client; empty where it came by a UNIX socket."""
    known = False
    """A request on it was admitted, or none has to give a password."""
    surplus = False
    """It is more than its peer's share (`shares`)."""
    _pressure: BackPressure

    def connectionMade(self) -> None:
        """Begin, and register with the site."""
        super().connectionMade()
        transport: Any = self.transport
        transport.unregisterProducer()
        self._pressure = BackPressure(
            transport,
            self.callLater,
            stop=self.pauseProducing,
            go_on=self.resumeProducing,
            stalled=self.abort,
        )
        self._pressure.begin()
        self.peer = address_of(transport.getPeer())
        self.site.channel_opened(self)

    @property
    def idle(self) -> bool:
        """True while no request is under way."""
        return not self.requests

    def pauseProducing(self) -> None:
        """Stop: write no more of a response, begin no other, and read nothing."""
        super().pauseProducing()
        # Of LineReceiver: what was read already is kept as it is.
        self.paused = True
        self._networkProducer.pauseProducing()

    def resumeProducing(self) -> None:
        """Go on with the response, or with the requests behind it."""
        self.paused = False
        super().resumeProducing()
        behind = sum(map(len, self._dataBuffer))
        if (
            not self.paused
            and self._handlingRequest
            and behind <= self._optimisticEagerReadSize
        ):
            # Only what is read shows that the client has left.
            self._networkProducer.resumeProducing()
        if not self.paused and self._buffer:
            self.dataReceived(b"")

    def loseConnection(self) -> None:
        """Close behind what is written, when the client takes it in time."""
        self._pressure.close()
        super().loseConnection()

    def allHeadersReceived(self) -> None:
        """Give the request its request line now; Twisted does so only behind the body."""
        self.site.channel_used(self)
        self.requests[-1].headers_received(self._command, self._path, self._version)
        super().allHeadersReceived()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End, and deregister from the site."""
        self._pressure.lost()
        self.site.channel_closed(self)
        super().connectionLost(reason)

    def timeoutConnection(self) -> None:
        """End an idle connection without a line in the log: browsers keep many."""
        if self._pressure.blocked:
            # It reads the response to its last request.
            self.setTimeout(self.timeOut)
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        cast(ITCPTransport, self.transport).abortConnection()
