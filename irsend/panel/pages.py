"""The page for people: the machine's touch panel, and beside it the wire; it works without JavaScript.

Each screen of the panel has an address. Pages are made on the machine's side from templates;
what a form changes goes the same way as PATCH /api/settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any

from klein import Klein
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request

from irsend.device.orders import FORMATS, PAPERS, RESOLUTIONS
from irsend.device.windows import ITEMS
from irsend.errors import MemoryFull, NoSuchRecord, ScanRefused, SendRefused, SettingsRefused
from irsend.interfaces import IMachine
from irsend.panel import asking, shapes, transcripts
from irsend.panel.answers import refused, shielded, write
from irsend.panel.api import SESSION_KINDS, session_number
from irsend.panel.doors import Doors
from irsend.panel.menus import ROOT, Step, menus, step_of_window
from irsend.panel.problems import Problem
from irsend.panel.rendering import HTML, templates

if TYPE_CHECKING:
    from irsend.panel.site import PanelRequest

_SHOWN = 25
_SHEETS = 60
"""Documents that the Mail Box shows."""
_PAGES_SHOWN = 50
"""Pages of a document that its screen shows; all are in the PDF."""
_LOOKED_THROUGH = 100
"""Jobs among which those of a session are sought."""
_STATIC = {
    "panel.css": "text/css; charset=utf-8",
    "panel.js": "text/javascript; charset=utf-8",
    "panel.svg": "image/svg+xml",
}
_FILTERS = ("kind", "peer", "result", "code")


class Pages:
    """The page's routes, for one machine."""

    app = Klein()

    def __init__(
        self,
        machine: IMachine,
        addresses: Callable[[], list[str]],
        doors: Doors,
    ) -> None:
        self._machine, self._addresses, self._doors = machine, addresses, doors
        self._templates = templates()
        files = resources.files("irsend.panel").joinpath("static")
        self._static = {name: files.joinpath(name).read_bytes() for name in _STATIC}

    @app.handle_errors(Exception)
    def _refused(self, request: IRequest, failure: Failure) -> bytes:
        return refused(request, failure)

    # -- the screens ------------------------------------------------------------------

    @app.route("/", methods=["GET"])
    async def front(self, request: Request) -> bytes:
        """Show the first screen: Send."""
        return await self._send_screen(request)

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
        document = self._machine.document(_document_number(number))
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
        return await self._menu(request, menus(self._machine.device.model))

    @app.route(ROOT + "/<path:where>", methods=["GET"])
    async def menu(self, request: Request, where: str) -> bytes:
        """Show a step of the menus, or a settings window."""
        root = menus(self._machine.device.model)
        for step in root.all():
            if step.address == f"{ROOT}/{where}":
                return await self._menu(request, step)
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
        told = transcripts.shown(await shielded(self._machine.transcript(number)))
        return await self._screen(
            request,
            "session.html",
            tab="session",
            session=session,
            of_session=[job for job in jobs if number in job.sessions],
            told=told,
            in_clear=transcripts.in_clear(told),
        )

    @app.route("/static/<name>", methods=["GET"])
    def static(self, request: Request, name: str) -> bytes:
        """Give a file that the page is made of."""
        if name not in self._static:
            raise Problem(404, "There is no such file")
        return write(request, self._static[name], _STATIC[name])

    # -- the keys ---------------------------------------------------------------------

    @app.route("/settings/<window>", methods=["POST"])
    async def change(self, request: Request, window: str) -> bytes:
        """Take a window's form: what differs from the settings is changed, all or none."""
        fields = asking.form(request)
        step = step_of_window(menus(self._machine.device.model), window)
        if step is None:
            raise Problem(404, "The machine has no such window")
        keys = [
            key for key in self._machine.device.model.items() if key.startswith(f"{window}.")
        ]
        given = {key: fields[key][-1] for key in keys if key in fields}
        try:
            self._machine.change_settings(self._differing(given, fields))
        except SettingsRefused as error:
            request.setResponseCode(422)
            refusals = {one.key: one.problem for one in error.refused}
            return await self._menu(request, step, given=given, refusals=refusals)
        return _see_other(request, step.above.address if step.above else ROOT)

    @app.route("/settings/<window>", methods=["GET"])
    def window(self, request: Request, window: str) -> bytes:
        """Go to a window: where a refused form was shown, its address may be asked for again."""
        step = step_of_window(menus(self._machine.device.model), window)
        if step is None:
            raise Problem(404, "The machine has no such window")
        return _see_other(request, step.address)

    @app.route("/clear", methods=["POST"])
    def clear(self, request: Request) -> bytes:
        """Clear the status line, as its key does."""
        form = asking.form(request)
        self._machine.device.clear_status()
        return _see_other(request, _back(form))

    @app.route("/paper", methods=["POST"])
    def paper(self, request: Request) -> bytes:
        """Put paper into the drawer, or take it out, as a hand does."""
        form = asking.form(request)
        given = form.get("paper", [""])[-1]
        if given not in ("in", "out"):
            raise Problem(422, "paper is missing, or not allowed; allowed: in, out")
        self._machine.change_paper(given == "in")
        return _see_other(request, _back(form))

    @app.route("/receive", methods=["POST"])
    async def receive(self, request: Request) -> bytes:
        """Fetch mail now, and show the session: Check I-Fax RX."""
        asking.form(request)
        session = await shielded(self._machine.receive())
        return _see_other(request, f"/sessions/{session.id}")

    @app.route("/mailbox/<number>/delete", methods=["POST"])
    async def delete(self, request: Request, number: str) -> bytes:
        """Take a document out of the tray, for good."""
        asking.form(request)
        await shielded(self._machine.take_document(_document_number(number)))
        return _see_other(request, "/mailbox")

    @app.route("/jobs/<number>/cancel", methods=["POST"])
    async def cancel(self, request: Request, number: str) -> bytes:
        """Cancel a job: Stop."""
        asking.form(request)
        await shielded(self._machine.cancel_job(_document_number(number)))
        return _see_other(request, "/jobs")

    @app.route("/send", methods=["POST"])
    async def send(self, request: PanelRequest) -> bytes:
        """Scan what is on the glass and send it: Start."""
        upload = asking.upload(request)
        upload.finish()
        words = {
            name: value
            for name, value in asking.order(upload.fields).items()
            # A form sends its empty fields too.
            if value or name == "to"
        }
        try:
            order = self._machine.read_order(upload.originals, words)
            await self._machine.send(order)
        except SendRefused as error:
            request.setResponseCode(422)
            problems = {one.key: one.problem for one in error.refused}
            return await self._send_screen(request, given=words, problems=problems)
        except (ScanRefused, MemoryFull) as error:
            request.setResponseCode(507 if isinstance(error, MemoryFull) else 422)
            return await self._send_screen(request, given=words, problems={"page": str(error)})
        return _see_other(request, "/jobs")

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
        step: Step,
        *,
        given: dict[str, str] | None = None,
        refusals: dict[str, str] | None = None,
    ) -> bytes:
        shown = shapes.settings(self._machine.device, step.window)["windows"]
        return await self._screen(
            request,
            "menu.html",
            tab="functions",
            step=step,
            items=shown[0]["items"] if step.window and shown else [],
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
            here=request.path.decode("utf-8", "replace"),
            **names,
        )
        return write(request, page.encode("utf-8", "replace"), HTML)

    def _filters(self, request: Request) -> dict[str, Any]:
        if request.method == b"POST":
            return dict.fromkeys(_FILTERS)
        asked = asking.query(request)
        code = asking.text(asked, "code")
        return {
            "kind": asking.one_of({k: v for k, v in asked.items() if v}, "kind", SESSION_KINDS),
            "peer": asking.text(asked, "peer"),
            "result": asking.one_of(
                {k: v for k, v in asked.items() if v}, "result", ("OK", "NG")
            ),
            "code": code and "#" + code.removeprefix("#"),
        }

    def _recipient(self) -> str:
        """Return an address for which the machine takes mail."""
        # While no E-mail Address is set, that is any at the machine's own names.
        own: str = self._machine.device.settings.email_ifax.email_address
        names = (name for name in self._doors.hostnames if re.fullmatch(r"[^:]*[a-z-]", name))
        return own or f"ir@{next(names, 'bench.test')}"

    def _differing(
        self, given: dict[str, str], fields: dict[str, list[str]]
    ) -> dict[str, object]:
        """Return what is to be changed: an untouched field is none of the operator's doing."""
        changes: dict[str, object] = {}
        for key, text in given.items():
            about = ITEMS[key]
            if about.secret:
                # An empty field keeps the secret, which the page never had.
                if text or f"forget:{key}" in fields:
                    changes[key] = text
                continue
            value: object = text
            if about.kind.type == "list":
                value = [part.strip() for part in re.split(r"[,\r\n]", text) if part.strip()]
            try:
                if about.kind.read(value) == self._machine.device.settings.value(key):
                    continue
            except ValueError:
                pass  # told at its field, with all the others
            changes[key] = value
        return changes


def _see_other(request: Request, where: str) -> bytes:
    request.setResponseCode(303)
    request.setHeader(b"Location", where.encode())
    request.setHeader(b"Content-Length", b"0")
    return b""


def _back(form: dict[str, list[str]]) -> str:
    """Return the screen that a key was pressed on: an address of the panel's own."""
    where = form.get("back", ["/"])[-1]
    return where if re.fullmatch(r"/(?:[a-z0-9-]+/?)*", where) else "/"


def _document_number(given: str) -> str:
    if not re.fullmatch(r"[0-9]{4}", given):
        raise NoSuchRecord("There is no such number; numbers have four digits")
    return given
