"""The screens of what was received: the first one with its search, the Mail Box, a document, a mail."""

from __future__ import annotations

import re
from contextlib import closing

from twisted.web.server import Request

from irsend.device.documents import Document
from irsend.device.jobs import JobQuery
from irsend.device.mails import Mail, MailQuery
from irsend.errors import CannotReadMail, NoSuchRecord
from irsend.panel import request_parameters
from irsend.panel.mails import mail_id
from irsend.panel.received import Arrival, arrivals, found
from irsend.panel.responses import shield
from irsend.panel.screens import Screens, app, number_of, order_form

_DOCUMENTS_SHOWN = 60
_PAGES_SHOWN = 50
"""Pages of a document that its screen shows; all are in the PDF."""
_ARRIVALS_SHOWN = 8
"""Of what was received, the newest that the first screen shows; `?limit=` asks for more."""
_MOST_ARRIVALS = 200
_LONGEST_SEARCH = 200
_LONGEST_SHOWN = 100_000
"""Octets of a mail's source, and characters of its text, that its screen shows."""
_RECEIVED = JobQuery(direction="rx")
# C0 and C1 but tab and the ends of lines: none of them shows on a page.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class ReceivedScreens(Screens):
    """The routes that show what was received, for one machine."""

    @app.route("/", methods=["GET"])
    async def index(self, request: Request) -> bytes:
        """Show the first screen: what was received, or of it what is sought; beside it Send."""
        parameters = request_parameters.query(request)
        sought = request_parameters.text(parameters, "q", _LONGEST_SEARCH) or ""
        limit = request_parameters.whole_number(
            parameters, "limit", _ARRIVALS_SHOWN, 1, _MOST_ARRIVALS
        )
        listed, problem = await self._arrivals(sought)
        return await self.screen(
            request,
            "received.html",
            "received",
            sought=sought,
            problem=problem,
            found=len(listed),
            arrivals=listed[:limit],
            most_listed=_MOST_ARRIVALS,
            **order_form(),
        )

    @app.route("/mailbox", methods=["GET"])
    async def mailbox(self, request: Request) -> bytes:
        """Show the documents in the tray."""
        return await self.screen(request, "mailbox.html", "mailbox", **self._tray())

    @app.route("/mailbox/<number>", methods=["GET"])
    async def document(self, request: Request, number: str) -> bytes:
        """Show a printed document page by page, and beside it its mail."""
        document = self._machine.document(number_of(number))
        mail = await self._mail_of(document)
        return await self.screen(
            request,
            "mail.html" if mail else "document.html",
            "mailbox",
            **self._printed(document),
            **mail,
        )

    @app.route("/mails/<id>", methods=["GET"])
    async def mail(self, request: Request, id: str) -> bytes:
        """Show a received mail, and beside it its document or, without one, the tray."""
        number = mail_id(id)
        mails = await shield(self._machine.mails(MailQuery(before=number + 1, limit=1)))
        if not mails or mails[0].id != number:
            raise NoSuchRecord(f"There is no mail {number}.")
        (mail,) = mails
        beside = self._tray()
        if mail.document is not None:
            beside = self._printed(self._machine.document(mail.document))
        return await self.screen(
            request, "mail.html", "mail", **beside, **await self._read(mail)
        )

    async def _arrivals(self, sought: str) -> tuple[list[Arrival], str]:
        """Return what arrived and has the text that is sought; and why mails were not searched."""
        jobs = await shield(self._machine.jobs(limit=_MOST_ARRIVALS, query=_RECEIVED))
        listed = arrivals(self._machine.documents(), jobs)
        if not sought:
            return listed, ""
        query = MailQuery(anywhere=sought, limit=_MOST_ARRIVALS)
        mails: list[Mail] = []
        problem = ""
        try:
            mails = await shield(self._machine.mails(query))
        except CannotReadMail as error:
            problem = str(error)
        return found(listed, mails, sought), problem

    async def _mail_of(self, document: Document) -> dict[str, object]:
        """Return the names that the half of a document's mail takes (of several the first), or none."""
        query = MailQuery(before=document.serial + 1, limit=1)
        try:
            mails = await shield(self._machine.mails(query))
            if mails and mails[0].id == document.serial:
                return await self._read(mails[0])
        except (CannotReadMail, NoSuchRecord):
            # The document is there without it.
            pass
        return {}

    def _tray(self) -> dict[str, object]:
        """Return the names that the screen of the tray takes."""
        documents = self._machine.documents()
        return {"documents": documents[:_DOCUMENTS_SHOWN], "in_tray": len(documents)}

    def _printed(self, document: Document) -> dict[str, object]:
        """Return the names that the screen of a document takes."""
        return {"document": document, "shown": min(document.pages, _PAGES_SHOWN)}

    async def _read(self, mail: Mail) -> dict[str, object]:
        """Return the names that the half of a mail takes."""
        octets, size = await shield(self._machine.open_mail(mail.id))
        with closing(octets):
            source = _source_text(octets.read(_LONGEST_SHOWN))
        content, problem = None, ""
        try:
            content = await shield(self._machine.mail(mail.id))
        except CannotReadMail as error:
            problem = str(error)
        return {
            "mail": mail,
            "content": content,
            "problem": problem,
            "text": _CONTROL.sub("\N{REPLACEMENT CHARACTER}", content.text) if content else "",
            "source": source,
            "longest": _LONGEST_SHOWN,
            "cut": size > _LONGEST_SHOWN,
        }


def _source_text(octets: bytes) -> str:
    """Return octets as text that a page can show; what is no UTF-8 becomes an escape."""
    text = octets.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return _CONTROL.sub(lambda control: f"\\x{ord(control[0]):02x}", text)
