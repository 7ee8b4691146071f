"""openssl s_client meets a machine with which it has nothing in common (docs/fidelity)."""

from __future__ import annotations

from tests.live.case import LiveTestCase
from tests.live.dialogues import submit
from tests.live.machine import ADDRESS, Machine, start_machine
from tests.live.mails import make_mail
from tests.live.programs import Program, run

SMTP_RECEIVE = "SSL Error (SMTP Receive)"


class NoCommonCipherTests(LiveTestCase):
    programs = ("openssl",)

    async def handshake(self, machine: Machine, *options: str) -> Program:
        """Have openssl try STARTTLS; return it when it has ended."""
        client = await run(
            self.reactor,
            ["openssl", "s_client", "-connect", f"127.0.0.1:{machine.smtp_port}",
             "-starttls", "smtp", *options],
            given=b"QUIT\n",
        )  # fmt: skip
        self.keep_evidence("openssl s_client", lambda: client.output)
        return client

    async def assert_shown(self, machine: Machine) -> None:
        """The status line has the text, and the session is NG because of it."""
        self.assertEqual(SMTP_RECEIVE, await machine.status_line())
        session = await machine.last_session("smtp-receive")
        self.assertEqual(("NG", SMTP_RECEIVE), (session["result"], session["status_line"]))
        self.assertIsNone(session["tls"])

    async def test_no_cipher(self) -> None:
        """A client of the machine's TLS version without one of its ciphers draws the text."""
        machine = await start_machine(self, authent_encryption={"allow_ssl_smtp_receive": "on"})
        client = await self.handshake(
            machine, "-tls1", "-cipher", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0"
        )
        self.assertNotEqual(0, client.status)
        self.assertIn("handshake failure", client.output)
        await self.assert_shown(machine)

    async def test_no_version(self) -> None:
        """A client that begins with TLS 1.2 draws the text, until a later session succeeds."""
        machine = await start_machine(self, authent_encryption={"allow_ssl_smtp_receive": "on"})
        client = await self.handshake(machine, "-tls1_2")
        self.assertNotEqual(0, client.status)
        await self.assert_shown(machine)
        session = await machine.last_session("smtp-receive")
        self.assertIn("the machine speaks TLS 1.0 only", session["reason"])
        await submit(self.reactor, machine.smtp_port, make_mail("plain", 1000), ADDRESS)
        self.assertEqual("", await machine.status_line())
        self.assertEqual([SMTP_RECEIVE], await machine.status_texts())

    async def test_later_machine(self) -> None:
        """A client that ends with TLS 1.0 draws the status text from a later machine."""
        machine = await start_machine(
            self, model="iradvance", authent_encryption={"allow_ssl_smtp_receive": "ssl"}
        )
        client = await self.handshake(machine, "-tls1", "-cipher", "ALL:@SECLEVEL=0")
        self.assertNotEqual(0, client.status)
        await self.assert_shown(machine)
        await machine.clear_status()
        self.assertEqual("", await machine.status_line())
        self.assertEqual([SMTP_RECEIVE], await machine.status_texts())

    async def test_cipher_in_common(self) -> None:
        """A client with AES128-SHA agrees with the iR 2270, whose key has 1024 bits."""
        machine = await start_machine(self, authent_encryption={"allow_ssl_smtp_receive": "on"})
        client = await self.handshake(machine, "-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0")
        self.assertEqual(0, client.status)
        self.assertIn("Server public key is 1024 bit", client.output)
        self.assertRegex(client.output, "Cipher *(is|:) AES128-SHA")
        self.assertEqual([], await machine.status_texts())
