"""The machine logs in to Postfix by Kerberos: a real KDC, and Dovecot's GSSAPI."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import DatagramProtocol, Factory, Protocol

from tests.imaging.originals import PNG
from tests.live.dovecot import PASSWORD
from tests.live.kerberos import PROGRAMS, REALM, Realm, start_realm
from tests.live.mails import compare, make_mail
from tests.live.relay import ANY_TLS, WITH_AUTH, RelayTestCase

_DOVECOT = """\
auth_krb5_keytab = {keytab}
auth_gssapi_hostname = localhost
import_environment = TZ KRB5_CONFIG KRB5RCACHENAME LD_PRELOAD FAKETIME
"""
_USERS = {"ir": PASSWORD, "scanner": "mimeograph", "operator": "spirit"}


class KerberosTestCase(RelayTestCase):
    """A realm with a few users, a relay that takes their tickets, and a machine that is one of them."""

    programs = (*RelayTestCase.programs, *PROGRAMS)
    modules = ("gssapi", "krb5")

    async def bench(self, *libdefaults: str, relay_clock: str = "") -> None:
        """Start everything; `relay_clock` is how far that of the relay is off."""
        self.realm: Realm = await start_realm(self, *libdefaults)
        for user, password in _USERS.items():
            await self.realm.add(user, password)
        for service in ("smtp", "pop"):
            await self.realm.add_service(f"{service}/localhost")
        environment = self.realm.environment
        if relay_clock:
            environment |= await self.realm.clock(relay_clock)
        await self.start_relay(
            {"relay": {**ANY_TLS, **WITH_AUTH}},
            mechanisms="plain login gssapi",
            more=_DOVECOT.format(keytab=self.realm.keytab),
            environment=environment,
        )
        if "GSSAPI" not in await self.dovecot.mechanisms():
            self.lacking("Dovecot's part for GSSAPI must be installed for this test")
        await self.start_machine(
            authent_encryption={"user": "ir"},
            email_ifax={"smtp_server": "localhost"},
            environment=self.realm.environment,
        )

    async def assert_sent(self, **settings: Any) -> str:
        """A page is sent by GSSAPI, and no password is shown; return the transcript."""
        job, session = await self.send("relay", **settings)
        self.assertEqual((job["result"], session["auth"]), ("--", "GSSAPI"), job)
        transcript = await self.machine.transcript(session["id"])
        self.assertIn("C: AUTH GSSAPI", transcript)
        for password in _USERS.values():
            self.assertNotIn(password, transcript)
        return transcript

    async def assert_failed(self, code: str, *words: str, **settings: Any) -> str:
        """A page is not sent, with this code and these words; return the transcript."""
        job, session = await self.send("relay", **settings)
        self.assertEqual((job["result"], job["code"], session["auth"]), ("NG", code, None), job)
        for word in words:
            self.assertIn(word, job["reason"])
        self.assertEqual(job["reason"], session["reason"])
        for alien in ("SpnegoError", "Major", "Minor", "-17653"):
            self.assertNotIn(alien, job["reason"])
        return await self.machine.transcript(session["id"])


class LoginTests(KerberosTestCase):
    """Users, passwords and tickets."""

    async def test_right(self) -> None:
        """GSSAPI comes before PLAIN and LOGIN, under TLS and without; the mail arrives."""
        await self.bench()
        for number, tls in enumerate((False, True), 1):
            transcript = await self.assert_sent(authent_encryption__allow_ssl_smtp_send=tls)
            session = await self.machine.last_session("smtp-send")
            self.assertEqual(session["tls"] is not None, tls)
            under = " under TLS" if tls else ""
            self.assertIn(f"GSSAPI comes first on ir2270{under}", session["choice"])
            self.assertIn(session["choice"], transcript)
            self.assertNotIn("user name and password go in plain text", transcript)
            (*_, mail) = await self.arrival(number)
            self.assertEqual(mail["To"], "b@bench.test")
        self.assertIn("sasl_method=GSSAPI, sasl_username=ir@bench.test", self.postfix.log)
        self.assertIn(f"ir@{REALM} for smtp/localhost@{REALM}", self.realm.log)

    async def test_wrong(self) -> None:
        """A wrong password is #839, so is who is not there; the relay hears nothing of it."""
        await self.bench()
        for user, password, words in (
            ("ir", "wrong", "user name or password is wrong"),
            ("nobody", "wrong", f"'nobody@{REALM}' not found"),
            ("ir@elsewhere.test", PASSWORD, 'Cannot find KDC for realm "elsewhere.test"'),
            ("ir", "", "user name and password are needed"),
        ):
            transcript = await self.assert_failed(
                "#839",
                f"login failed: Kerberos: {words}" if "needed" in words else words,
                authent_encryption__user=user,
                authent_encryption__password=password,
            )
            self.assertNotIn("C: AUTH", transcript)
        self.assertEqual(self.arrived(), [])
        await self.assert_sent(
            authent_encryption__user="ir", authent_encryption__password=PASSWORD
        )

    async def test_server_without_a_key(self) -> None:
        """A relay by a name that the KDC does not know is #839, and the reason has that name."""
        await self.bench()
        await self.assert_failed(
            "#839", f"smtp/127.0.0.1@{REALM} not found", email_ifax__smtp_server="127.0.0.1"
        )

    async def test_own_ticket(self) -> None:
        """Each login is by a ticket of its user's own; those of whoever runs irsend are not touched."""
        await self.bench()
        await self.realm.take_ticket("operator", _USERS["operator"])
        before = self.realm.tickets.read_bytes()
        for user in ("ir", "scanner", f"ir@{REALM}"):
            await self.assert_sent(
                authent_encryption__user=user,
                authent_encryption__password=_USERS[user.partition("@")[0]],
            )
        await self.assert_failed(
            "#839",
            "user name and password are needed",
            authent_encryption__user="",
            authent_encryption__password="",
        )
        logged_in = [
            line.partition("sasl_username=")[2]
            for line in self.postfix.log.splitlines()
            if "sasl_username=" in line
        ]
        self.assertEqual(
            logged_in, ["ir@bench.test", "scanner@bench.test", "ir@bench.test"], logged_in
        )
        self.assertEqual(self.realm.tickets.read_bytes(), before)

    async def test_pop(self) -> None:
        """POP AUTH fetches by GSSAPI too, with a ticket for the service pop."""
        await self.bench()
        mail = make_mail("m", 4000)
        self.dovecot.deliver([mail])
        await self.machine.change(
            {
                "email_ifax.pop": True,
                "email_ifax.pop_server": "localhost",
                "email_ifax.pop_address": "ir",
                "email_ifax.pop_password": PASSWORD,
                "authent_encryption.pop_auth_method": "pop_auth",
                "service_mode.pop3_port": self.dovecot.port,
            }
        )
        answer = await self.machine.receive()
        self.assertEqual((answer["result"], answer["received"]), ("OK", 1), answer)
        session = await self.machine.last_session("pop-receive")
        self.assertEqual(session["auth"], "GSSAPI")
        compare(self.machine.memory, {mail.identity: mail}, must_have={mail.identity})
        self.assertNotIn(PASSWORD, await self.machine.transcript(session["id"]))
        self.assertIn(f"ir@{REALM} for pop/localhost@{REALM}", self.realm.log)


class ClockTests(KerberosTestCase):
    """Clocks that differ."""

    async def test_apart(self) -> None:
        """An hour, or two days, before or behind the KDC is #843; three minutes are none."""
        await self.bench()
        for off, apart in (("+1h", 3600), ("-1h", 3600), ("+2d", 172800)):
            await self.realm.stop()
            await self.realm.start(clock=off)
            transcript = await self.assert_failed("#843", "login failed", "are allowed")
            job = (await self.machine.get("/api/jobs"))[0]
            told = int(job["reason"].partition(" s apart")[0].rpartition(" ")[2])
            self.assertLess(abs(told - apart), 10)
            self.assertNotIn("C: AUTH", transcript)
        for off in ("+3m", "-3m"):
            await self.realm.stop()
            await self.realm.start(clock=off)
            await self.assert_sent()

    async def test_said_by_the_kdc(self) -> None:
        """KRB_AP_ERR_SKEW of the KDC, to a library that keeps its clock to itself, is #843."""
        await self.bench("kdc_timesync = 0")
        await self.realm.stop()
        await self.realm.start(clock="+1h")
        await self.assert_failed("#843", "login failed: Kerberos: Clock skew too great")
        self.assertIn("Clock skew too great", self.realm.log)

    async def test_of_the_relay(self) -> None:
        """A relay whose clock is an hour off refuses the ticket: #839, for the machine cannot know why."""
        await self.bench(relay_clock="+1h")
        transcript = await self.assert_failed("#839", "the server refused")
        self.assertIn("S: 535", transcript)
        self.assertIn("Clock skew", self.dovecot.log)


class UnreachableTests(KerberosTestCase):
    """A KDC that is not there."""

    async def test_down(self) -> None:
        """With nobody at the KDC's port it is #839 at once, and good again when the KDC is."""
        await self.bench()
        await self.realm.stop()
        await self.assert_failed("#839", f"Cannot contact any KDC for realm '{REALM}'")
        await self.realm.start()
        await self.assert_sent()

    async def test_silent(self) -> None:
        """A KDC that never answers holds up a job for a minute at most, and nothing but the job."""
        await self.bench()
        await self.realm.stop()
        silent = DatagramProtocol()
        self.reactor.listenUDP(self.realm.port, silent, interface="127.0.0.1")
        self.addCleanup(lambda: silent.transport.stopListening())
        port = self.reactor.listenTCP(
            self.realm.port, Factory.forProtocol(Protocol), interface="127.0.0.1"
        )
        self.addCleanup(port.stopListening)
        await self.machine.change({"service_mode.smtp_tx_port": self.ports["relay"]})
        numbers = []
        for _ in range(3):
            job = await self.machine.send(("page.png", PNG), to="b@bench.test", wait=False)
            numbers.append(job["number"])
        cancelled, waits, last = numbers
        await self.machine.until_job(cancelled, ("running",), 5)
        await self.machine.cancel(cancelled)
        job = await self.machine.until_job(cancelled, ("NG",), 2)
        self.assertEqual(job["code"], "#995", job)
        await self.machine.until_job(waits, ("running",), 5)
        job = await self.machine.until_job(waits, ("NG",), 60)
        self.assertEqual(job["code"], "#839", job)
        self.assertIn(f"Cannot contact any KDC for realm '{REALM}'", job["reason"])
        await self.machine.until_job(last, ("running",), 5)
        self.machine.terminate()
        self.assertEqual(await self.machine.ended(within=5), 0)
