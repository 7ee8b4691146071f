"""The mail host with other programs: swaks brings mail, mpop and curl fetch it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial import unittest

from tests.mailhost.hosts import mails_in, put
from tests.mailhost.test_mailhost import HostCase, soon

USER, PASSWORD = "ir@bench.test", "bench"


class ProgramTests(HostCase):
    """Each skips with a sentence where its program is missing."""

    async def call(self, program: str, *arguments: str, status: int | None = 0) -> None:
        """Run it to its end; return its output."""
        path = shutil.which(program)
        if path is None:
            raise unittest.SkipTest(f"{program} must be installed for this test")
        out, err, ended = await getProcessOutputAndValue(
            path, arguments, env={**os.environ, "HOME": self.mktemp()}, reactor=reactor
        )
        said = (out + err).decode("utf-8", "replace")
        if "requires Net::SSLeay" in said:
            raise unittest.SkipTest("swaks needs Net::SSLeay for this test")
        if status is not None:
            self.assertEqual(ended, status, said)
        return said

    def swaks(self, *arguments: str, status: int = 0) -> Any:
        server = f"127.0.0.1:{self.smtp.port}"
        return self.call(
            "swaks", "--server", server, "--from", "a@bench.test", *arguments, status=status
        )

    async def test_swaks_logs_in(self) -> None:
        """Swaks logs in by each mechanism, and brings its mail."""
        self.start()
        for mechanism in ("CRAM-MD5", "LOGIN", "PLAIN"):
            login = ("--auth", mechanism, "--auth-user", USER, "--auth-password", PASSWORD)
            said = await self.swaks("--to", USER, *login)
            self.assertIn("235 2.7.0 Authentication successful", said)
        kept = mails_in(self.host.maildirs.of_account(USER))
        self.assertEqual(len(kept), 3)
        self.assertIn(b"with ESMTPA;", kept[0])

    async def test_swaks_under_tls(self) -> None:
        """Swaks brings mail behind STARTTLS."""
        self.start()
        await self.swaks("--to", USER, "--tls")
        self.assertIn(b"with ESMTPS (TLS 1.", mails_in(self.host.maildirs.of_account(USER))[0])

    async def test_swaks_is_refused(self) -> None:
        """Swaks with a wrong password is not logged in, and cannot relay with the right one."""
        self.start()
        wrong = ("--auth", "LOGIN", "--auth-user", USER, "--auth-password", "x")
        await self.swaks("--to", USER, *wrong, status=28)
        right = ("--auth", "LOGIN", "--auth-user", USER, "--auth-password", PASSWORD)
        said = await self.swaks("--to", "x@example.com", *right, status=24)
        self.assertIn("550 5.7.1 Relay refused", said)

    async def test_mpop(self) -> None:
        """Mpop fetches by each way of logging in, under STLS and without, and deletes at the end."""
        self.start()
        memory = self.host.maildirs.of_account(USER)
        mail = b"Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n"
        for number, way in enumerate(["user", "apop", "plain", "login", "cram-md5"]):
            name = put(memory, mail)
            while name not in memory.names():
                await soon()
            tls = (
                ["--tls=on", "--tls-starttls=on", "--tls-certcheck=off"]
                if number % 2
                else ["--tls=off"]
            )
            box = Path(self.mktemp()).absolute()
            box.touch(0o600)
            await self.call(
                "mpop",
                "--host=127.0.0.1",
                f"--port={self.pop3.port}",
                f"--auth={way}",
                f"--user={USER}",
                f"--passwordeval=echo {PASSWORD}",
                f"--uidls-file={Path(self.mktemp()).absolute()}",
                f"--delivery=mbox,{box}",
                "--keep=off",
                *tls,
            )
            self.assertIn(b"\nSubject: x\n\n.dot\n..\nend\n", box.read_bytes())
            self.assertEqual(memory.names(), [])

    async def test_curl(self) -> None:
        """Curl lists and fetches by each SASL mechanism and by APOP, under STLS."""
        self.start()
        memory = self.host.maildirs.of_account(USER)
        name = put(memory, b"Subject: x\r\n\r\n.dot\r\n")
        while name not in memory.names():
            await soon()
        for way in ("PLAIN", "LOGIN", "CRAM-MD5", "+APOP"):
            said = await self.call(
                "curl",
                "-sS",
                "--ssl-reqd",
                "--insecure",
                "--user",
                f"{USER}:{PASSWORD}",
                "--login-options",
                f"AUTH={way}",
                f"pop3://127.0.0.1:{self.pop3.port}/1",
            )
            self.assertEqual(said, "Return-Path: <>\r\nSubject: x\r\n\r\n.dot\r\n")
