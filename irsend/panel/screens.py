"""The screens of the machine's touch panel, each at an address, with the list of sessions beside them.

`received_screens` has those of what was received, `pages` the routes of all keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

from klein import Klein
from twisted.web.server import Request

from irsend.device.local_time import LocalTime
from irsend.device.model import load_model, model_names
from irsend.device.send_order import FORMATS, PAPERS, RESOLUTIONS
from irsend.device.sessions import SESSION_KINDS, SESSION_RESULTS, Session
from irsend.device.status import CAUSES, StatusCause
from irsend.device.windows import DEFAULTS, ITEMS
from irsend.errors import NoSuchRecord
from irsend.machine_interface import IMachine, IProbes
from irsend.panel import request_parameters, serializers
from irsend.panel.access_control import AccessControl
from irsend.panel.api import session_number
from irsend.panel.menus import ROOT, Menu, menu_of_window, root_menu
from irsend.panel.probing import probes_of
from irsend.panel.problems import Problem
from irsend.panel.rendering import HTML, templates
from irsend.panel.responses import shield, write
from irsend.panel.transcript_view import exposure, transcript_rows

_ROWS_SHOWN = 25
"""Rows of each list of jobs, sessions and status texts."""
JOBS_SEARCHED = 100
"""Newest jobs among which those of a session are sought."""
_FILTERS = ("kind", "peer", "result", "code")
_HALVES = {"received": "received", "mail": "received", "wire": "wire", "session": "wire"}
"""Which half of the page a tab is in, where that is not the machine."""

app = Klein()


class Screens:
    """The routes that show something, for one machine."""

    def __init__(
        self,
        machine: IMachine,
        addresses: Callable[[], list[str]],
        access: AccessControl,
        probes: IProbes | None,
    ) -> None:
        self._machine, self._addresses, self._access = machine, addresses, access
        self._probes = probes
        self._templates = templates()

    # -- screens ----------------------------------------------------------------------

    @app.route("/send", methods=["GET"])
    async def send_form(self, request: Request) -> bytes:
        """Show Send; reloading a refused order asks for this address too."""
        return await self._send_screen(request)

    @app.route("/probe", methods=["GET"])
    async def probe(self, request: Request) -> bytes:
        """Show the form of a probe, and how far the one under way is."""
        return await self._probe_screen(request)

    @app.route("/jobs", methods=["GET"])
    async def jobs(self, request: Request) -> bytes:
        """Show the jobs, sent and received."""
        return await self.screen(request, "jobs.html", "jobs")

    @app.route("/monitor", methods=["GET"])
    async def monitor(self, request: Request) -> bytes:
        """Show System Monitor."""
        history = await shield(self._machine.status_history(_ROWS_SHOWN))
        return await self.screen(
            request,
            "monitor.html",
            "monitor",
            history=history,
            key=self._machine.key_description(),
            next_login=self._machine.next_login(),
        )

    @app.route(ROOT, methods=["GET"])
    async def functions(self, request: Request) -> bytes:
        """Show Additional Functions."""
        return await self._menu(request, root_menu(self._machine.device.model))

    @app.route(ROOT + "/<path:path>", methods=["GET"])
    async def menu(self, request: Request, path: str) -> bytes:
        """Show a menu or a settings window."""
        root = root_menu(self._machine.device.model)
        for menu in root.walk():
            if menu.address == f"{ROOT}/{path}":
                return await self._menu(request, menu)
        raise Problem(404, "The machine has no such screen")

    @app.route("/wire", methods=["GET"])
    async def wire(self, request: Request) -> bytes:
        """Show the sessions that match a filter."""
        return await self._send_screen(request, tab="wire")

    @app.route("/sessions/<id>", methods=["GET"])
    async def session(self, request: Request, id: str) -> bytes:
        """Show one session."""
        session = await shield(self._machine.session(session_number(id)))
        then = await shield(self._machine.settings_at(session.started))
        return await self.screen(
            request,
            "session.html",
            "session",
            settings_then=self._compared(then),
            **await self._of_session(session),
        )

    @app.route("/sessions/<id>/cause", methods=["GET"])
    async def cause(self, request: Request, id: str) -> bytes:
        """Show what a session's text on the status line means, and the setting that drew it."""
        session = await shield(self._machine.session(session_number(id)))
        if not session.status_line:
            raise Problem(404, "This session has put nothing on the status line")
        cause = CAUSES[session.status_line]
        menu = menu_of_window(
            root_menu(self._machine.device.model), cause.setting.partition(".")[0]
        )
        if menu is None:
            # The model was another one then.
            return see_other(request, f"/sessions/{session.id}")
        names = await self._of_session(session)
        return await self._menu(request, menu, cause=cause, names=names)

    # -- rendering --------------------------------------------------------------------

    async def _send_screen(
        self,
        request: Request,
        *,
        given: dict[str, object] | None = None,
        problems: dict[str, str] | None = None,
        tab: str = "send",
    ) -> bytes:
        return await self.screen(
            request,
            "send.html",
            tab,
            **order_form(given, problems),
        )

    async def _menu(
        self,
        request: Request,
        menu: Menu,
        *,
        given: dict[str, str] | None = None,
        refusals: dict[str, str] | None = None,
        cause: StatusCause | None = None,
        names: dict[str, object] | None = None,
    ) -> bytes:
        """Render a menu; with a `cause` also what its setting drew, and the session beside it."""
        shown = serializers.settings(self._machine.device, menu.window)["windows"]
        return await self.screen(
            request,
            "cause.html" if cause else "menu.html",
            "functions",
            menu=menu,
            items=shown[0]["items"] if menu.window and shown else [],
            given=given or {},
            refusals=refusals or {},
            labels={key: ITEMS[key].label for key in refusals or {}},
            cause=cause,
            **(names or {"session": None}),
        )

    async def _probe_screen(
        self,
        request: Request,
        *,
        given: dict[str, object] | None = None,
        problems: dict[str, str] | None = None,
    ) -> bytes:
        return await self.screen(
            request,
            "probe.html",
            "probe",
            probe=probes_of(self._probes).state,
            models=[load_model(name) for name in model_names()],
            given=given or {},
            problems=problems or {},
        )

    async def _of_session(self, session: Session) -> dict[str, object]:
        """Return the names that the session's half of the page takes."""
        jobs = await shield(self._machine.jobs(limit=JOBS_SEARCHED))
        rows = transcript_rows(await shield(self._machine.transcript(session.id)))
        return {
            "session": session,
            "session_jobs": [job for job in jobs if session.id in job.sessions],
            "rows": rows,
            "exposure": exposure(rows),
        }

    async def screen(self, request: Request, template: str, tab: str, **names: object) -> bytes:
        """Render a page: a screen of the panel, and a half of the bench beside it.

        `tab` is what is shown; on a narrow display only its half is.
        """
        filters = self._filters(request)
        now = self._machine.device.now()
        parameters = {} if request.method == b"POST" else request_parameters.query(request)
        page = self._templates.get_template(template).render(
            device=self._machine.device,
            memory=self._machine.memory(),
            mac_filter=self._machine.mac_filter(),
            tray=len(self._machine.documents()),
            jobs=await shield(self._machine.jobs(limit=_ROWS_SHOWN)),
            sessions=await shield(self._machine.sessions(_ROWS_SHOWN, None, **filters)),
            filters=filters,
            smtp=next(iter(self._addresses()), "127.0.0.1:2525"),
            recipient=self._recipient(),
            token=self._access.token,
            here=request.path.decode("utf-8", "replace"),
            tab=tab,
            half=_HALVES.get(tab, "machine"),
            clock=request_parameters.clock(parameters, now),
            host_zone=LocalTime(now).name,
            with_clock=lambda zone: urlencode({**parameters, "clock": zone}),
            **names,
        )
        return write(request, page.encode("utf-8", "replace"), HTML)

    def _compared(self, settings: dict[str, object]) -> list[tuple[str, object, object]]:
        """Return label, value in `settings` and value now of the model's items; None for no change.

        Quirks are there where they were turned on, or are now.
        """
        device = self._machine.device
        rows = []
        for key in device.model.items():
            if key not in settings:
                continue
            now = ITEMS[key].kind.plain(device.settings.value(key))
            usual = ITEMS[key].kind.plain(DEFAULTS[key])
            if key.startswith("quirks.") and settings[key] == now == usual:
                continue
            changed = now if now != settings[key] else None
            rows.append((ITEMS[key].label, settings[key], changed))
        return rows

    def _filters(self, request: Request) -> dict[str, str | None]:
        if request.method == b"POST":
            return dict.fromkeys(_FILTERS)
        parameters = request_parameters.query(request)
        # A form sends its empty fields too.
        given = {name: value for name, value in parameters.items() if value}
        code = request_parameters.text(given, "code")
        return {
            "kind": request_parameters.one_of(given, "kind", SESSION_KINDS),
            "peer": request_parameters.text(given, "peer"),
            "result": request_parameters.one_of(given, "result", SESSION_RESULTS),
            "code": code and "#" + code.removeprefix("#"),
        }

    def _recipient(self) -> str:
        """Return an address that the machine accepts mail for."""
        # Without an E-mail Address it accepts any at its own host names.
        own: str = self._machine.device.settings.email_ifax.email_address
        names = (
            name
            for name in self._access.options.hostnames
            if re.fullmatch(r"[^:]*[a-z-]", name)
        )
        return own or f"ir@{next(names, 'bench.test')}"


def order_form(
    given: dict[str, object] | None = None, problems: dict[str, str] | None = None
) -> dict[str, object]:
    """Return the names that the form of Send takes: what was given before, and what was wrong."""
    return {
        "given": given or {},
        "problems": problems or {},
        "formats": FORMATS,
        "papers": PAPERS,
        "resolutions": RESOLUTIONS,
    }


def see_other(request: Request, location: str) -> bytes:
    """Answer a form with a redirect (RFC 9110 15.4.4)."""
    request.setResponseCode(303)
    request.setHeader(b"Location", location.encode())
    request.setHeader(b"Content-Length", b"0")
    return b""


def number_of(given: str) -> str:
    """Return the number of a job or document that stands in an address; NoSuchRecord."""
    if not re.fullmatch(r"[0-9]{4}", given):
        raise NoSuchRecord("There is no such number; numbers have four digits")
    return given
