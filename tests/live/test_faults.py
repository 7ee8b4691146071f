"""What swaks, Postfix and mpop see of faults on order (docs/faults)."""

from __future__ import annotations

from twisted.internet.threads import deferToThread

from irsend.testing import PrinterMixin
from tests.live.case import LiveTestCase
from tests.live.dialogues import submit
from tests.live.machine import start_machine
from tests.live.mails import make_mail
from tests.live.postfix import OLD_TLS, start_postfix
from tests.live.programs import run
from tests.live.swaks import OLD_TLS as SWAKS_OLD_TLS
from tests.live.swaks import need_tls, swaks
from tests.services.faults.clients import smtp_session

TLS_ON = {"allow_ssl_smtp_receive": "on"}
IMPATIENT = {
    **{
        f"smtp_{step}_timeout": "1s"
        for step in (
            *("connect", "helo", "starttls", "mail", "rcpt", "data_init"),
            *("data_xfer", "data_done", "rset", "quit"),
        )
    },
    # Each fault is met anew, whatever the last one was.
    "default_destination_concurrency_failed_cohort_limit": "1000",
    "smtp_connection_cache_on_demand": "no",
}
_LOST, _LATE = "lost connection with .* while ", "conversation with .* timed out while "
_TWICE = "sending end of data -- message may be sent more than once"


class SwaksTests(LiveTestCase):
    """swaks brings a mail to the machine."""

    programs = ("swaks",)

    async def test_steps(self) -> None:
        """At each step swaks ends with the status that it has for that, and has read the reply."""
        await need_tls(self)
        machine = await start_machine(self, authent_encryption=TLS_ON)
        for order, status, words, *options in (
            ("421-greeting", 21, "421 Fault on purpose"),
            ("554-ehlo", 22, "554 Fault on purpose"),
            ("451-mail", 23, "451 Fault on purpose"),
            ("550-rcpt", 24, "550 Fault on purpose"),
            ("451-data", 25, "451 Fault on purpose"),
            ("452-end", 26, "452 Fault on purpose"),
            ("drop-mail", 6, "Remote host closed connection unexpectedly"),
            ("reset-data", 6, "Remote host closed connection unexpectedly"),
            ("454-starttls", 29, "454 Fault on purpose", "--tls"),
            ("garble", 29, "wrong version number", "--tls"),
            ("cut", 29, "unexpected eof", "--tls"),
        ):
            await machine.order_faults(order)
            tls = SWAKS_OLD_TLS if options else ()
            ended = await swaks(self, machine.smtp_port, make_mail(order, 500), *options, *tls)
            self.assertEqual(ended.status, status, order)
            self.assertIn(words, ended.output)
            session = await machine.last_session("smtp-receive")
            self.assertEqual(session["faults"].split(", ")[0], order)
        self.assertEqual(machine.stored(), [])


class PostfixTests(LiveTestCase):
    """Postfix relays to the machine."""

    programs = ("postfix",)
    as_root = True

    async def test_steps(self) -> None:
        """Postfix defers or bounces what is faulty, and its log says at which step."""
        machine = await start_machine(self, authent_encryption=TLS_ON)
        postfix = await start_postfix(self, machine.smtp_port, {**OLD_TLS, **IMPATIENT})
        for number, (order, status, why) in enumerate(
            (
                ("421-greeting", "deferred", "refused to talk to me: 421 Fault on purpose"),
                ("451-ehlo", "deferred", "refused to talk to me: 451 Fault on purpose"),
                ("451-mail", "deferred", r"451 Fault on purpose \(in reply to MAIL FROM"),
                ("550-rcpt", "bounced", r"550 Fault on purpose \(in reply to RCPT TO"),
                ("451-data", "deferred", r"451 Fault on purpose \(in reply to DATA command"),
                ("452-end", "deferred", r"452 Fault on purpose \(in reply to end of DATA"),
                ("drop-greeting", "deferred", f"{_LOST}receiving the initial server greeting"),
                ("drop-ehlo", "deferred", f"{_LOST}performing the EHLO handshake"),
                ("drop-mail", "deferred", f"{_LOST}sending MAIL FROM"),
                ("reset-rcpt", "deferred", f"{_LOST}sending (MAIL FROM|RCPT TO)"),
                ("drop-data", "deferred", f"{_LOST}sending DATA command"),
                ("drop-in-content", "deferred", f"{_LOST}{_TWICE}"),
                ("drop-end", "deferred", f"{_LOST}{_TWICE}"),
                ("silence-greeting", "deferred", f"{_LATE}receiving the initial"),
                ("silence-ehlo", "deferred", f"{_LATE}performing the EHLO handshake"),
                ("silence-mail", "deferred", f"{_LATE}sending MAIL FROM"),
                ("silence-end", "deferred", f"{_LATE}{_TWICE}"),
                ("delay-3-end", "deferred", f"{_LATE}{_TWICE}"),
                ("throttle-100-content", "deferred", f"{_LATE}{_TWICE}"),
                ("size-100", "bounced", "exceeds size limit 100 of server"),
                ("454-starttls", "deferred", "refused to start TLS: 454 Fault on purpose"),
                ("stall", "deferred", "Cannot start TLS: handshake failure"),
                ("garble", "deferred", "Cannot start TLS: handshake failure"),
                ("cut", "deferred", "Cannot start TLS: handshake failure"),
                ("forget-STARTTLS", "deferred", "TLS is required, but was not offered"),
            )
        ):
            await machine.order_faults(order)
            level = "encrypt" if "TLS" in why or "start" in why else "none"
            to = f"to{number}@{level}.bench.test"
            await submit(self.reactor, postfix.port, make_mail(f"m{number}", 3000), to)
            seen = await postfix.delivery(to)
            self.assertEqual(seen.status, status, order)
            self.assertRegex(seen.why, why)

    async def test_then_works(self) -> None:
        """A mail that is refused twice is delivered by Postfix's third attempt."""
        machine = await start_machine(self)
        postfix = await start_postfix(self, machine.smtp_port, {**OLD_TLS, **IMPATIENT})
        await machine.order_faults("451-data times=2")
        to = "ir@none.bench.test"
        await submit(self.reactor, postfix.port, make_mail("twice", 3000), to)
        for number, status in enumerate(("deferred", "deferred", "sent"), 1):
            self.assertEqual((await postfix.delivery(to, number)).status, status)
            await postfix.flush()
        self.assertEqual(len(machine.stored()), 1)


class MpopTests(PrinterMixin, LiveTestCase):
    """mpop fetches from the mail host."""

    programs = ("mpop",)
    timeout = 30

    async def test_steps(self) -> None:
        """Mpop says what the server said, or that the connection is lost, at each step."""
        user, password = "ir@bench.test", "bench"
        printer = self.start_printer(accounts={user: password})
        await deferToThread(smtp_session, printer.mailhost_smtp, recipient=user)
        for order, words in (
            ("err-greeting", "Fault on purpose"),
            ("err-user", "Fault on purpose"),
            ("err-pass", "Fault on purpose"),
            ("err-stat", "Fault on purpose"),
            ("err-retr", "Fault on purpose"),
            ("drop-greeting role=mailhost-pop3", "empty reply"),
            ("drop-stat role=mailhost-pop3", "empty reply"),
            ("reset-in-retr", "read error|reset by peer"),
            ("silence-retr", "timeout|timed out"),
        ):
            with printer.faults(order):
                ended = await run(
                    self.reactor,
                    [
                        *("mpop", "--host=127.0.0.1", f"--port={printer.mailhost_pop3[1]}"),
                        *("--auth=user", f"--user={user}", f"--passwordeval=echo {password}"),
                        *("--tls=off", "--keep=off", "--timeout=1", "--pipelining=off"),
                        f"--uidls-file={self.directory / 'uidls'}",
                        f"--delivery=mbox,{self.directory / 'box'}",
                    ],
                )
            self.assertNotEqual(ended.status, 0, order)
            self.assertRegex(ended.output, words, order)
