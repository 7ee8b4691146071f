"""The machine as SMTP server: what smtplib sees of each fault at each step."""

from __future__ import annotations

import smtplib
import urllib.request

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial import unittest

from irsend.device.sessions import Session
from irsend.testing import Printer, PrinterMixin
from tests.services.faults.clients import Seen, old_tls, smtp_session

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

    async def last_session(self) -> Session:
        """Return the newest session, once it has ended."""
        while True:
            sessions = await self.printer.sessions()
            if sessions and sessions[0].result is not None:
                return sessions[0]


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
                ends = {f"{behind}: {sees}", "done"} | (
                    {f"{step}: {sees}"} if kind == "reset" else set()
                )
                self.assertIn(seen.end, ends)
                self.assertTrue(seen.end != "done" or step == "quit")

    async def test_delay(self) -> None:
        """A delayed step comes later than the client waits for; a patient one has its session done."""
        for step in STEPS:
            self.assertEqual((await self.seen(f"delay-2-{step}")).end, f"{step}: silence")
        self.assertEqual((await self.seen("delay-0.5-data", patience=5.0)).end, "done")

    async def test_throttle(self) -> None:
        """At an octet a second from a step on, the client waits too long for the rest of its reply."""
        for step in STEPS:
            self.assertEqual((await self.seen(f"throttle-1-{step}")).end, f"{step}: silence")

    async def test_starttls(self) -> None:
        """STARTTLS has its step."""
        for order, sees in (
            ('454-starttls text="not now"', "454 not now"),
            ("silence-starttls", "silence"),
            ("delay-2-starttls", "silence"),
            ("drop-starttls", "FIN"),
            ("reset-starttls", "RST"),
            ("drop-in-starttls", "FIN"),
            ("drop-after-starttls", "FIN"),
        ):
            seen = await self.seen(order, tls=old_tls())
            self.assertEqual(seen.end, f"starttls: {sees}", order)

    async def test_auth(self) -> None:
        """AUTH has its step, where it is announced on order."""
        for order, sees in (
            ("535-auth", "535 Fault on purpose"),
            ("silence-auth", "silence"),
            ("drop-auth", "FIN"),
        ):
            seen = await self.seen("add-AUTH text=PLAIN", order, login=("a", "b"))
            self.assertEqual(seen.end, f"auth: {sees}")

    async def test_connect(self) -> None:
        """A connection is taken, and nothing said, or lost at once."""
        for order, sees in (
            ("silence-connect", "silence"),
            ("delay-2-connect", "silence"),
            ("drop-connect", "FIN"),
            ("reset-connect", "RST"),
        ):
            self.assertEqual((await self.seen(order)).end, f"greeting: {sees}")

    async def test_two_faults(self) -> None:
        """Two orders at one step both happen: late, and refused."""
        seen = await self.seen("delay-0.1-mail", "451-mail", patience=5.0)
        self.assertEqual(seen.end, "mail: 451 Fault on purpose")


class CertificateTests(_TestCase):
    """Faults of the TLS handshake."""

    async def test_no_handshake(self) -> None:
        """A handshake is stalled, garbled or cut."""
        tls = old_tls()
        self.assertEqual((await self.seen(tls=tls)).end, "done")
        for order, sees in (
            ("stall", "silence"),
            ("garble", "no TLS"),
            ("cut", "FIN"),
            ("drop-handshake", "FIN"),
            ("reset-handshake", "RST"),
            ("delay-3-handshake", "silence"),
        ):
            self.assertEqual((await self.seen(order, tls=tls)).end, f"starttls: {sees}", order)

    async def test_certificates(self) -> None:
        """A client that trusts the authority of the faults meets the one thing that is wrong."""
        for which, sees in (
            ("expired", "certificate has expired"),
            ("foreign", "Hostname mismatch, certificate is not valid for 'localhost'."),
            ("unknown", "unable to get local issuer certificate"),
            ("chain", "unable to get local issuer certificate"),
        ):
            with self.printer.faults(f"certificate-{which}"):
                tls = old_tls(self.printer.faults.authority)
                seen = await _session(self.printer, tls=tls)
            self.assertEqual(seen.end, f"starttls: {sees}")
        self.assertEqual((await self.last_session()).faults, "certificate-chain")


class ExtensionTests(_TestCase):
    """What EHLO announces."""

    async def announced(self, *orders: str) -> dict[str, str]:
        """Return the extensions that a client sees under these orders."""

        def ask() -> dict[str, str]:
            with smtplib.SMTP(*self.printer.smtp, timeout=5) as client:
                client.ehlo()
                return client.esmtp_features

        with self.printer.faults(*orders):
            return await deferToThread(ask)

    async def test_forgotten(self) -> None:
        """A forgotten word is not announced; the others are."""
        usual = await self.announced()
        for word in ("STARTTLS", "SIZE", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES"):
            left = {name: about for name, about in usual.items() if name != word.lower()}
            self.assertEqual(await self.announced(f"forget-{word}"), left)

    async def test_added(self) -> None:
        """An added word is announced, with what stands behind it."""
        seen = await self.announced("add-CHUNKING", 'add-X-LIMIT text="1 2"')
        self.assertEqual(seen["chunking"], "")
        self.assertEqual(seen["x-limit"], "1 2")

    async def test_size(self) -> None:
        """The SIZE that is announced is the ordered one, and a mail that is larger is taken all the same."""
        self.assertEqual((await self.announced("size-10"))["size"], "10")
        self.assertEqual((await self.seen("size-10")).end, "done")


class ContentTests(_TestCase):
    """Faults in the middle of the content."""

    async def test_cut(self) -> None:
        """A connection that is dropped in the content brings no mail."""
        for order, sees in (("drop-in-content", "FIN"), ("reset-in-content", "RST")):
            self.assertEqual((await self.seen(order)).end, f"end: {sees}")
        self.assertEqual(self.printer.mails, [])

    async def test_reply(self) -> None:
        """A refusal in the middle of the content is read by the client, and the connection closed."""
        seen = await self.seen("452-content")
        self.assertIn("452", seen.end)
        self.assertEqual(seen.end.partition(":")[0], "end")
        self.assertEqual(self.printer.mails, [])

    async def test_not_read(self) -> None:
        """Content that is not read, now or for a while, gets no reply in that time."""
        self.assertEqual((await self.seen("silence-content")).end, "end: silence")
        self.assertEqual((await self.seen("delay-2-content")).end, "end: silence")

    async def test_slow(self) -> None:
        """At 800 octets a second the mail of some 800 octets takes longer than the client waits."""
        self.assertEqual((await self.seen("throttle-800-content")).end, "end: silence")
        self.assertEqual((await self.seen("throttle-80000-content")).end, "done")

    async def test_refused_at_end(self) -> None:
        """A mail whose end mark gets another reply is not kept; one that is kept gets no reply to it."""
        self.assertIn("451", (await self.seen("451-end")).end)
        self.assertEqual((await self.seen("drop-end")).end, "end: FIN")
        self.assertEqual(self.printer.mails, [])
        # The reply is cut, the mail is safe: the client will send it again.
        await self.seen("drop-in-end")
        self.assertEqual(len(await self.printer.wait_for_mail(1)), 1)


class ScopeTests(_TestCase):
    """How long an order holds, and how often it happens."""

    async def ends(self, number: int) -> list[str]:
        """Return how so many sessions end, one after the other."""
        return [(await _session(self.printer)).end.partition(":")[0] for _ in range(number)]

    async def test_next_session(self) -> None:
        """An order for the next session holds for no other."""
        with self.printer.faults("451-data scope=next"):
            self.assertEqual(await self.ends(3), ["data", "done", "done"])

    async def test_sessions(self) -> None:
        """An order for two sessions holds for two."""
        with self.printer.faults("451-data scope=2"):
            self.assertEqual(await self.ends(3), ["data", "data", "done"])

    async def test_until_taken_back(self) -> None:
        """An order without a scope holds until it is taken back."""
        with self.printer.faults("451-data"):
            self.assertEqual(await self.ends(3), ["data"] * 3)
        self.assertEqual(await self.ends(1), ["done"])

    async def test_times(self) -> None:
        """An order fails so many times, and then it works."""
        with self.printer.faults("451-rcpt times=2"):
            self.assertEqual(await self.ends(4), ["rcpt", "rcpt", "done", "done"])

    async def test_probability(self) -> None:
        """The same seed gives the same faults, another one others."""
        runs = []
        for seed in (1, 1, 2):
            with self.printer.faults(f"451-data probability=0.5 seed={seed}"):
                runs.append(await self.ends(12))
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])
        self.assertEqual(set(runs[0]), {"data", "done"})


class MagicTests(_TestCase):
    """Recipients that ask for a fault."""

    async def test_recipients(self) -> None:
        """A magic recipient has its fault in its own session, at any domain of the machine's."""
        for domain in ("localhost", "[127.0.0.1]"):
            for local, end in (
                ("451-data", "data: 451 Fault on purpose"),
                ("550-rcpt", "rcpt: 550 Fault on purpose"),
                ("delay-2", "rcpt: silence"),
                ("drop-after-rcpt", "data: FIN"),
                ("silence-end", "end: silence"),
            ):
                seen = await _session(self.printer, recipient=f"{local}@{domain}")
                self.assertEqual(seen.end, end)
        self.assertEqual((await self.seen()).end, "done")

    async def test_off(self) -> None:
        """Where magic recipients are off, they are recipients as any other."""
        printer = self.start_printer(faults={"magic": False})
        seen = await _session(printer, recipient="550-rcpt@localhost")
        self.assertEqual(seen.end, "done")

    async def test_not_taken(self) -> None:
        """A magic recipient at another domain is refused as any recipient there, and has no fault."""

        def talk() -> list[int]:
            with smtplib.SMTP(*self.printer.smtp, timeout=5) as client:
                client.ehlo()
                client.mail("a@client.test")
                codes = [
                    client.rcpt(f"{one}")[0] for one in ("451-data@other.test", "a@localhost")
                ]
                return [*codes, client.docmd("DATA")[0]]

        self.assertEqual(await deferToThread(talk), [550, 250, 354])

    async def test_note(self) -> None:
        """The transcript notes the fault that a recipient has asked for."""
        await _session(self.printer, recipient="451-data@localhost")
        await self.last_session()
        self.assertIn("-- fault: 451-data\n", (await self.printer.transcripts())[0])


class MarkTests(_TestCase):
    """How what was a fault on purpose is marked."""

    async def test_marked(self) -> None:
        """Journal, transcript, report and metrics have the order."""
        await self.seen("drop-after-rcpt")
        session = await self.last_session()
        self.assertEqual(session.faults, "drop-after-rcpt")
        self.assertEqual(session.result, "NG")
        self.assertEqual(session.reason, "fault on purpose: drop-after-rcpt")
        [transcript] = await self.printer.transcripts()
        self.assertIn("-- fault: drop-after-rcpt", transcript)
        metrics = await deferToThread(read, self.printer.panel + "metrics")
        self.assertIn(
            'irsend_faults_total{kind="drop",role="smtp-receive",step="rcpt"} 1.0', metrics
        )

    async def test_not_broken(self) -> None:
        """A session that a fault has only delayed is OK, and has its mark all the same."""
        await self.seen("delay-0.1-mail")
        session = await self.last_session()
        self.assertEqual((session.faults, session.result), ("delay-0.1-mail", "OK"))


def read(url: str) -> str:
    """Read a page of the panel."""
    with urllib.request.urlopen(url) as answer:
        return str(answer.read().decode())
