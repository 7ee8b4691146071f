"""The panel's site: its root resource admits each request and sets strict headers on each response.

`api` and `pages` make the responses; `access_control` decides who is admitted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorTime,
    ITCPTransport,
)
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from irsend.machine_interface import IMachine, IProbes
from irsend.panel.access_control import UNAUTHENTICATED, AccessControl
from irsend.panel.api import API
from irsend.panel.events import Events
from irsend.panel.metrics import Metrics
from irsend.panel.options import PanelOptions
from irsend.panel.pages import Pages
from irsend.panel.problems import Problem
from irsend.panel.rendering import pages_lack
from irsend.panel.request import LARGEST_BODY, SEND_FORM, PanelChannel, PanelRequest
from irsend.panel.responses import write_problem
from irsend.panel.shares import ConnectionShares
from irsend.panel.uploads import Upload
from irsend.panel.waiting import Waiting

STOP_TIMEOUT = 1.0
"""Seconds that a client has to read the rest of its response when the panel stops."""

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


class _Root(Resource):
    """The root resource, a leaf: klein resolves the paths behind it."""

    isLeaf = True

    def __init__(
        self, admit: Callable[[PanelRequest], None], api: API, pages: Pages | None
    ) -> None:
        super().__init__()
        self._admit = admit
        # Klein holds the bound application by a weak reference only.
        self._api = api.app.resource()
        self._pages = None if pages is None else pages.app.resource()

    def render(self, request: PanelRequest) -> object:
        """Admit the request to its resource, or write the problem that keeps it out."""
        for name, value in HEADERS.items():
            request.setHeader(name.encode(), value.encode())
        channel = cast(PanelChannel, request.channel)
        try:
            if request.refusal is not None:
                # Access control has seen it already: a wrong password counts once.
                raise request.refusal
            self._admit(request)
            self._check_size_and_encoding(request)
        except Problem as problem:
            self._close_surplus(request, channel)
            request.write(write_problem(request, problem))
            request.finish()
            return NOT_DONE_YET
        self._close_surplus(request, channel)
        if (request.postpath or [b""])[0] in (b"api", b"healthz", b"metrics"):
            return self._api.render(request)
        if self._pages is None:
            # The machine is fully used over HTTP without them.
            request.write(write_problem(request, Problem(409, pages_lack())))
            request.finish()
            return NOT_DONE_YET
        return self._pages.render(request)

    def _close_surplus(self, request: PanelRequest, channel: PanelChannel) -> None:
        if channel.surplus:
            channel.persistent = False
            request.setHeader(b"Connection", b"close")

    def _check_size_and_encoding(self, request: PanelRequest) -> None:
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
        options: PanelOptions,
        clock: IReactorTime,
        addresses: Callable[[], list[str]] | None = None,
        probes: IProbes | None = None,
    ) -> None:
        self._machine = machine
        self._events = Events(machine, clock, first=int(machine.device.now() * 1000))
        self._access = AccessControl(options=options, now=clock.seconds)
        self._metrics = Metrics(machine)
        self._waiting = Waiting(machine.device, clock)
        self._shares = ConnectionShares()
        root = _Root(
            self._admit,
            API(machine, self._events, self._access, self._metrics, self._waiting, probes),
            None
            if pages_lack()
            else Pages(machine, addresses or (lambda: []), self._access, probes),
        )
        super().__init__(root, reactor=clock)
        self.channels: set[PanelChannel] = set()
        self._all_closed: list[Deferred[None]] = []
        """Fire when the last connection is closed."""
        self._abort_call: IDelayedCall | None = None

    def upload_of(self, request: PanelRequest) -> Upload | None:
        """Return what takes the originals of this request; None where it brings no form. Problem."""
        self._admit(request)
        kind = request.requestHeaders.getRawHeaders(b"Content-Type") or [b""]
        if not kind[0].lower().startswith(b"multipart/form-data"):
            return None
        more_fields = ("token",) if request.path == SEND_FORM else ()
        return Upload(
            kind[0], self._machine.scan_directory, self._access.options.most_upload, more_fields
        )

    def _admit(self, request: PanelRequest) -> None:
        """Admit a request on its connection; Problem."""
        channel = cast(PanelChannel, request.channel)
        self._access.admit(request)
        if request.path != UNAUTHENTICATED:
            self._shares.admitted(channel)
        self._shares.check(channel, request.path)

    def __repr__(self) -> str:
        """Name the site without its address in memory: Twisted logs this."""
        return "<irsend panel>"

    def acceptableProtocols(self) -> list[bytes]:
        """Offer HTTP/1.1 only: HTTP/2 would hide the connection that `stop` closes."""
        return [b"http/1.1"]

    def change_options(self, options: PanelOptions) -> None:
        """Take other options, as after SIGHUP; event streams must be opened again."""
        self._access.change(options)
        self._events.end_streams()

    def stop(self) -> Deferred[None]:
        """End the event streams and close all connections; fires once they are gone.

        Call it when the port no longer listens; twice does no harm. A
        connection with a response under way is closed behind what has been
        written of it, and aborted when that is not read.
        """
        self._events.stop()
        self._waiting.stop()
        self._metrics.stop()
        for channel in tuple(self.channels):
            channel.loseConnection()
        if not self.channels:
            return succeed(None)
        closed: Deferred[None] = Deferred()
        self._all_closed.append(closed)
        if self._abort_call is None:
            self._abort_call = self.reactor.callLater(STOP_TIMEOUT, self._abort_channels)
        return closed

    def channel_opened(self, channel: PanelChannel) -> None:
        """Count a connection as open."""
        self.channels.add(channel)
        channel.known = self._access.admits_by_address(channel.peer)
        self._shares.opened(channel)

    def channel_used(self, channel: PanelChannel) -> None:
        """Note that a request came on it."""
        self._shares.used(channel)

    def channel_closed(self, channel: PanelChannel) -> None:
        """Forget a connection; behind the last one `stop` is done."""
        self.channels.discard(channel)
        self._shares.closed(channel)
        if not self.channels:
            if self._abort_call is not None and self._abort_call.active():
                self._abort_call.cancel()
            self._abort_call = None
            waiting, self._all_closed = self._all_closed, []
            for closed in waiting:
                closed.callback(None)

    def _abort_channels(self) -> None:
        for channel in tuple(self.channels):
            cast(ITCPTransport, channel.transport).abortConnection()

    # There is no access log, so the clock that stamps one need not tick.

    def startFactory(self) -> None:
        """Open no access log."""

    def stopFactory(self) -> None:
        """Close all connections."""
        self.stop()

    def log(self, request: Request) -> None:
        """Write no access log: the page polls often, and only mail sessions matter."""
