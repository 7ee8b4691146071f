"""A mail of 100 MB goes through the machine's hands, not into its RAM."""

from __future__ import annotations

from twisted.internet.ssl import CertificateOptions

from tests.live.case import LiveTestCase
from tests.live.dialogues import call, deliver, expect, greet, submit
from tests.live.dovecot import PASSWORD, USER, start_dovecot
from tests.live.machine import ADDRESS, Machine, start_machine
from tests.live.mails import Mail, compare, make_mail

MB = 1_000_000
LIMITS = {"message_size": 110}


class _Bench(LiveTestCase):
    timeout = 180

    def setUp(self) -> None:
        super().setUp()
        self.small = make_mail("small", 10_000)
        self.large = make_mail("large", 100 * MB)
        self.assertGreater(len(self.large.content), 99.9 * MB)

    def held_now(self, machine: Machine) -> int:
        """Return the octets of RAM that the process holds, from which its peak begins anew."""
        machine.forget_peak_memory()
        return machine.peak_memory()

    def assert_grew_little(self, machine: Machine, before: int) -> None:
        """The process never held 10 MB more than it had with a small mail."""
        grew = machine.peak_memory() - before
        self.assertLess(grew, 10 * MB, f"a mail of 100 MB added {grew / MB:.1f} MB")

    def assert_stored(self, machine: Machine, *mails: Mail) -> None:
        sent = {one.identity: one for one in mails}
        compare(machine.memory, sent, must_have=set(sent))


class BySMTPTests(_Bench):
    async def test_in_plain_text(self) -> None:
        """A mail of 100 MB by SMTP adds less than 10 MB to the process, and is stored whole."""
        machine = await start_machine(self, limits=LIMITS)
        await submit(self.reactor, machine.smtp_port, self.small, ADDRESS)
        before = self.held_now(machine)
        await submit(self.reactor, machine.smtp_port, self.large, ADDRESS)
        self.assert_grew_little(machine, before)
        self.assert_stored(machine, self.small, self.large)

    async def test_under_tls(self) -> None:
        """The same under STARTTLS."""
        machine = await start_machine(
            self,
            model="iradvance",
            limits=LIMITS,
            authent_encryption={"allow_ssl_smtp_receive": "ssl"},
        )
        for mail in (self.small, self.large):
            dialogue = await call(self.reactor, machine.smtp_port)
            self.addCleanup(dialogue.hang_up)
            await greet(dialogue)
            expect("220", await dialogue.command("STARTTLS"))
            dialogue.transport.startTLS(CertificateOptions())
            expect("250", await dialogue.command("EHLO load.client.test"))
            if mail is self.large:
                before = self.held_now(machine)
            await deliver(dialogue, mail, ADDRESS)
            dialogue.hang_up()
            await dialogue.until_closed()
        self.assert_grew_little(machine, before)
        self.assert_stored(machine, self.small, self.large)


class ByPOPTests(_Bench):
    programs = ("dovecot",)
    as_root = True

    async def test_in_plain_text(self) -> None:
        """A mail of 100 MB by POP adds less than 10 MB to the process, and is stored whole."""
        await self.fetch(model="ir2270", tls=False)

    async def test_under_tls(self) -> None:
        """The same under STLS."""
        await self.fetch(model="iradvance", tls=True)

    async def fetch(self, *, model: str, tls: bool) -> None:
        """Have the machine fetch a small mail, then the large one."""
        dovecot = await start_dovecot(self)
        machine = await start_machine(
            self,
            model=model,
            limits=LIMITS,
            email_ifax={
                "pop": True,
                "pop_server": "127.0.0.1",
                "pop_address": USER,
                "pop_password": PASSWORD,
            },
            authent_encryption={"allow_ssl_pop": tls},
            service_mode={"pop3_port": dovecot.port},
        )
        before = 0
        for mail in (self.small, self.large):
            before = self.held_now(machine)
            dovecot.deliver([mail])
            answer = await machine.receive()
            self.assertEqual(("OK", 1), (answer["result"], answer["received"]), answer)
        self.assert_grew_little(machine, before)
        self.assert_stored(machine, self.small, self.large)
        self.assertEqual([], dovecot.remaining())
