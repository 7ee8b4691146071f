"""The machine as SMTP server: what smtplib sees of each fault at each step."""

from __future__ import annotations

import ssl

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial import unittest

from irsend.testing import Printer, PrinterMixin
from tests.services.faults.clients import Seen, smtp_session

STEPS = ("greeting", "ehlo", "mail", "rcpt", "data", "end", "rset", "quit")
"""What smtp_session calls its steps; those before STARTTLS and AUTH."""


class _TestCase(PrinterMixin, unittest.TestCase):
    """A printer, and sessions with it."""

    def setUp(self) -> None:
        """Start the printer."""
        self.printer = self.start_printer(authent_encryption__allow_ssl_smtp_receive="on")

    async def seen(self, *orders: str, **more: object) -> Seen:
        """Return what smtplib sees of a session under these orders."""
        with self.printer.faults(*orders):
            return await _session(self.printer, **more)


def _session(printer: Printer, **more: object) -> Deferred[Seen]:
    return deferToThread(smtp_session, printer.smtp, **more)  # type: ignore[arg-type]


class EachStepTests(_TestCase):
    """Each kind of fault at each step."""

    async def test_no_fault(self) -> None:
        """Without an order the session is done."""
        self.assertEqual((await self.seen()).end, "done")

    async def test_reply(self) -> None:
        """An ordered reply comes at its step, with its text; the steps before it are as usual."""
        for step in STEPS:
            seen = await self.seen(f'451-{step} text="not now"')
            self.assertEqual(seen.end.partition(":")[0], step, seen)
            self.assertIn("451", seen.end)
            self.assertIn("not now", seen.end)

    async def test_silence(self) -> None:
        """A silent server answers the step with nothing, and leaves the connection open."""
        for step in STEPS:
            self.assertEqual((await self.seen(f"silence-{step}")).end, f"{step}: silence")

    async def test_drop_and_reset(self) -> None:
        """A connection is dropped before the reply, in it, or behind it: by FIN, or by RST."""
        for kind, sees in (("drop", "FIN"), ("reset", "RST")):
            for number, step in enumerate(STEPS):
                self.assertEqual((await self.seen(f"{kind}-{step}")).end, f"{step}: {sees}")
                behind = [*STEPS, "done"][number + 1]
                # smtplib takes the first half of a line for a reply.
                seen = await self.seen(f"{kind}-in-{step}")
                self.assertIn(seen.end.removesuffix(f": {sees}"), (step, behind))
                seen = await self.seen(f"{kind}-after-{step}")
                # What was sent before RST may be lost with it.
                ends = {f"{behind}: {sees}", "done"} | ({f"{step}: {sees}"} if kind == "reset" else set())
                self.assertIn(seen.end, ends)
                self.assertEqual(seen.end == "done", step == "quit")

    async def test_delay(self) -> None:
        """A delayed step comes later than the client waits for; a patient one has its session done."""
        for step in STEPS:
            self.assertEqual((await self.seen(f"delay-2-{step}")).end, f"{step}: silence")
        self.assertEqual((await self.seen("delay-0.5-data", patience=5.0)).end, "done")


class CertificateTests(_TestCase):
    """Faults of the TLS handshake."""

    async def test_no_handshake(self) -> None:
        """A handshake is stalled, garbled or cut."""
        tls = ssl._create_unverified_context()
        for order, sees in (
            ("stall", "silence"),
            ("garble", "no TLS"),
            ("cut", "FIN"),
            ("drop-handshake", "FIN"),
            ("delay-3-handshake", "silence"),
        ):
            self.assertEqual((await self.seen(order, tls=tls)).end, f"starttls: {sees}", order)
