"""The light installation: irsend without its extras (setup.cfg, irsend/extras.py)."""

from __future__ import annotations

import json
import os
import smtplib
import urllib.request
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SynchronousTestCase

from irsend.errors import NotInstalled
from irsend.extras import GSSAPI, PANEL, PCAP, PRINTING, Extra
from tests import light_installation
from tests.twistd import TOP, ProcessCase

_LIGHT, _ALL = 60 * 2**20, 150 * 2**20
"""Octets that the installations may have, without bytecode."""


class ExtraTests(SynchronousTestCase):
    """What says that an extra is missing."""

    def test_sentence(self) -> None:
        """The sentence names the packages that are missing, no others, and the command."""
        extra = Extra("music", (("json", "json"), ("no_such_a", "A"), ("no_such_b", "B")))
        sentence = "Singing needs A, B: pip install 'irsend[music]'"
        self.assertEqual(extra.lacks("Singing"), sentence)
        error = self.assertRaises(NotInstalled, extra.require, "Singing")
        self.assertEqual(str(error), sentence)

    def test_installed(self) -> None:
        """An extra that is installed lacks nothing."""
        self.assertEqual(PRINTING.lacks("Printing"), "")
        PRINTING.require("Printing")

    def test_as_declared(self) -> None:
        """The packages of each extra are those that setup.cfg declares for it, and `all` is all of them."""
        base = set(light_installation.required("irsend", ""))
        for extra in (PRINTING, PANEL, PCAP, GSSAPI):
            declared = set(light_installation.required("irsend", extra.name)) - base
            named = {(package.lower(), "") for _, package in extra.libraries}
            self.assertEqual(named, declared)
        of_all = {
            extra
            for name, extra in light_installation.required("irsend", "all")
            if name == "irsend"
        }
        self.assertEqual(of_all, {"", "printing", "panel", "pcap"})

    def test_size(self) -> None:
        """The light installation has at most 60 MB, the whole one at most 150 MB, without bytecode."""
        own = sum(
            path.stat().st_blocks * 512
            for path in (Path(TOP) / "irsend").rglob("*")
            if path.suffix != ".pyc"
        )
        for extra, most in (("", _LIGHT), ("all", _ALL)):
            size = light_installation.size(light_installation.needed(extra)) + own
            self.assertLess(size, most)


class LightTests(ProcessCase):
    """A machine and irsendctl in an environment without extras."""

    def setUp(self) -> None:
        """Make the environment."""
        super().setUp()
        self.python = str(light_installation.make(self.directory / "light"))

    async def started(self) -> int:
        """Start a machine that polls and sends to its mail host; return the port of its SMTP."""
        self.process = self.start_without_file()
        self.url = (await self.process.wait_for(r"Panel: (http://\S+)/"))[1]
        return int((await self.process.wait_for(r"\bSMTP: listening on 127.0.0.1:(\d+)"))[1])

    async def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> Any:
        """Return the JSON of an answer, and of a problem its detail with the status."""

        def ask() -> Any:
            headers = {"Content-Type": "multipart/form-data; boundary=b"} if body else {}
            request = urllib.request.Request(
                self.url + path, method=method, data=body, headers=headers
            )
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except HTTPError as error:
                return error.code, json.load(error)["detail"]

        return await deferToThread(ask)

    async def irsendctl(self, *arguments: str) -> tuple[str, str, int]:
        """Return what irsendctl of this environment prints, and its exit status."""
        out, err, status = await getProcessOutputAndValue(
            self.python,
            ["-m", "irsend.ctl", "--url", self.url, *arguments],
            env={**os.environ, "PYTHONPATH": ""},
        )
        return out.decode(), err.decode(), status

    async def test_reception(self) -> None:
        """It receives by SMTP, shows the mail, and keeps it in memory as waiting; the log says why."""
        port = await self.started()
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "a@bench.test", "ir@bench.test", "Light"
        mail.set_content("It waits.")

        def deliver() -> None:
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
                client.send_message(mail)

        await deferToThread(deliver)
        (found,) = await self.ask("/api/mails?subject=Light&wait=30")
        self.assertEqual((await self.ask(f"/api/mails/{found['id']}"))["text"], "It waits.\n")
        (job,) = await self.ask("/api/jobs")
        self.assertEqual((job["result"], job["direction"]), ("waiting", "rx"))
        self.assertEqual((await self.ask("/api/status"))["state"], "ready")
        self.assertEqual(await self.ask("/api/tray"), [])
        for sentence in (
            "Printing needs Pillow, img2pdf, pikepdf, pypdfium2, reportlab: "
            "pip install 'irsend[printing]' (received mail waits in memory)\n",
            "The panel's page needs Jinja2: pip install 'irsend[panel]' "
            "(/api and irsendctl work)\n",
        ):
            self.assertIn(sentence, self.process.written)
        self.assertNotIn("Traceback", self.process.written)

    async def test_protocols(self) -> None:
        """It polls its maildrop, and its models are probed against a mail server."""
        await self.started()
        port = (await self.process.wait_for(r"POP3: listening on 127.0.0.1:(\d+)"))[1]
        await self.irsendctl("set", f"service_mode.pop3_port={port}")
        out, err, status = await self.irsendctl("receive")
        self.assertEqual((out[:2], err, status), ("OK", "", 0))
        server = (await self.process.wait_for(r"Mail host SMTP: listening on (\S+)"))[1]
        out, err, status = await self.irsendctl(
            *("--json", "probe", f"smtp://{server}", "--to", "ir@bench.test"),
            *("--model", "ir2270", "--dry-run", "--pause", "0"),
        )
        self.assertIn(status, (0, 1), err)
        (model,) = json.loads(out)["models"]
        self.assertEqual(model["name"], "ir2270")

    async def test_missing_over_http(self) -> None:
        """What needs an extra is 409, with a sentence that names the command."""
        await self.started()
        form = (
            b'--b\r\nContent-Disposition: form-data; name="to"\r\n\r\nx@bench.test\r\n'
            b'--b\r\nContent-Disposition: form-data; name="page"; filename="a.png"\r\n\r\n'
            b"PNG\r\n--b--\r\n"
        )
        for path, method, body, purpose, extra in (
            ("/api/send", "POST", form, "Scanning what is sent", "printing"),
            ("/api/report?format=pdf", "GET", None, "Printing", "printing"),
            ("/", "GET", None, "The panel's page", "panel"),
            ("/api/docs", "GET", None, "The panel's page", "panel"),
        ):
            status, detail = await self.ask(path, method, body)
            self.assertEqual(status, 409, path)
            self.assertIn(f"{purpose} needs ", detail)
            self.assertIn(f": pip install 'irsend[{extra}]'", detail)
        self.assertIn("paths", await self.ask("/api/openapi.json"))
        self.assertNotIn("Traceback", self.process.written)

    async def test_irsendctl(self) -> None:
        """Irsendctl shows the status, and names the command where something is not installed."""
        await self.started()
        out, err, status = await self.irsendctl("status")
        self.assertEqual((err, status), ("", 0))
        self.assertIn("imageRUNNER 2270", out)
        page = self.directory / "page.txt"
        page.write_text("no picture")
        _, err, status = await self.irsendctl("send", str(page), "--to", "x@bench.test")
        self.assertEqual(status, 1, err)
        self.assertIn("pip install 'irsend[printing]'", err.replace("\n", " "))
        _, err, status = await self.irsendctl(
            *("probe", "smtp://127.0.0.1:1", "--to", "x@bench.test"),
            *("--html", str(self.directory / "probe.html")),
        )
        self.assertEqual(status, 2, err)
        self.assertIn("pip install 'irsend[panel]'", err.replace("\n", " "))
