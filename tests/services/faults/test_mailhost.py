"""The mail host as SMTP and POP server: what smtplib and poplib see of each fault at each step."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial import unittest

from irsend.testing import PrinterMixin
from tests.services.faults.clients import Seen, old_tls, pop_session, smtp_session

ACCOUNT = ("ir@bench.test", "bench")
SMTP_STEPS = ("greeting", "ehlo", "auth", "mail", "rcpt", "data", "end", "rset", "quit")
POP_STEPS = (
    *("greeting", "capa", "user", "pass", "stat", "list", "uidl", "retr", "dele", "quit"),
)


class _TestCase(PrinterMixin, unittest.TestCase):
    """A printer with a mail host beside it, which has mail for the printer."""

    async def setUp(self) -> None:
        """Start them, and bring a mail."""
        self.printer = self.start_printer(accounts=dict([ACCOUNT]))
        self.assertEqual((await self.smtp()).end, "done")

    def smtp(self, **more: Any) -> Deferred[Seen]:
        """Return what a session of SMTP sees."""
        address = self.printer.mailhost_smtp
        return deferToThread(smtp_session, address, recipient=ACCOUNT[0], login=ACCOUNT, **more)

    def pop(self, **more: Any) -> Deferred[Seen]:
        """Return what a session of POP sees."""
        return deferToThread(pop_session, self.printer.mailhost_pop3, *ACCOUNT, **more)


class SMTPTests(_TestCase):
    """The mail host as SMTP server."""

    async def test_each_step(self) -> None:
        """A reply, silence and a lost connection come at their step, AUTH among them."""
        for step in SMTP_STEPS:
            for order, sees in (
                (f"451-{step}", "451 Fault on purpose"),
                (f"silence-{step}", "silence"),
                (f"drop-{step}", "FIN"),
                (f"reset-{step}", "RST"),
                (f"delay-2-{step}", "silence"),
            ):
                with self.printer.faults(f"{order} role=mailhost-smtp"):
                    seen = await self.smtp()
                self.assertEqual(seen.end, f"{step}: {sees}")

    async def test_starttls(self) -> None:
        """STARTTLS is refused, or its handshake spoiled."""
        for order, sees in (
            ("454-starttls", "454 Fault on purpose"),
            ("drop-starttls", "FIN"),
            ("stall", "silence"),
            ("garble", "no TLS"),
            ("cut", "FIN"),
        ):
            with self.printer.faults(f"{order} role=mailhost-smtp"):
                seen = await self.smtp(tls=old_tls())
            self.assertEqual(seen.end, f"starttls: {sees}")

    async def test_other_role(self) -> None:
        """A fault of the machine as SMTP server is none of the mail host's."""
        with self.printer.faults("451-data"):
            self.assertEqual((await self.smtp()).end, "done")


class POPTests(_TestCase):
    """The mail host as POP server."""

    async def test_each_step(self) -> None:
        """-ERR, silence and a lost connection come at their step."""
        for step in POP_STEPS:
            for order, sees in (
                (f"err-{step}", "-ERR Fault on purpose"),
                (f"silence-{step} role=mailhost-pop3", "silence"),
                (f"drop-{step} role=mailhost-pop3", "FIN"),
                (f"reset-{step} role=mailhost-pop3", "RST"),
                (f"delay-2-{step} role=mailhost-pop3", "silence"),
            ):
                with self.printer.faults(order):
                    seen = await self.pop()
                self.assertEqual(seen.end, f"{step}: {sees}", order)

    async def test_middle(self) -> None:
        """A connection is dropped in the middle of a reply or a message, and behind it."""
        for step in ("capa", "list", "uidl", "retr"):
            with self.printer.faults(f"drop-in-{step} role=mailhost-pop3"):
                self.assertEqual((await self.pop()).end, f"{step}: FIN")
        for number, step in enumerate(POP_STEPS):
            behind = [*POP_STEPS, "done"][number + 1]
            with self.printer.faults(f"drop-after-{step} role=mailhost-pop3"):
                self.assertEqual((await self.pop()).end.removesuffix(": FIN"), behind)

    async def test_slow(self) -> None:
        """At an octet a second the client waits too long for the next one."""
        with self.printer.faults("throttle-1-retr"):
            self.assertEqual((await self.pop()).end, "retr: silence")

    async def test_apop(self) -> None:
        """APOP has its step."""
        self.assertEqual((await self.pop(apop=True)).end, "done")
        await self.smtp()
        with self.printer.faults('err-apop text="[AUTH] no"'):
            self.assertEqual((await self.pop(apop=True)).end, "apop: -ERR [AUTH] no")

    async def test_auth(self) -> None:
        """AUTH has its step."""
        self.assertEqual((await self.pop(sasl=True)).end, "done")
        await self.smtp()
        for order, sees in (("err-auth", "-ERR Fault on purpose"), ("drop-auth", "FIN")):
            with self.printer.faults(f"{order} role=mailhost-pop3"):
                self.assertEqual((await self.pop(sasl=True)).end, f"auth: {sees}")

    async def test_stls(self) -> None:
        """STLS is refused, or its handshake spoiled."""
        for order, sees in (
            ("err-stls", "-ERR Fault on purpose"),
            ("drop-stls role=mailhost-pop3", "FIN"),
            ("stall role=mailhost-pop3", "silence"),
            ("garble role=mailhost-pop3", "no TLS"),
            ("cut role=mailhost-pop3", "FIN"),
        ):
            with self.printer.faults(order):
                seen = await self.pop(tls=old_tls())
            self.assertEqual(seen.end, f"stls: {sees}")

    async def test_certificate(self) -> None:
        """An expired certificate is seen as expired."""
        with self.printer.faults("certificate-expired role=mailhost-pop3"):
            seen = await self.pop(tls=old_tls(self.printer.faults.authority))
        self.assertEqual(seen.end, "stls: certificate has expired")

    async def test_capa(self) -> None:
        """CAPA leaves out what is to be forgotten, and has what is added."""
        with self.printer.faults(
            "forget-UIDL role=mailhost-pop3", "add-XYZ role=mailhost-pop3"
        ):
            seen = await self.pop()
        [capa] = [one for one in seen if one.startswith("capa")]
        self.assertNotIn("UIDL", capa)
        self.assertIn("XYZ", capa)
