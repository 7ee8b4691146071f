"""The panel's site: one way in for every request, strict headers on every answer.

What is asked for is answered by `api` and `pages`; who may ask is told by `access_control`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from irsend.machine_interface import IMachine
from irsend.panel.access_control import AccessControl
from irsend.panel.api import API
from irsend.panel.events import Events
from irsend.panel.metrics import Metrics
from irsend.panel.pages import Pages
from irsend.panel.problems import Problem, problem_of
from irsend.panel.responses import write_problem
from irsend.panel.uploads import Upload

LARGEST_BODY = 1_000_000
MOST_CONNECTIONS = 200
MOST_UPLOAD = 200_000_000
"""Octets of the originals of one sending, where nothing else is said."""
PATIENCE_AT_STOP = 1.0
"""Seconds that a client has to read the rest of its answer when the panel stops."""
_SENDS = (b"/api/send", b"/send")
"""Where originals are put on the glass: by programs, and by the page."""
_PATIENCE = 20 * LARGEST_BODY
"""How much of a body that is too large is read before its sender is cut off unheard."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "irsend",
}


class PanelRequest(Request):
    """A request whose body is bounded, and whose failure is a problem document."""

    defaultContentType = None
    content: io.BytesIO
    oversized = False
    upload: Upload | None = None
    """The originals that come with it, where it is a sending."""
    refusal: Problem | None = None
    """Why it is answered with nothing else, where that is known before its body."""
    _taken = 0
    _content_types: Sequence[bytes] | None = None

    def announced(self, method: bytes, target: bytes, version: bytes) -> None:
        """Hear of the request before its body: originals go to the disk, if they may come in at all."""
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
            # Answered, refused or lost: nothing of it stays on the disk.
            self.notifyFinish().addBoth(lambda _: upload.discard())

    def gotLength(self, length: int | None) -> None:
        """Keep the body in memory: it is small, or it is not kept."""
        self.content = io.BytesIO()
        self.oversized = self.upload is None and length is not None and length > LARGEST_BODY

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Keep Twisted from parsing forms: that is done behind the access, and answered in words."""
        self._content_types = self.requestHeaders.getRawHeaders(b"Content-Type")
        self.requestHeaders.removeHeader(b"Content-Type")
        super().requestReceived(command, path, version)

    def process(self) -> None:
        """Give the request its header back, and answer it."""
        if self._content_types is not None:
            self.requestHeaders.setRawHeaders(b"Content-Type", self._content_types)
        super().process()

    def handleContentChunk(self, data: bytes) -> None:
        """Keep what comes of the body, up to the limit; read on, so as to be heard."""
        self._taken += len(data)
        if self.upload is not None:
            self.upload.feed(data)
            if self.upload.problem is not None and self._taken > self.upload.most + _PATIENCE:
                cast(ITCPTransport, self.transport).abortConnection()
            return
        if self._taken > LARGEST_BODY:
            self.oversized = True
        if self._taken > _PATIENCE:
            cast(ITCPTransport, self.transport).abortConnection()
        elif not self.oversized:
            self.content.write(data)
        elif self.content.tell():
            self.content.seek(0)
            self.content.truncate()

    def processingFailed(self, reason: Failure) -> Failure:
        """Answer what nobody foresaw with a problem, and no traceback."""
        problem = problem_of(reason, self.path.decode("latin-1"))
        if not self.startedWriting:
            self.write(write_problem(self, problem))
        if not self.finished and not self._disconnected:
            self.finish()
        return reason


class PanelChannel(HTTPChannel):
    """A connection that its site knows, so that it can be closed."""

    site: PanelSite

    def connectionMade(self) -> None:
        """Begin, and be known."""
        super().connectionMade()
        self.site.channels.add(self)

    def allHeadersReceived(self) -> None:
        """Tell the request what it is: Twisted does so only behind its body."""
        self.requests[-1].announced(self._command, self._path, self._version)
        super().allHeadersReceived()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End, and be forgotten."""
        self.site.channel_gone(self)
        super().connectionLost(reason)

    def timeoutConnection(self) -> None:
        """End an idle connection without a line in the log: browsers keep many."""
        cast(ITCPTransport, self.transport).abortConnection()


class _Door(Resource):
    """Where every request comes in."""

    isLeaf = True

    def __init__(self, access: AccessControl, api: API, pages: Pages) -> None:
        super().__init__()
        self._access = access
        # Klein holds the bound application by a weak reference only.
        self._api, self._pages = api.app.resource(), pages.app.resource()

    def render(self, request: PanelRequest) -> Any:
        """Answer, or refuse."""
        for name, value in HEADERS.items():
            request.setHeader(name.encode(), value.encode())
        try:
            if request.refusal is not None:
                # A wrong password counts once.
                raise request.refusal
            self._access.admit(request)
            self._check_form(request)
        except Problem as problem:
            request.write(write_problem(request, problem))
            request.finish()
            return NOT_DONE_YET
        is_api = (request.postpath or [b""])[0] in (b"api", b"healthz", b"metrics")
        return (self._api if is_api else self._pages).render(request)

    def _check_form(self, request: PanelRequest) -> None:
        if request.oversized:
            raise Problem(413, f"A body has up to {LARGEST_BODY} octets")
        try:
            b"/".join(request.postpath or []).decode("utf-8")
            request.uri.decode("ascii")
        except UnicodeDecodeError:
            raise Problem(400, "The address is not in UTF-8, or not escaped") from None


class PanelSite(Site):
    """The factory that serves one machine's panel."""

    requestFactory = PanelRequest
    protocol = PanelChannel  # type: ignore[assignment]  # Twisted names its own proxy
    noisy = False

    def __init__(
        self,
        machine: IMachine,
        *,
        password: str,
        hostnames: tuple[str, ...],
        clock: IReactorTime,
        addresses: Callable[[], list[str]] | None = None,
        most_upload: int = MOST_UPLOAD,
    ) -> None:
        self._machine = machine
        self._most_upload = most_upload
        self._events = Events(machine, clock, first=int(machine.device.now() * 1000))
        self._access = AccessControl(
            password=password, hostnames=tuple(hostnames), now=clock.seconds
        )
        self._metrics = Metrics(machine)
        door = _Door(
            self._access,
            API(machine, self._events, self._access, self._metrics),
            Pages(machine, addresses or (lambda: []), self._access),
        )
        super().__init__(door, reactor=clock)
        self.channels: set[PanelChannel] = set()
        self._waiting: list[Deferred[None]] = []
        self._cutting: IDelayedCall | None = None

    def upload_of(self, request: PanelRequest) -> Upload | None:
        """Return what takes the originals of this request; None where it brings no form. Problem."""
        self._access.admit(request)
        kind = request.requestHeaders.getRawHeaders(b"Content-Type") or [b""]
        if not kind[0].lower().startswith(b"multipart/form-data"):
            return None
        also = ("token",) if request.path == _SENDS[1] else ()
        return Upload(kind[0], self._machine.scan_directory, self._most_upload, also)

    def __repr__(self) -> str:
        """Say no more than what it is: Twisted logs this."""
        return "<irsend panel>"

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Take a connection, or none over the limit: descriptors are the whole machine's."""
        return super().buildProtocol(addr) if len(self.channels) < MOST_CONNECTIONS else None

    def acceptableProtocols(self) -> list[bytes]:
        """Speak HTTP/1.1 only: a connection that is two protocols cannot be closed as one."""
        return [b"http/1.1"]

    def change_access(self, *, password: str, hostnames: tuple[str, ...]) -> None:
        """Take another password and other names, as after SIGHUP; who listens is asked anew."""
        self._access.change(password, tuple(hostnames))
        self._events.end_streams()

    def stop(self) -> Deferred[None]:
        """End the event streams and close all connections; fires once they are gone.

        Call it when the port no longer listens; twice does no harm. A
        connection with an answer under way is closed behind what has been
        written of it, and cut off when that is not read.
        """
        self._events.stop()
        self._metrics.stop()
        for channel in tuple(self.channels):
            channel.loseConnection()
        if not self.channels:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._waiting.append(gone)
        if self._cutting is None:
            self._cutting = self.reactor.callLater(PATIENCE_AT_STOP, self._cut_off)
        return gone

    def channel_gone(self, channel: PanelChannel) -> None:
        """Hear that a connection is closed."""
        self.channels.discard(channel)
        if not self.channels:
            if self._cutting is not None and self._cutting.active():
                self._cutting.cancel()
            self._cutting = None
            waiting, self._waiting = self._waiting, []
            for gone in waiting:
                gone.callback(None)

    def _cut_off(self) -> None:
        for channel in tuple(self.channels):
            cast(ITCPTransport, channel.transport).abortConnection()

    # There is no access log, so the clock that stamps one need not tick.

    def startFactory(self) -> None:
        """Begin with no access log."""

    def stopFactory(self) -> None:
        """End with none, and with nobody listening."""
        self.stop()

    def log(self, request: Any) -> None:
        """Keep no access log: the page asks often, and sessions are what matters."""
