"""The machine logs in to Postfix with Dovecot SASL: each mechanism alone, with TLS and without."""

from __future__ import annotations

import poplib
from pathlib import Path

from twisted.internet.threads import deferToThread

from tests.live.dovecot import PASSWORD, Dovecot
from tests.live.relay import ANY_TLS, WITH_AUTH, RelayTestCase

# NTLM is in some builds of Dovecot 2.3 only, and in none of 2.4.
_EVERYWHERE = ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256")
_MODEL = """\
name = "every"
title = "A machine that knows every mechanism"
[tls]
newest = "TLS 1.3"
ciphers = "ALL:@SECLEVEL=0"
[sasl]
plain = {all}
secured = {all}
"""


class MechanismTests(RelayTestCase):
    """Each mechanism that the Dovecot at hand has."""

    async def mechanisms_at_hand(self) -> tuple[str, ...]:
        """Return what this Dovecot can do."""
        probe = Dovecot(self, self.directory / "probe")
        await probe.start(ssl=False, mechanisms="plain ntlm", old_tls=False)

        def offered() -> list[str]:
            try:
                return poplib.POP3("127.0.0.1", probe.port, timeout=5).capa()["SASL"]
            except (OSError, poplib.error_proto):
                # Asked for what it does not know, it takes nobody in.
                return []

        has_ntlm = "NTLM" in await deferToThread(offered)
        return (*_EVERYWHERE, "NTLM") if has_ntlm else _EVERYWHERE

    async def test_each_alone(self) -> None:
        """Offered alone, each mechanism logs in, under TLS and without; a wrong password is #839."""
        names = await self.mechanisms_at_hand()
        model = Path(self.directory) / "every.toml"
        model.write_text(_MODEL.format(all=str(list(names)).replace("'", '"')))
        policies = {
            name: {**ANY_TLS, **WITH_AUTH, "smtpd_sasl_mechanism_filter": name.lower()}
            for name in names
        }
        await self.start_relay(policies, mechanisms=" ".join(names).lower())
        await self.start_machine(str(model))
        for name in names:
            for tls in (False, True):
                job, session = await self.send(
                    name, authent_encryption__allow_ssl_smtp_send=tls
                )
                told = f"{name}, TLS {tls}: {job}"
                self.assertEqual((job["result"], session["auth"]), ("--", name), told)
                self.assertEqual(session["tls"] is not None, tls, told)
                self.assertIn(f"offered {name}; {name}", session["choice"])
                transcript = await self.machine.transcript(session["id"])
                self.assertNotIn(PASSWORD, transcript)
                readable = name in ("PLAIN", "LOGIN") and not tls
                self.assertEqual(
                    "user name and password go in plain text" in transcript, readable
                )
        self.assertEqual(len(await self.arrival(2 * len(names))), 2 * len(names))
        await self.machine.change({"authent_encryption.password": "wrong"})
        for name in names:
            job, session = await self.send(name)
            self.assertEqual((job["result"], session["auth"]), ("NG", None), name)
            transcript = await self.machine.transcript(session["id"])
            # Dovecot 2.3 does not tell Postfix that SCRAM has failed: it waits, and answers 454.
            answered = "454" if name == "SCRAM-SHA-256" and "S: 454" in transcript else "535"
            self.assertIn(f"S: {answered}", transcript, name)
            self.assertEqual(job["code"], {"535": "#839", "454": "#801"}[answered], name)
        self.assertEqual(len(self.arrived()), 2 * len(names))


class OrderTests(RelayTestCase):
    """What a machine takes of several, and what it does when there is nothing to take."""

    async def test_order(self) -> None:
        """Of PLAIN, LOGIN and CRAM-MD5 the iR takes CRAM-MD5; without it LOGIN, and PLAIN under TLS."""
        policies = {
            "all": {**ANY_TLS, **WITH_AUTH},
            "readable": {**ANY_TLS, **WITH_AUTH, "smtpd_sasl_mechanism_filter": "plain, login"},
        }
        await self.start_relay(policies, mechanisms="plain login cram-md5")
        await self.start_machine()
        for policy, tls, expected in (
            ("all", False, "CRAM-MD5"),
            ("all", True, "CRAM-MD5"),
            ("readable", False, "LOGIN"),
            ("readable", True, "PLAIN"),
        ):
            _, session = await self.send(policy, authent_encryption__allow_ssl_smtp_send=tls)
            self.assertEqual(session["auth"], expected, (policy, tls))

    async def test_hidden(self) -> None:
        """AUTH hidden: it goes on without, unheard where the network may relay, else refused with #806."""
        hidden = {**WITH_AUTH, "smtpd_discard_ehlo_keywords": "auth"}
        open_to_us = {"smtpd_relay_restrictions": "permit_mynetworks, reject"}
        await self.start_relay({"open": {**hidden, **open_to_us}, "closed": hidden})
        await self.start_machine()
        job, session = await self.send("open")
        self.assertEqual((job["result"], session["auth"]), ("--", None))
        self.assertEqual(session["choice"], "offered no mechanism")
        job, _ = await self.send("closed")
        self.assertEqual((job["result"], job["code"]), ("NG", "#806"))

    async def test_only_under_tls(self) -> None:
        """AUTH offered under TLS only is found there; without TLS there is none."""
        await self.start_relay({"x": {**ANY_TLS, **WITH_AUTH, "smtpd_tls_auth_only": "yes"}})
        await self.start_machine()
        job, session = await self.send("x", authent_encryption__allow_ssl_smtp_send=True)
        self.assertEqual((job["result"], session["auth"]), ("--", "PLAIN"))
        job, session = await self.send("x", authent_encryption__allow_ssl_smtp_send=False)
        self.assertEqual((job["code"], session["auth"]), ("#806", None))

    async def test_sender_must_equal_login(self) -> None:
        """A sender that is not who logged in is refused; with the right E-mail Address it is not."""
        strict = {
            **WITH_AUTH,
            "smtpd_sender_login_maps": "inline:{ {ir@bench.test = ir@bench.test} }",
            "smtpd_sender_restrictions": "reject_sender_login_mismatch",
        }
        await self.start_relay({"strict": strict})
        await self.start_machine(email_ifax={"email_address": "scanner@bench.test"})
        job, session = await self.send("strict")
        self.assertEqual((job["result"], job["code"]), ("NG", "#806"))
        self.assertIn("S: 553 5.7.1", await self.machine.transcript(session["id"]))
        job, _ = await self.send("strict", email_ifax__email_address="ir@bench.test")
        self.assertEqual(job["result"], "--")
