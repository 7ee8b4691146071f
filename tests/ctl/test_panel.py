"""irsendctl against the panel itself, with a machine without a disk behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
from twisted.internet import reactor
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from irsend.ctl.filters import DOCUMENT_FILTERS, JOB_FILTERS, MAIL_FILTERS
from irsend.device import StatusText
from irsend.errors import CannotDraw
from irsend.panel import PanelOptions, panel_site
from tests.ctl import stand_in
from tests.ctl.calls import Ended, call, process
from tests.panel.machine import MachineDouble, said
from tests.panel.test_mails import SCAN
from tests.panel.test_tray import BROKEN


class PanelTests(TestCase):
    """Each command, answered by `irsend.panel`."""

    timeout = 60

    def setUp(self) -> None:
        """Serve a machine that has one session behind it."""
        self.machine = MachineDouble()
        device = self.machine.device
        session = device.session_began("smtp-receive", "192.0.2.17")
        device.show_status(StatusText.SMTP_RX_REJECT, session.id)
        text = StatusText.SMTP_RX_REJECT.value
        device.session_ended(session, "NG", succeeded=False, status_line=text)
        self.machine.transcripts[session.id] = said(
            "S: 220 ready", "C: MAIL FROM:<>", "-- closed"
        )
        job = device.job_accepted("rx", "scanner@bench.test", sessions=(session.id,))
        self.machine.tray = [attrs.evolve(BROKEN, number=job.number)]
        self.machine.kept_mails = [SCAN]
        self.serve()

    def serve(self, password: str = "") -> None:
        """Listen until the test ends."""
        site = panel_site(
            self.machine,
            options=PanelOptions(password=password, hostnames=("localhost",)),
            clock=Clock(),
        )
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.url = f"http://127.0.0.1:{port.getHost().port}"

    async def call(self, *arguments: str, **env: str) -> Ended:
        """Call irsendctl in a thread, the reactor running."""
        ended: Ended = await deferToThread(call, *arguments, url=self.url, **env)
        return ended

    async def value(self, *arguments: str) -> Any:
        """Return the JSON that a call prints."""
        ended = await self.call(*arguments, "--json")
        self.assertEqual((ended.status, ended.err), (0, ""))
        return json.loads(ended.out)

    async def test_looking(self) -> None:
        """Everything that can be looked at is shown."""
        for arguments, shown in (
            (("status",), "SSL Error (SMTP RX Reject)"),
            (("status", "--history"), "SSL Error (SMTP RX Reject)"),
            (("settings",), "authent_encryption.allow_ssl_smtp_receive"),
            (("settings", "service_mode"), "service_mode.pop3_port"),
            (("jobs",), "scanner@bench.test"),
            (("report",), "5001"),
            (("report", "--format", "csv"), "5001"),
            (("sessions",), "NG: SSL Error (SMTP RX Reject)"),
            (("transcript", "1"), "C: MAIL FROM:<>"),
            (("transcript", "1", "--plain"), "S: 220 ready\nC: MAIL FROM:<>\n-- closed\n"),
            (("tray",), "scanner@office.test"),
            (("tray", "5001"), "Codes     #821 received TIFF structure wrong\n"),
            (("paper",), "There is paper."),
            (("mails",), "Ann <ann@bench.test>"),
            (("mail", "7"), "Guten Tag.\n"),
            (("wait", "mail", "--to", "scan@"), "Ann <ann@bench.test>"),
            (("wait", "job", "--timeout", "0"), "5001"),
            (("wait", "document", "--code", "821"), "scanner@office.test"),
            (("wait", "status", "SSL Error"), "SSL Error (SMTP RX Reject)"),
            (("models",), "estudio190f"),
        ):
            ended = await self.call(*arguments)
            self.assertEqual((ended.status, ended.err), (0, ""), arguments)
            self.assertIn(shown, ended.out)

    async def test_stand_in(self) -> None:
        """The stand-in of the other tests answers in the panel's shapes."""
        status = await self.value("status")
        self.assert_same_shape(stand_in.STATUS, status)
        history = await self.value("status", "--history")
        self.assert_same_shape(stand_in.HISTORY[0], history[0])
        self.assert_same_shape(stand_in.SESSION, (await self.value("sessions"))[0])
        transcript = (await self.value("transcript", "1"))["transcript"]
        self.assert_same_shape(stand_in.TRANSCRIPT[0], transcript[0])
        self.assert_same_shape(stand_in.JOB, (await self.value("jobs"))[0])
        self.assert_same_shape(stand_in.MAIL, (await self.value("mails"))[0])
        self.assert_same_shape(stand_in.MAIL_CONTENT, await self.value("mail", "7"))
        self.assert_same_shape(stand_in.BROKEN, (await self.value("tray"))[0])
        self.assert_same_shape(stand_in.BROKEN, (await self.value("tray", "5001"))[0])
        self.assert_same_shape(stand_in.STATUS, await self.value("paper", "in"))
        self.assert_same_shape(stand_in.RECEIVED, await self.value("receive"))
        served = {one["key"]: one for one in (await self.value("settings"))["windows"]}
        for window in stand_in.WINDOWS:
            self.assert_same_shape(window, served[window["key"]])
            self.assertEqual(window["path"], served[window["key"]]["path"])
            items = {one["key"]: one for one in served[window["key"]]["items"]}
            for item in window["items"]:
                self.assert_same_shape(item, items[item["key"]])
                for name in ("label", "type", "allowed", "secret"):
                    self.assertEqual(item[name], items[item["key"]][name])

    def assert_same_shape(self, recorded: Any, served: Any) -> None:
        """Hold all that is recorded to be served, of the same type where neither is null."""
        self.assertEqual(recorded.keys() - served.keys(), set())
        for name, value in recorded.items():
            if value is not None and served[name] is not None:
                self.assertIs(type(value), type(served[name]), name)

    async def test_changing(self) -> None:
        """Settings are changed, the line cleared, mail received, everything reset."""
        ended = await self.call(
            "set", "email_ifax.pop=on", "authent_encryption.password=geheim"
        )
        self.assertEqual(
            ended.out, "email_ifax.pop = on\nauthent_encryption.password = ••••••\n"
        )
        settings = self.machine.device.settings
        self.assertTrue(settings.email_ifax.pop)
        self.assertEqual(settings.authent_encryption.password, "geheim")
        self.assertEqual((await self.call("clear")).status, 0)
        self.assertEqual((await self.value("status"))["status_line"], "")
        self.assertEqual((await self.value("receive"))["received"], 2)
        self.assertEqual((await self.call("key", "generate")).status, 0)
        self.assertIn("ir2270.bench.test", (await self.call("key", "show")).out)
        self.assertEqual((await self.call("factory-reset", "--yes")).status, 0)
        self.assertEqual(self.machine.resets, 1)

    async def test_tray(self) -> None:
        """A document and its pages are saved as the machine has them; deleted, it is gone there."""
        place = Path(self.mktemp()).absolute()
        saved = await self.call("tray", "--save", str(place), "--png", "--dots", "30")
        self.assertEqual((saved.status, saved.err), (0, ""))
        self.assertEqual((place / "5001.pdf").read_bytes(), b"%PDF-1.7 5001")
        self.assertEqual((place / "5001-1.png").read_bytes(), b"\x89PNG 5001")
        self.assertEqual(self.machine.drawn, [("5001", 1, 30)])
        self.assertEqual((await self.call("tray", "--delete", "5001")).status, 0)
        self.assertEqual(self.machine.tray, [])
        again = await self.call("tray", "--delete", "5001")
        self.assertEqual((again.status, again.out), (1, ""))
        self.assertEqual(again.err, "There is no document 5001 in the tray.\n")

    async def test_mail(self) -> None:
        """Source and part of a mail are saved as the machine has them; deleted, it is gone there."""
        file = Path(self.mktemp()).absolute()
        for number, (arguments, octets) in enumerate(
            ((("--raw",), b"Guten Tag.\n"), (("--part", "3"), b"...."))
        ):
            path = file.with_suffix(f".{number}")
            ended = await self.call("mail", "7", *arguments, "--output", str(path))
            self.assertEqual((ended.status, ended.err), (0, ""))
            self.assertEqual(path.read_bytes(), octets)
        ended = await self.call("mail", "7", "--part", "4")
        self.assertEqual(
            (ended.status, ended.err), (1, "Mail 7 has no part 4.\nSee: irsendctl mail 7\n")
        )
        self.assertEqual((await self.call("mail", "7", "--delete")).status, 0)
        ended = await self.call("mail", "7")
        self.assertEqual(
            (ended.status, ended.err), (1, "There is no mail 7.\nSee: irsendctl mails\n")
        )

    async def test_filters(self) -> None:
        """Every filter of mails, jobs and documents is one that the panel knows."""
        for name, options in (
            ("mail", MAIL_FILTERS),
            ("job", JOB_FILTERS),
            ("document", DOCUMENT_FILTERS),
        ):
            values = {"--since": "14:03", "--session": "1", "--code": "827", "--result": "OK"}
            given = [
                word
                for option in options
                for word in (
                    option,
                    values.get(option, "rx" if option == "--direction" else "x"),
                )
            ]
            ended = await self.call("wait", name, "--timeout", "0", *given)
            self.assertNotIn("parameter", ended.err)
            self.assertIn(ended.status, (0, 1))
            if ended.status:
                self.assertTrue(ended.err.startswith(f"No {name} with "), ended.err)

    async def test_page_not_drawn(self) -> None:
        """A page that cannot be drawn ends with 1 and why; the PDF is saved all the same."""
        self.machine.drawing_error = CannotDraw("Page 1 of document 5001: no room")
        place = Path(self.mktemp()).absolute()
        ended = await self.call("tray", "--save", str(place), "--png")
        self.assertEqual((ended.status, ended.err), (1, "Page 1 of document 5001: no room\n"))
        self.assertEqual([one.name for one in place.iterdir()], ["5001.pdf"])

    async def test_paper(self) -> None:
        """Paper goes out of the machine, and comes in again."""
        for word, paper in (("out", False), ("in", True)):
            self.assertEqual((await self.call("paper", word)).status, 0)
            self.assertIs(self.machine.device.paper, paper)

    async def test_ng(self) -> None:
        """A reception that ended as NG ends irsendctl with 1, its code and reason printed."""
        session = self.machine.device.session_began("pop-receive", "192.0.2.25")
        ended = self.machine.device.session_ended(
            session, "NG", succeeded=False, code="#813", reason="the server refused the login"
        )
        self.machine.receiving = succeed(ended)
        answer = await self.call("receive")
        self.assertEqual(answer.status, 1)
        self.assertIn(
            "NG #813 POP login refused: 0 messages received; the server refused", answer.out
        )
        rows = await self.value("sessions", "--code", "813")
        self.assertEqual([row["id"] for row in rows], [session.id])

    async def test_refused(self) -> None:
        """What the machine refuses ends with 1 and names what is wrong; nothing is changed."""
        ended = await self.call("set", "email_ifax.pop=on", "email_ifax.pop_interval=100")
        self.assertEqual(ended.status, 1)
        self.assertIn("email_ifax.pop_interval: '100' is not allowed", ended.err)
        self.assertFalse(self.machine.device.settings.email_ifax.pop)
        self.assertEqual((await self.call("transcript", "99")).status, 1)

    async def test_password(self) -> None:
        """A panel with a password is used with it, and not without."""
        self.serve(password="s3cret ä")
        self.assertEqual((await self.call("status")).status, 1)
        with_it = {"IRSEND_PASSWORD": "s3cret ä"}
        self.assertEqual((await self.call("status", **with_it)).status, 0)
        ended = await deferToThread(process, "status", url=self.url, env=with_it)
        self.assertEqual(ended.status, 0)
