"""The machine fetches mail from Dovecot: STLS, logins and refusals (docs/fidelity)."""

from __future__ import annotations

import re
from typing import Any

from tests.live.case import LiveTestCase
from tests.live.dovecot import PASSWORD, USER, Dovecot, start_dovecot
from tests.live.machine import Machine, start_machine
from tests.live.mails import compare, make_mail
from tests.live.wiretap import Wiretap

SSL_ERROR_POP = "SSL Error (POP)"
CREDENTIALS = re.compile(rb"(?i)\b(USER|PASS|APOP|AUTH)\b")


class DovecotTestCase(LiveTestCase):
    """A machine and a Dovecot with a few mails, and a tap on the wire between them."""

    programs = ("dovecot",)
    as_root = True

    async def bench(
        self,
        *,
        model: str = "ir2270",
        password: str = PASSWORD,
        settings: dict[str, Any] | None = None,
        **dovecot: Any,
    ) -> None:
        """Start everything; `settings` are those of Authent./Encryption."""
        self.dovecot: Dovecot = await start_dovecot(self, **dovecot)
        self.tap = Wiretap(self.reactor, self.dovecot.port)
        self.addCleanup(self.tap.stop)
        self.keep_evidence(
            "what the machine said to Dovecot",
            lambda: repr(self.tap.everything_said_by_clients()[-2000:]),
        )
        self.mails = {one.identity: one for one in (make_mail(f"m{n}", 4000) for n in range(5))}
        self.dovecot.deliver(list(self.mails.values()))
        self.machine: Machine = await start_machine(
            self,
            model=model,
            email_ifax={
                "pop": True,
                "pop_server": "127.0.0.1",
                "pop_address": USER,
                "pop_password": password,
            },
            authent_encryption=settings or {},
            service_mode={"pop3_port": self.tap.port},
        )

    @property
    def said(self) -> bytes:
        """What the machine said on the wire, as it crossed."""
        return self.tap.everything_said_by_clients()

    async def assert_fetched(self, *, tls: str | None, auth: str | None = None) -> str:
        """All mails are in memory, none is left, nothing is shown; return the transcript."""
        answer = await self.machine.receive()
        self.assertEqual(
            ("OK", None, 5), (answer["result"], answer["code"], answer["received"])
        )
        compare(self.machine.memory, self.mails, must_have=set(self.mails))
        self.assertEqual([], self.dovecot.remaining())
        session = await self.machine.last_session("pop-receive")
        self.assertEqual(tls, session["tls"] and session["tls"]["version"])
        self.assertEqual(("OK", ""), (session["result"], session["status_line"]))
        if auth:
            self.assertEqual(auth, session["auth"])
        self.assertEqual("", await self.machine.status_line())
        transcript = await self.machine.transcript(answer["session"])
        self.assertNotIn(PASSWORD, transcript)
        return transcript

    async def assert_refused_before_login(self) -> str:
        """It failed as TLS does, and no credentials crossed; return the transcript."""
        answer = await self.machine.receive()
        self.assertEqual(
            ("NG", "#810", 0), (answer["result"], answer["code"], answer["received"])
        )
        self.assertEqual(SSL_ERROR_POP, await self.machine.status_line())
        self.assertEqual([SSL_ERROR_POP], await self.machine.status_texts())
        session = await self.machine.last_session("pop-receive")
        self.assertEqual(answer["session"], session["id"])
        self.assertEqual(
            ("NG", "#810", SSL_ERROR_POP),
            (session["result"], session["code"], session["status_line"]),
        )
        transcript = await self.machine.transcript(answer["session"])
        said = [line for line in transcript.splitlines() if line.startswith("C:")]
        self.assertIsNone(CREDENTIALS.search("\n".join(said).encode()), transcript)
        self.assertIsNone(CREDENTIALS.search(self.said), self.said)
        for secret in (USER, PASSWORD):
            self.assertNotIn(secret.encode(), self.said)
        await self.until(lambda: "Disconnected" in self.dovecot.log, "Dovecot logs the end")
        self.assertIn("no auth attempts", self.dovecot.log)
        self.assertEqual([], self.machine.stored())
        self.assertEqual(5, len(self.dovecot.remaining()))
        return transcript


class STLSTests(DovecotTestCase):
    """Allow SSL (POP)."""

    async def test_on(self) -> None:
        """On: the iR 2270 logs in under TLS 1.0, and shows no credentials on the wire."""
        await self.bench(settings={"allow_ssl_pop": True}, old_tls=True)
        transcript = await self.assert_fetched(tls="TLS 1.0")
        self.assertIn("C: STLS", transcript)
        # Capabilities from before TLS are worth nothing behind it: CAPA again.
        self.assertEqual(2, transcript.count("C: CAPA"), transcript)
        self.assertIn(b"STLS\r\n", self.said)
        self.assertNotIn(b"USER", self.said)
        self.assertNotIn(PASSWORD.encode(), self.said)

    async def test_on_later_machine(self) -> None:
        """On: a later machine fetches under TLS 1.3 from a Dovecot as Debian sets it up."""
        await self.bench(model="iradvance", settings={"allow_ssl_pop": True})
        await self.assert_fetched(tls="TLS 1.3")
        self.assertNotIn(b"USER", self.said)

    async def test_off(self) -> None:
        """Off: STLS is not used even where it is offered."""
        await self.bench(old_tls=True)
        transcript = await self.assert_fetched(tls=None)
        self.assertIn("S: STLS", transcript)
        self.assertNotIn("C: STLS", transcript)
        self.assertIn(f"USER {USER}\r\n".encode(), self.said)

    async def test_absent(self) -> None:
        """On, and no STLS: SSL Error (POP), #810, and no credentials are ever sent."""
        await self.bench(settings={"allow_ssl_pop": True}, ssl=False)
        await self.assert_refused_before_login()
        self.assertNotIn(b"STLS", self.said)

    async def test_absent_with_apop(self) -> None:
        """On, and Dovecot has no STLS: an APOP digest is not sent either."""
        await self.bench(
            settings={"allow_ssl_pop": True, "pop_auth_method": "apop"},
            ssl=False,
            mechanisms="plain apop",
        )
        await self.assert_refused_before_login()

    async def test_absent_with_sasl(self) -> None:
        """On, and Dovecot has no STLS: SASL is not begun either."""
        await self.bench(
            settings={"allow_ssl_pop": True, "pop_auth_method": "pop_auth"},
            ssl=False,
            mechanisms="plain cram-md5",
        )
        await self.assert_refused_before_login()

    async def test_handshake_fails(self) -> None:
        """On, and TLS fails, as Dovecot's begins at 1.2: the same, for the iR 2270."""
        await self.bench(settings={"allow_ssl_pop": True})
        await self.assert_refused_before_login()
        self.assertIn(b"STLS\r\n", self.said)

    async def test_shown_until_it_succeeds(self) -> None:
        """SSL Error (POP) stays on the line until a reception by POP succeeds."""
        await self.bench(settings={"allow_ssl_pop": True}, ssl=False)
        await self.assert_refused_before_login()
        await self.machine.change({"authent_encryption.allow_ssl_pop": False})
        self.assertEqual(SSL_ERROR_POP, await self.machine.status_line())
        await self.assert_fetched(tls=None)
        self.assertEqual([SSL_ERROR_POP], await self.machine.status_texts())


class LoginTests(DovecotTestCase):
    """POP AUTH Method."""

    async def test_wrong_password(self) -> None:
        """A wrong password ends the reception with #813, and the mail stays at Dovecot."""
        await self.bench(password="not-the-one")
        answer = await self.machine.receive()
        self.assertEqual(
            ("NG", "#813", 0), (answer["result"], answer["code"], answer["received"])
        )
        self.assertEqual("", await self.machine.status_line())
        self.assertEqual([], self.machine.stored())
        self.assertEqual(5, len(self.dovecot.remaining()))
        self.assertNotIn("not-the-one", await self.machine.transcript(answer["session"]))
        self.assertNotIn("not-the-one", self.machine.log)

    async def test_wrong_password_by_every_method(self) -> None:
        """APOP and POP AUTH with a wrong password end with #813 as well."""
        await self.bench(password="not-the-one", mechanisms="plain apop cram-md5")
        for method in ("apop", "pop_auth"):
            await self.machine.change({"authent_encryption.pop_auth_method": method})
            answer = await self.machine.receive()
            self.assertEqual(("NG", "#813"), (answer["result"], answer["code"]), method)
        self.assertEqual([], self.machine.stored())

    async def test_right_password_later(self) -> None:
        """The right password, given at the panel after a wrong one, fetches the mail."""
        await self.bench(password="not-the-one")
        self.assertEqual("#813", (await self.machine.receive())["code"])
        await self.machine.change({"email_ifax.pop_password": PASSWORD})
        await self.assert_fetched(tls=None)

    async def test_apop(self) -> None:
        """APOP sends the digest of Dovecot's timestamp, and neither USER nor PASS."""
        await self.bench(settings={"pop_auth_method": "apop"}, mechanisms="plain apop")
        transcript = await self.assert_fetched(tls=None)
        digest = re.search(rb"APOP ir@bench\.test ([0-9a-f]{32})\r\n", self.said)
        self.assertTrue(digest, self.said)
        assert digest is not None
        self.assertNotIn(digest[1].decode(), transcript)
        self.assertIsNone(re.search(rb"USER|PASS", self.said))

    async def test_apop_without_timestamp(self) -> None:
        """APOP where the greeting has no timestamp is an error, and USER is no way out."""
        await self.bench(settings={"pop_auth_method": "apop"}, mechanisms="plain")
        answer = await self.machine.receive()
        self.assertEqual(("NG", 0), (answer["result"], answer["received"]))
        self.assertIn(answer["code"], ("#810", "#813"))
        self.assertIsNone(re.search(rb"USER|PASS|APOP", self.said))

    async def test_cram_md5(self) -> None:
        """POP AUTH uses CRAM-MD5 where Dovecot has it beside PLAIN and LOGIN."""
        await self.assert_sasl("CRAM-MD5", "plain login cram-md5")

    async def test_plain(self) -> None:
        """POP AUTH uses PLAIN where Dovecot has nothing else."""
        await self.assert_sasl("PLAIN", "plain")

    async def test_login(self) -> None:
        """POP AUTH uses LOGIN where Dovecot has nothing else."""
        await self.assert_sasl("LOGIN", "login")

    async def test_plain_under_tls(self) -> None:
        """POP AUTH under STLS prefers PLAIN to LOGIN, as the model orders them there."""
        await self.bench(
            model="iradvance",
            settings={"pop_auth_method": "pop_auth", "allow_ssl_pop": True},
            mechanisms="login plain",
        )
        await self.assert_fetched(tls="TLS 1.3", auth="PLAIN")
        self.assertNotIn(b"AUTH", self.said)

    async def assert_sasl(self, mechanism: str, offered: str) -> None:
        """Of the mechanisms offered, the machine fetches by that one."""
        await self.bench(settings={"pop_auth_method": "pop_auth"}, mechanisms=offered)
        await self.assert_fetched(tls=None, auth=mechanism)
        self.assertIn(f"AUTH {mechanism}".encode(), self.said)
        self.assertIsNone(re.search(rb"USER|PASS", self.said))
        self.assertRegex(self.dovecot.log, f"(?i)login: .*method={mechanism}")
