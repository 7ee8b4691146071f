"""The page for people: the routes of its keys and of its static files; it works without JavaScript.

`screens` has the routes that show something. A form changes settings the same way as
PATCH /api/settings does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources

from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request
from twisted.web.static import File

from irsend.device.windows import ITEMS
from irsend.errors import MemoryFull, NotKept, ScanRefused, SendRefused, SettingsRefused
from irsend.machine_interface import IMachine, IProbes
from irsend.panel import request_parameters, serializers
from irsend.panel.access_control import AccessControl
from irsend.panel.api import session_number
from irsend.panel.mails import mail_id
from irsend.panel.menus import ROOT, menu_of_window, root_menu
from irsend.panel.probing import form_of_probe, probes_of
from irsend.panel.problems import Problem, problem_of
from irsend.panel.received_screens import ReceivedScreens
from irsend.panel.rendering import HTML
from irsend.panel.request import PanelRequest
from irsend.panel.responses import shield, write, write_failure
from irsend.panel.screens import app, number_of, see_other

_STATIC = {
    "api-docs.css": "text/css; charset=utf-8",
    "api-docs.js": "text/javascript; charset=utf-8",
    "keys.js": "text/javascript; charset=utf-8",
    "paper.js": "text/javascript; charset=utf-8",
    "panel.css": "text/css; charset=utf-8",
    "panel.js": "text/javascript; charset=utf-8",
    "sending.js": "text/javascript; charset=utf-8",
    "panel.svg": "image/svg+xml",
}
_SWAGGER_UI = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
"""Its files are large and seldom asked for: they are read when they are."""


class Pages(ReceivedScreens):
    """All routes of the page, for one machine."""

    app = app

    def __init__(
        self,
        machine: IMachine,
        addresses: Callable[[], list[str]],
        access: AccessControl,
        probes: IProbes | None,
    ) -> None:
        super().__init__(machine, addresses, access, probes)
        self._files = resources.files("irsend.panel").joinpath("static")
        self._static = {name: self._files.joinpath(name).read_bytes() for name in _STATIC}

    @app.handle_errors(Exception)
    def _write_failure(self, request: IRequest, failure: Failure) -> bytes:
        if b"text/html" not in (request.getHeader(b"accept") or b""):
            return write_failure(request, failure)
        # A browser gets a page, a program a problem document.
        problem = problem_of(failure, request.path.decode("utf-8", "replace"))
        request.setResponseCode(int(problem.status))
        for name, value in problem.headers.items():
            request.setHeader(name.encode(), value.encode())
        template = self._templates.get_template("problem.html")
        page = template.render(problem=problem, device=self._machine.device)
        return write(request, page.encode("utf-8", "replace"), HTML)

    @app.route("/static/<name>", methods=["GET"])
    def static(self, request: Request, name: str) -> bytes:
        """Give a static file."""
        if name not in self._static:
            raise Problem(404, "There is no such file")
        return write(request, self._static[name], _STATIC[name])

    @app.route("/static/swagger-ui/<name>", methods=["GET"])
    def swagger_ui(self, request: Request, name: str) -> File:
        """Give a file of Swagger UI; a browser keeps it."""
        if name not in _SWAGGER_UI:
            raise Problem(404, "There is no such file")
        request.setHeader(b"Cache-Control", b"private, no-cache")
        return File(
            str(self._files.joinpath("swagger-ui", name)), defaultType=_SWAGGER_UI[name]
        )

    @app.route("/sessions/<id>.txt", methods=["GET"])
    async def transcript(self, request: Request, id: str) -> bytes:
        """Give the transcript of a session as text, to be copied or linked to."""
        lines = await shield(self._machine.transcript(session_number(id)))
        text = serializers.transcript_text(lines).encode("utf-8", "replace")
        return write(request, text, "text/plain; charset=utf-8")

    @app.route("/settings/<window>", methods=["POST"])
    async def change(self, request: Request, window: str) -> bytes:
        """Take a window's form: what differs from the settings is changed, all or none."""
        fields = self._form(request)
        menu = menu_of_window(root_menu(self._machine.device.model), window)
        if menu is None:
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
            return await self._menu(request, menu, given=given, refusals=refusals)
        return see_other(request, menu.parent.address if menu.parent else ROOT)

    @app.route("/settings/<window>", methods=["GET"])
    def window(self, request: Request, window: str) -> bytes:
        """Redirect to a window: reloading a refused form asks for this address."""
        menu = menu_of_window(root_menu(self._machine.device.model), window)
        if menu is None:
            raise Problem(404, "The machine has no such window")
        return see_other(request, menu.address)

    @app.route("/clear", methods=["POST"])
    async def clear(self, request: Request) -> bytes:
        """Clear the status line, as its key does."""
        form = self._form(request)
        await shield(self._machine.clear_status())
        return see_other(request, _back(form))

    @app.route("/paper", methods=["POST"])
    async def paper(self, request: Request) -> bytes:
        """Put paper into the drawer, or take it out."""
        form = self._form(request)
        given = form.get("paper", [""])[-1]
        if given not in ("in", "out"):
            raise Problem(422, "paper is missing, or not allowed; allowed: in, out")
        await shield(self._machine.change_paper(given == "in"))
        return see_other(request, _back(form))

    @app.route("/receive", methods=["POST"])
    async def receive(self, request: Request) -> bytes:
        """Fetch mail now, and show the session: Check I-Fax RX."""
        self._form(request)
        session = await shield(self._machine.receive())
        return see_other(request, f"/sessions/{session.id}")

    @app.route("/mailbox/<number>/delete", methods=["POST"])
    async def delete(self, request: Request, number: str) -> bytes:
        """Take a document out of the tray, for good."""
        self._form(request)
        await shield(self._machine.remove_document(number_of(number)))
        return see_other(request, "/mailbox")

    @app.route("/mails/<id>/delete", methods=["POST"])
    async def delete_mail(self, request: Request, id: str) -> bytes:
        """Delete a received mail, for good; its document stays, and one that waits is not printed."""
        self._form(request)
        await shield(self._machine.remove_mail(mail_id(id)))
        return see_other(request, "/")

    @app.route("/jobs/<number>/cancel", methods=["POST"])
    async def cancel(self, request: Request, number: str) -> bytes:
        """Cancel a job."""
        self._form(request)
        await shield(self._machine.cancel_job(number_of(number)))
        return see_other(request, "/jobs")

    @app.route("/probe", methods=["POST"])
    async def begin_probe(self, request: Request) -> bytes:
        """Begin a probe."""
        given = form_of_probe(self._form(request))
        try:
            probes_of(self._probes).begin(given)
        except SettingsRefused as error:
            request.setResponseCode(422)
            problems = {one.key: one.problem for one in error.refused}
            return await self._probe_screen(request, given=given, problems=problems)
        return see_other(request, "/probe")

    @app.route("/probe/end", methods=["POST"])
    async def end_probe(self, request: Request) -> bytes:
        """End the probe under way."""
        self._form(request)
        await shield(probes_of(self._probes).stop())
        return see_other(request, "/probe")

    @app.route("/send", methods=["POST"])
    async def send(self, request: PanelRequest) -> bytes:
        """Scan what is on the glass and send it: Start."""
        upload = request_parameters.upload(request)
        upload.finish()
        fields = upload.fields
        self._access.check_token(fields.pop("token", [""])[-1])
        given = {
            name: value
            for name, value in request_parameters.order_items(fields).items()
            # A form sends its empty fields too.
            if value or name == "to"
        }
        try:
            order = self._machine.read_order(upload.originals, given)
            await self._machine.send(order)
        except SendRefused as error:
            request.setResponseCode(422)
            problems = {one.key: one.problem for one in error.refused}
            return await self._send_screen(request, given=given, problems=problems)
        except (ScanRefused, MemoryFull, NotKept) as error:
            request.setResponseCode(422 if isinstance(error, ScanRefused) else 507)
            return await self._send_screen(request, given=given, problems={"page": str(error)})
        return see_other(request, "/jobs")

    def _form(self, request: Request) -> dict[str, list[str]]:
        """Return the fields of a form with a valid token; Problem."""
        fields = request_parameters.form(request)
        self._access.check_token(fields.pop("token", [""])[-1])
        return fields

    def _differing(
        self, given: dict[str, str], fields: dict[str, list[str]]
    ) -> dict[str, object]:
        """Return the fields that differ from the settings: a form sends its untouched fields too."""
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
                pass  # change_settings refuses it, together with all others
            changes[key] = value
        return changes


def _back(form: dict[str, list[str]]) -> str:
    """Return the screen that a key was pressed on; only an address of the panel's own is taken."""
    location = form.get("back", ["/"])[-1]
    return location if re.fullmatch(r"/(?:[a-z0-9-]+/?)*", location) else "/"
