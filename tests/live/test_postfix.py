"""Postfix relays by TLS none, may and encrypt to the machine under off, on and ssl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.live.case import LiveTestCase
from tests.live.dialogues import submit
from tests.live.machine import Machine, start_machine
from tests.live.mails import Mail, compare, make_mail
from tests.live.postfix import OLD_TLS, Delivery, Postfix, start_postfix

RX_REJECT = "SSL Error (SMTP RX Reject)"
SMTP_RECEIVE = "SSL Error (SMTP Receive)"


if TYPE_CHECKING:
    _MixedIn = LiveTestCase
else:
    # Its subclasses alone are test cases to trial.
    _MixedIn = object


class _PostfixTests(_MixedIn):
    """The nine combinations, for one model."""

    model: str
    settings: dict[str, str] = {}
    version: str

    programs = ("postfix",)
    as_root = True

    async def bench(self, policy: str) -> None:
        """Start both, and remember what is sent."""
        self.machine: Machine = await start_machine(
            self, model=self.model, authent_encryption={"allow_ssl_smtp_receive": policy}
        )
        self.postfix: Postfix = await start_postfix(self, self.machine.smtp_port, self.settings)
        self.sent: dict[str, Mail] = {}

    async def relay(self, level: str, number: int = 1) -> Delivery:
        """Give Postfix a mail that it relays by this level; return how that went."""
        mail = make_mail(f"{level}-{number}", 5000)
        self.sent[mail.identity] = mail
        await submit(self.reactor, self.postfix.port, mail, f"ir@{level}.bench.test")
        return await self.postfix.delivery(f"ir@{level}.bench.test", number)

    def assert_stored(self, *identities: str) -> None:
        """Those mails, whole and once each, are in memory, and no others."""
        self.assertEqual(len(identities), len(self.machine.stored()))
        compare(self.machine.memory, self.sent, must_have=set(identities))

    async def assert_last_session(self, *, tls: bool) -> None:
        """The machine's last session succeeded, in the clear or under its own TLS version."""
        session = await self.machine.last_session("smtp-receive")
        self.assertEqual("OK", session["result"])
        self.assertEqual(
            self.version if tls else None, session["tls"] and session["tls"]["version"]
        )

    async def test_off(self) -> None:
        """Under off, none and may pass in plain text; encrypt is deferred until it is on."""
        await self.bench("off")
        for level in ("none", "may"):
            self.assertEqual("sent", (await self.relay(level)).status)
            await self.assert_last_session(tls=False)
        kept = await self.relay("encrypt")
        self.assertEqual(("deferred", "4.7.4"), (kept.status, kept.dsn))
        self.assertIn("TLS is required, but was not offered", kept.why)
        self.assertEqual(
            [kept.queue_id], [one["queue_id"] for one in await self.postfix.queue()]
        )
        self.assertEqual([], await self.machine.status_texts())
        self.assert_stored("none-1", "may-1")
        await self.machine.change({"authent_encryption.allow_ssl_smtp_receive": "on"})
        await self.postfix.flush()
        delivered = await self.postfix.delivery("ir@encrypt.bench.test", 2)
        self.assertEqual((kept.queue_id, "sent"), (delivered.queue_id, delivered.status))
        await self.assert_last_session(tls=True)
        self.assert_stored("none-1", "may-1", "encrypt-1")

    async def test_on(self) -> None:
        """Under on, none passes in plain text, may and encrypt under TLS."""
        await self.bench("on")
        for level in ("none", "may", "encrypt"):
            self.assertEqual("sent", (await self.relay(level)).status)
            await self.assert_last_session(tls=level != "none")
        self.assertEqual([], await self.machine.status_texts())
        self.assert_stored("none-1", "may-1", "encrypt-1")

    async def test_ssl(self) -> None:
        """Under ssl, may and encrypt pass under TLS; none is bounced, which is shown."""
        await self.bench("ssl")
        for level in ("may", "encrypt"):
            self.assertEqual("sent", (await self.relay(level)).status)
            await self.assert_last_session(tls=True)
        self.assertEqual([], await self.machine.status_texts())
        refused = await self.relay("none")
        self.assertEqual("bounced", refused.status)
        self.assertRegex(refused.why, "530 (5.7.0 )?Must issue a STARTTLS command first")
        self.assertEqual(RX_REJECT, await self.machine.status_line())
        self.assert_stored("may-1", "encrypt-1")
        self.assertEqual("sent", (await self.relay("may", 2)).status)
        self.assertEqual("", await self.machine.status_line())
        self.assertEqual([RX_REJECT], await self.machine.status_texts())


class OldMachineTests(_PostfixTests, LiveTestCase):
    model = "ir2270"
    settings = OLD_TLS
    version = "TLS 1.0"


class LaterMachineTests(_PostfixTests, LiveTestCase):
    model = "iradvance"
    version = "TLS 1.3"


class PostfixOfTodayTests(_PostfixTests, LiveTestCase):
    """A Postfix with no TLS older than 1.2, and a machine with none newer than 1.0."""

    model = "ir2270"
    settings = {
        "smtp_tls_protocols": ">=TLSv1.2",
        "smtp_tls_mandatory_protocols": ">=TLSv1.2",
        # It falls back to plain text with a mail that has waited for so long.
        "minimal_backoff_time": "1s",
        "queue_run_delay": "1s",
    }
    version = "TLS 1.0"

    async def test_off(self) -> None:
        """Under off, may is delivered in plain text without an attempt at TLS."""
        await self.bench("off")
        self.assertEqual("sent", (await self.relay("may")).status)
        self.assertEqual([], await self.machine.status_texts())
        self.assert_stored("may-1")

    async def test_on(self) -> None:
        """Under on, the failed handshake of may is shown; a later attempt passes in clear."""
        await self.bench("on")
        self.assert_no_tls(await self.relay("may"))
        await self.until(
            lambda: self.postfix.deliveries("ir@may.bench.test")[-1].status == "sent",
            "Postfix falls back to plain text",
            30,
        )
        await self.assert_last_session(tls=False)
        self.assertEqual({SMTP_RECEIVE}, set(await self.machine.status_texts()))
        self.assertEqual("", await self.machine.status_line())
        self.assert_stored("may-1")

    async def test_ssl(self) -> None:
        """Under ssl, the failed handshake of may is shown, and then its plain text, bounced."""
        await self.bench("ssl")
        self.assert_no_tls(await self.relay("may"))
        self.assertIn(SMTP_RECEIVE, await self.machine.status_texts())
        await self.until(
            lambda: self.postfix.deliveries("ir@may.bench.test")[-1].status == "bounced",
            "Postfix falls back to plain text",
            30,
        )
        self.assertEqual(RX_REJECT, await self.machine.status_line())
        texts = await self.machine.status_texts()
        self.assertEqual((RX_REJECT, {SMTP_RECEIVE}), (texts[0], set(texts[1:])))
        self.assert_stored()

    async def test_encrypt(self) -> None:
        """What is to be encrypted stays at Postfix, attempt for attempt, and each is shown."""
        await self.bench("on")
        self.assert_no_tls(await self.relay("encrypt"))
        self.assert_no_tls(await self.postfix.delivery("ir@encrypt.bench.test", 2))
        self.assertEqual(SMTP_RECEIVE, await self.machine.status_line())
        self.assertEqual(1, len(await self.postfix.queue()))
        self.assert_stored()

    def assert_no_tls(self, attempt: Delivery) -> None:
        """Postfix keeps the mail, because the handshake failed."""
        self.assertEqual(("deferred", "4.7.5"), (attempt.status, attempt.dsn))
        self.assertIn("Cannot start TLS: handshake failure", attempt.why)
