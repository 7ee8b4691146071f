"""The screens of the machine's touch panel, each with an address, and beside them the wire.

What is pressed on them is told by `pages`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from klein import Klein
from twisted.web.server import Request

from irsend.device.send_order import FORMATS, PAPERS, RESOLUTIONS
from irsend.device.sessions import SESSION_KINDS, SESSION_RESULTS
from irsend.device.windows import ITEMS
from irsend.errors import NoSuchRecord
from irsend.machine_interface import IMachine
from irsend.panel import request_parameters, serializers, transcript_view
from irsend.panel.access_control import AccessControl
from irsend.panel.api import session_number
from irsend.panel.menus import ROOT, Menu, root_menu
from irsend.panel.problems import Problem
from irsend.panel.rendering import HTML, templates
from irsend.panel.responses import shielded, write

_SHOWN = 25
_SHEETS = 60
"""Documents that the Mail Box shows."""
_PAGES_SHOWN = 50
"""Pages of a document that its screen shows; all are in the PDF."""
_LOOKED_THROUGH = 100
"""Jobs among which those of a session are sought."""
_FILTERS = ("kind", "peer", "result", "code")

app = Klein()


class Screens:
    """The routes that show something, for one machine."""

    def __init__(
        self,
        machine: IMachine,
        addresses: Callable[[], list[str]],
        access: AccessControl,
    ) -> None:
        self._machine, self._addresses, self._access = machine, addresses, access
        self._templates = templates()

    # -- the screens ------------------------------------------------------------------

    @app.route("/", methods=["GET"])
    async def front(self, request: Request) -> bytes:
        """Show the first screen: Send."""
        return await self._send_screen(request)

    @app.route("/send", methods=["GET"])
    def send_screen(self, request: Request) -> bytes:
        """Go to the first screen: where a refused order was shown, its address may be asked for again."""
        return see_other(request, "/")

    @app.route("/mailbox", methods=["GET"])
    async def mailbox(self, request: Request) -> bytes:
        """Show what was printed."""
        documents = self._machine.documents()
        return await self._screen(
            request,
            "mailbox.html",
            tab="mailbox",
            documents=documents[:_SHEETS],
            in_tray=len(documents),
        )

    @app.route("/mailbox/<number>", methods=["GET"])
    async def document(self, request: Request, number: str) -> bytes:
        """Show a printed document, page by page."""
        document = self._machine.document(number_of(number))
        return await self._screen(
            request,
            "document.html",
            tab="mailbox",
            document=document,
            shown=min(document.pages, _PAGES_SHOWN),
        )

    @app.route("/jobs", methods=["GET"])
    async def jobs(self, request: Request) -> bytes:
        """Show the jobs, sent and received."""
        return await self._screen(request, "jobs.html", tab="jobs")

    @app.route("/monitor", methods=["GET"])
    async def monitor(self, request: Request) -> bytes:
        """Show System Monitor."""
        return await self._screen(
            request,
            "monitor.html",
            tab="monitor",
            history=await shielded(self._machine.status_history(_SHOWN)),
            key=self._machine.key_description(),
            next_login=self._machine.next_login(),
        )

    @app.route(ROOT, methods=["GET"])
    async def functions(self, request: Request) -> bytes:
        """Show Additional Functions."""
        return await self._menu(request, root_menu(self._machine.device.model))

    @app.route(ROOT + "/<path:where>", methods=["GET"])
    async def menu(self, request: Request, where: str) -> bytes:
        """Show a menu, or a settings window."""
        root = root_menu(self._machine.device.model)
        for menu in root.walk():
            if menu.address == f"{ROOT}/{where}":
                return await self._menu(request, menu)
        raise Problem(404, "The machine has no such screen")

    @app.route("/wire", methods=["GET"])
    async def wire(self, request: Request) -> bytes:
        """Show sessions that fit a filter."""
        return await self._send_screen(request, on_the_wire=True)

    @app.route("/sessions/<id>", methods=["GET"])
    async def session(self, request: Request, id: str) -> bytes:
        """Show one session."""
        number = session_number(id)
        session = await shielded(self._machine.session(number))
        jobs = await shielded(self._machine.jobs(limit=_LOOKED_THROUGH))
        told = transcript_view.shown(await shielded(self._machine.transcript(number)))
        return await self._screen(
            request,
            "session.html",
            tab="session",
            session=session,
            of_session=[job for job in jobs if number in job.sessions],
            told=told,
            in_clear=transcript_view.in_clear(told),
            then=self._then(await shielded(self._machine.settings_at(session.started))),
        )

    # -- how they are made --------------------------------------------------------------

    async def _send_screen(
        self,
        request: Request,
        *,
        given: dict[str, Any] | None = None,
        problems: dict[str, str] | None = None,
        on_the_wire: bool = False,
    ) -> bytes:
        return await self._screen(
            request,
            "send.html",
            tab="wire" if on_the_wire else "send",
            given=given or {},
            problems=problems or {},
            formats=FORMATS,
            papers=PAPERS,
            resolutions=RESOLUTIONS,
        )

    async def _menu(
        self,
        request: Request,
        menu: Menu,
        *,
        given: dict[str, str] | None = None,
        refusals: dict[str, str] | None = None,
    ) -> bytes:
        shown = serializers.settings(self._machine.device, menu.window)["windows"]
        return await self._screen(
            request,
            "menu.html",
            tab="functions",
            menu=menu,
            items=shown[0]["items"] if menu.window and shown else [],
            given=given or {},
            refusals=refusals or {},
            labels={key: ITEMS[key].label for key in refusals or {}},
        )

    async def _screen(self, request: Request, template: str, **names: Any) -> bytes:
        """Make a page: a screen of the panel, and the wire beside it."""
        filters = self._filters(request)
        page = self._templates.get_template(template).render(
            device=self._machine.device,
            memory=self._machine.memory(),
            mac_filter=self._machine.mac_filter(),
            tray=len(self._machine.documents()),
            jobs=await shielded(self._machine.jobs(limit=_SHOWN)),
            sessions=await shielded(self._machine.sessions(_SHOWN, None, **filters)),
            filters=filters,
            smtp=next(iter(self._addresses()), "127.0.0.1:2525"),
            recipient=self._recipient(),
            token=self._access.token,
            here=request.path.decode("utf-8", "replace"),
            **names,
        )
        return write(request, page.encode("utf-8", "replace"), HTML)

    def _then(self, settings: dict[str, Any]) -> list[tuple[str, Any, Any]]:
        """Return label, value at a time and value now of what the model has; None for no change."""
        device = self._machine.device
        found = []
        for key in device.model.items():
            if key not in settings:
                continue
            now = ITEMS[key].kind.plain(device.settings.value(key))
            changed = now if now != settings[key] else None
            found.append((ITEMS[key].label, settings[key], changed))
        return found

    def _filters(self, request: Request) -> dict[str, Any]:
        if request.method == b"POST":
            return dict.fromkeys(_FILTERS)
        asked = request_parameters.query(request)
        code = request_parameters.text(asked, "code")
        return {
            "kind": request_parameters.one_of(
                {k: v for k, v in asked.items() if v}, "kind", SESSION_KINDS
            ),
            "peer": request_parameters.text(asked, "peer"),
            "result": request_parameters.one_of(
                {k: v for k, v in asked.items() if v}, "result", SESSION_RESULTS
            ),
            "code": code and "#" + code.removeprefix("#"),
        }

    def _recipient(self) -> str:
        """Return an address for which the machine takes mail."""
        # While no E-mail Address is set, that is any at the machine's own names.
        own: str = self._machine.device.settings.email_ifax.email_address
        names = (name for name in self._access.hostnames if re.fullmatch(r"[^:]*[a-z-]", name))
        return own or f"ir@{next(names, 'bench.test')}"


def see_other(request: Request, where: str) -> bytes:
    """Answer a form: show what stands there now."""
    request.setResponseCode(303)
    request.setHeader(b"Location", where.encode())
    request.setHeader(b"Content-Length", b"0")
    return b""


def number_of(given: str) -> str:
    """Return the number of a job or document as it stood in an address; NoSuchRecord."""
    if not re.fullmatch(r"[0-9]{4}", given):
        raise NoSuchRecord("There is no such number; numbers have four digits")
    return given
