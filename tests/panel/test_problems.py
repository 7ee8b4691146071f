"""Errors as problem documents, and what the site does where no route is reached."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from werkzeug.exceptions import ImATeapot

from irsend.errors import IrsendError, MemoryFull, NoSuchRecord, ValueRefused
from irsend.panel.problems import problem_of
from irsend.panel.site import HEADERS, PanelRequest
from tests.panel.served import ServedPanel


class FormTests(ServedPanel):
    """Forms are parsed by the panel, after access control."""

    async def test_malformed(self) -> None:
        """A form that cannot be parsed is answered with a problem document."""
        for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
            await self.refused(
                415, "POST", "/api/receive", b"nonsense", {"Content-Type": content_type}
            )


class ProblemOfTests(SynchronousTestCase):
    """One problem for each kind of error."""

    def members(self, error: Exception, path: str = "/api/x") -> dict[str, Any]:
        """Give the members of the problem document for an error."""
        return json.loads(problem_of(Failure(error), path).body())

    def test_errors_of_irsend(self) -> None:
        """An error of irsend's own has its sentence as detail."""
        for error, status in (
            (NoSuchRecord("There is no job 5001"), 404),
            (MemoryFull(), 507),
            (IrsendError("It is not to be had"), 409),
        ):
            told = self.members(error)
            self.assertEqual((told["status"], told["detail"]), (status, str(error)))

    def test_one_value(self) -> None:
        """A single refused value is named in `errors`, as several are."""
        told = self.members(ValueRefused("email_ifax.pop", "not now"))
        self.assertEqual(told["errors"], [{"key": "email_ifax.pop", "problem": "not now"}])

    def test_cancelled(self) -> None:
        """A cancelled request is a 503."""
        self.assertEqual(self.members(CancelledError())["status"], 503)

    def test_other_http_error(self) -> None:
        """Another error of the router keeps its status."""
        self.assertEqual(self.members(ImATeapot())["status"], 418)


class WithoutPeer(PanelRequest):
    """A request whose peer cannot be asked for."""

    def getClientAddress(self) -> NoReturn:
        """Fail."""
        raise RuntimeError("no way in")


class SiteTests(ServedPanel):
    """The site itself."""

    async def test_failing_root(self) -> None:
        """A failure before any route is a problem document with the strict headers."""
        self.site.requestFactory = WithoutPeer
        await self.refused(500, "GET", "/")
        answer = await self.ask("GET", "/api/status")
        self.assertEqual(
            answer.headers["content-security-policy"], HEADERS["Content-Security-Policy"]
        )
        self.assertNotIn("no way in", answer.text)
        self.assertTrue(self.flushLoggedErrors(RuntimeError))

    async def test_idle(self) -> None:
        """A connection without a request for a minute is closed."""
        wire = await self.connect()
        await self.ask("GET", "/healthz")
        self.clock.advance(61)
        self.assertEqual(await wire.closed, b"")

    async def test_http_only(self) -> None:
        """The site speaks HTTP/1.1 and offers nothing else."""
        self.assertEqual(self.site.acceptableProtocols(), [b"http/1.1"])
