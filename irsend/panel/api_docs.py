"""The routes /api and /api/docs: the HTTP interface described, for programs and for people.

The page is Swagger UI, made from /api/openapi.json in the browser; its files are in
`static/swagger-ui` as its makers ship them.
"""

from __future__ import annotations

from twisted.web.server import Request

from irsend import __version__
from irsend.machine_interface import IMachine
from irsend.panel import openapi, request_parameters
from irsend.panel.access_control import AccessControl
from irsend.panel.openapi_schemas import Schema
from irsend.panel.problems import Problem
from irsend.panel.rendering import HTML, pages_lack, templates
from irsend.panel.responses import write
from irsend.panel.routing import route

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Of the page alone. The arrows of Swagger UI's style sheet are pictures in data: URLs."""


class DocsRoutes:
    """The routes that describe the API; `api` has the others."""

    _machine: IMachine
    _access: AccessControl

    @route("/api/openapi.json", "GET")
    def description(self, request: Request) -> bytes:
        """Describe the interface."""
        return write(request, self._described())

    @route("/api", "GET")
    def index(self, request: Request) -> bytes:
        """Give the addresses of the documentation; redirect a browser to its page."""
        request.setHeader(b"Vary", b"Accept")
        if request_parameters.prefers(request, b"text/html"):
            request.setResponseCode(303)
            request.setHeader(b"Location", b"/api/docs")
            return b""
        return write(
            request,
            {
                "title": "irsend",
                "version": __version__,
                "model": self._machine.device.model.name,
                "documentation": "/api/docs",
                "openapi": "/api/openapi.json",
                "paths": list(self._described()["paths"]),
            },
        )

    @route("/api/docs", "GET")
    def docs(self, request: Request) -> bytes:
        """Show the documentation of the API."""
        if pages_lack():
            raise Problem(409, pages_lack())
        described = self._described()
        page = (
            templates()
            .get_template("api_docs.html")
            .render(model=self._machine.device.model, paths=described["paths"])
        )
        request.setHeader(b"Content-Security-Policy", CONTENT_SECURITY_POLICY.encode())
        return write(request, page.encode(), HTML)

    def _described(self) -> Schema:
        return openapi.description(
            self._machine.device.model, asks_for_password=bool(self._access.options.password)
        )
