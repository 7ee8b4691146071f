"""The routes of received mail: its list, one mail, its octets as they came, its parts decoded."""

from __future__ import annotations

import re
from typing import IO
from urllib.parse import quote

from twisted.protocols.basic import FileSender
from twisted.web.server import Request

from irsend.device.events import Event, JobChanged
from irsend.device.mails import MailQuery
from irsend.errors import NoSuchRecord
from irsend.machine_interface import IMachine
from irsend.panel import request_parameters, serializers
from irsend.panel.responses import shield, write
from irsend.panel.routing import route
from irsend.panel.waiting import Waiting

# What a sender has written is a file for the browser, and never a page of the panel's.
_SANDBOX = b"default-src 'none'; sandbox"


class MailRoutes:
    """The routes of the API about received mail; `api` adds the others."""

    _machine: IMachine
    _waiting: Waiting

    @route(
        "/api/mails",
        "GET",
        *("from", "to", "subject", "text", "since", "session", "limit", "before", "wait"),
    )
    async def mails(self, request: Request) -> bytes:
        """List the mails that fit, newest first; with ?wait=, as soon as there is one."""
        given = request_parameters.query(request)
        query = MailQuery(
            sender=request_parameters.text(given, "from"),
            to=request_parameters.text(given, "to"),
            subject=request_parameters.text(given, "subject"),
            text=request_parameters.text(given, "text"),
            since=request_parameters.time(given, "since"),
            session=request_parameters.whole_number(given, "session", None, 1, 2**62),
            before=request_parameters.whole_number(given, "before", None, 1, 2**62),
            limit=request_parameters.whole_number(given, "limit", 100, 1, 10_000),
        )
        found = await self._waiting.until(
            request_parameters.wait(given),
            lambda: shield(self._machine.mails(query)),
            bool,
            _about_received_mail,
        )
        return write(request, [serializers.mail(one) for one in found])

    @route("/api/mails", "DELETE")
    async def remove_mails(self, request: Request) -> bytes:
        """Delete all mails."""
        await shield(self._machine.remove_mails())
        request.setResponseCode(204)
        return b""

    @route("/api/mails/<id>", "GET")
    async def mail(self, request: Request, id: str) -> bytes:
        """Give one mail with its fields and its text."""
        content = await shield(self._machine.mail(mail_id(id)))
        return write(request, serializers.mail_content(content))

    @route("/api/mails/<id>", "DELETE")
    async def remove_mail(self, request: Request, id: str) -> bytes:
        """Delete one mail."""
        await shield(self._machine.remove_mail(mail_id(id)))
        request.setResponseCode(204)
        return b""

    @route("/api/mails/<id>/raw", "GET")
    async def raw_mail(self, request: Request, id: str) -> None:
        """Give the octets of a mail as they came."""
        octets, size = await shield(self._machine.open_mail(mail_id(id)))
        await _send(request, octets, size, "message/rfc822", f"mail-{id}.eml")

    @route("/api/mails/<id>/parts/<part>", "GET")
    async def mail_part(self, request: Request, id: str, part: str) -> None:
        """Give a part of a mail, decoded."""
        if not re.fullmatch(r"[0-9]{1,5}", part):
            raise NoSuchRecord("There is no such part; a part has a number")
        about, octets = await shield(self._machine.open_mail_part(mail_id(id), int(part)))
        name = about.name or f"mail-{id}-part-{part}"
        await _send(request, octets, about.size, about.type, name, about.charset)


def mail_id(given: str) -> int:
    """Return the id of a mail that stands in an address; raise NoSuchRecord."""
    if not re.fullmatch(r"[0-9]{1,18}", given):
        raise NoSuchRecord("There is no such mail; the id of a mail is a number")
    return int(given)


def _about_received_mail(event: Event) -> bool:
    return isinstance(event, JobChanged) and event.job.direction == "rx"


async def _send(
    request: Request,
    octets: IO[bytes],
    size: int,
    media_type: str,
    name: str,
    charset: str = "",
) -> None:
    """Write an open file as the response, as fast as the client takes it."""
    if re.fullmatch(r"[\w.-]{1,60}", charset, re.ASCII) and media_type.startswith("text/"):
        media_type += f"; charset={charset}"
    request.setHeader(b"Content-Type", media_type.encode("ascii"))
    request.setHeader(b"Content-Length", b"%d" % size)
    request.setHeader(b"Content-Security-Policy", _SANDBOX)
    request.setHeader(
        b"Content-Disposition",
        # RFC 6266 with RFC 8187: a name in any language.
        f"attachment; filename*=UTF-8''{quote(name, safe='')}".encode("ascii"),
    )
    try:
        if request.method != b"HEAD":
            await FileSender().beginFileTransfer(octets, request)
    finally:
        octets.close()
