"""swaks delivers to the machine under each value of Allow SSL (SMTP Receive) (docs/fidelity)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.live.case import LiveTestCase
from tests.live.dialogues import call, greet
from tests.live.machine import Machine, start_machine
from tests.live.mails import Mail, compare, make_mail, trace_before
from tests.live.swaks import (
    DELIVERED,
    MAIL_REFUSED,
    NO_TLS,
    OLD_TLS,
    TLS_OF_TODAY,
    need_tls,
    swaks,
)

RX_REJECT = "SSL Error (SMTP RX Reject)"
SMTP_RECEIVE = "SSL Error (SMTP Receive)"


if TYPE_CHECKING:
    _MixedIn = LiveTestCase
else:
    # Its subclasses alone are test cases to trial.
    _MixedIn = object


class _SwaksTests(_MixedIn):
    """The three policies, for one model."""

    model: str
    tls_options: tuple[str, ...] = ()
    version: str
    ciphers: tuple[str, ...]

    programs = ("swaks",)

    async def machine_under(self, policy: str) -> Machine:
        await need_tls(self)
        return await start_machine(
            self, model=self.model, authent_encryption={"allow_ssl_smtp_receive": policy}
        )

    def assert_stored(self, machine: Machine, *mails: Mail) -> None:
        compare(
            machine.memory,
            {one.identity: one for one in mails},
            must_have={one.identity for one in mails},
        )

    async def test_off(self) -> None:
        """Off hides STARTTLS, refuses the command itself, and takes mail in plain text."""
        machine = await self.machine_under("off")
        plain, secret = make_mail("plain", 3000), make_mail("secret", 3000)
        told = await swaks(self, machine.smtp_port, plain)
        self.assertEqual(DELIVERED, told.status)
        self.assertNotIn("STARTTLS", told.output)
        refused = await swaks(self, machine.smtp_port, secret, "--tls", *self.tls_options)
        self.assertEqual(NO_TLS, refused.status)
        dialogue = await call(self.reactor, machine.smtp_port)
        self.addCleanup(dialogue.hang_up)
        await greet(dialogue)
        self.assertRegex(await dialogue.command("STARTTLS"), "^50[0-4] ")
        self.assertRegex(await dialogue.command("MAIL FROM:<sender@client.test>"), "^250 ")
        dialogue.hang_up()
        self.assertEqual("", await machine.status_line())
        self.assertEqual([], await machine.status_texts())
        self.assert_stored(machine, plain)
        (path,) = machine.stored()
        added = trace_before(path.read_bytes(), plain.content)
        self.assertEqual([b"return-path", b"delivered-to", b"received"], added)

    async def test_on(self) -> None:
        """On offers STARTTLS, takes mail under it, and takes mail in plain text as well."""
        machine = await self.machine_under("on")
        plain, secret = make_mail("plain", 3000), make_mail("secret", 30000)
        told = await swaks(self, machine.smtp_port, plain)
        self.assertEqual(DELIVERED, told.status)
        self.assertIn("250-STARTTLS", told.output)
        told = await swaks(self, machine.smtp_port, secret, "--tls", *self.tls_options)
        self.assertEqual(DELIVERED, told.status)
        await self.assert_tls_in_last_session(machine)
        # STARTTLS is offered before TLS, and not behind it.
        self.assertEqual(
            1, told.output.count("250-STARTTLS") + told.output.count("250 STARTTLS")
        )
        self.assertEqual([], await machine.status_texts())
        self.assert_stored(machine, plain, secret)

    async def test_ssl(self) -> None:
        """SSL answers plain MAIL with 530, hangs up and shows it, and takes mail under TLS."""
        machine = await self.machine_under("ssl")
        plain, secret = make_mail("plain", 3000), make_mail("secret", 3000)
        told = await swaks(self, machine.smtp_port, plain)
        self.assertEqual(MAIL_REFUSED, told.status)
        self.assertRegex(told.output, "530 (5.7.0 )?Must issue a STARTTLS command first")
        # swaks says QUIT to a server that has hung up.
        self.assertIn("Remote host closed connection", told.output)
        self.assertEqual(RX_REJECT, await machine.status_line())
        session = await machine.last_session("smtp-receive")
        self.assertEqual(("NG", RX_REJECT), (session["result"], session["status_line"]))
        told = await swaks(self, machine.smtp_port, secret, "--tls", *self.tls_options)
        self.assertEqual(DELIVERED, told.status)
        await self.assert_tls_in_last_session(machine)
        self.assertEqual("", await machine.status_line())
        self.assertEqual([RX_REJECT], await machine.status_texts())
        self.assert_stored(machine, secret)

    async def assert_tls_in_last_session(self, machine: Machine) -> None:
        session = await machine.last_session("smtp-receive")
        self.assertEqual("OK", session["result"])
        self.assertEqual(self.version, session["tls"]["version"])
        self.assertIn(session["tls"]["cipher"], self.ciphers)


class OldMachineTests(_SwaksTests, LiveTestCase):
    model = "ir2270"
    tls_options = OLD_TLS
    version = "TLS 1.0"
    ciphers = ("AES128-SHA", "AES256-SHA")

    async def test_client_of_today(self) -> None:
        """A swaks with the TLS of today has nothing in common with the iR 2270."""
        machine = await self.machine_under("on")
        told = await swaks(
            self, machine.smtp_port, make_mail("m", 3000), "--tls", *TLS_OF_TODAY
        )
        self.assertEqual(NO_TLS, told.status)
        self.assertEqual(SMTP_RECEIVE, await machine.status_line())
        session = await machine.last_session("smtp-receive")
        self.assertEqual(("NG", SMTP_RECEIVE), (session["result"], session["status_line"]))
        self.assertEqual([], machine.stored())


class LaterMachineTests(_SwaksTests, LiveTestCase):
    model = "iradvance"
    version = "TLS 1.3"
    ciphers = (
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_GCM_SHA256",
    )

    async def test_client_of_2004(self) -> None:
        """A swaks with the TLS of 2004 has nothing in common with a later machine."""
        machine = await self.machine_under("ssl")
        told = await swaks(self, machine.smtp_port, make_mail("m", 3000), "--tls", *OLD_TLS)
        self.assertEqual(NO_TLS, told.status)
        self.assertEqual(SMTP_RECEIVE, await machine.status_line())
        self.assertEqual([], machine.stored())
