"""Each piece of advice is drawn by a server that gives cause for it, in a session of a real machine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase, TestCase

from irsend.device.model import load_model
from irsend.probe.advice import facts_of, rules
from irsend.probe.offers import Offers
from irsend.probe.outcome import Outcome
from irsend.protocols.tls import ServerTLS
from irsend.protocols.tls_context import TLSProfile
from irsend.store.keys import read_key_material
from tests.live.certificates import make_certificate
from tests.parts import server_tls
from tests.probe.servers import Script, probe_maildrop, probe_relay

_VERIFY = {"authent_encryption.verify_smtp_send": "on"}
_CLEAR = ("SIZE 50000000", "AUTH PLAIN LOGIN")
_NO_AUTH = ("SIZE 50000000",)
_POP = ("SASL PLAIN LOGIN", "STLS", "USER")
_POP_CLEAR = ("SASL PLAIN LOGIN", "USER")
_FIXED_PORT = """\
name = "fixed"
lacks = ["service_mode.smtp_tx_port"]
"""


def _tls(*, expired: bool = False, name: str = "localhost") -> tuple[ServerTLS, Path]:
    """Return the TLS of a server whose certificate has expired, or is for another name."""
    directory = Path(tempfile.mkdtemp())
    certificate, key = make_certificate(directory, name, expired=expired)
    material = read_key_material(certificate.read_bytes(), key.read_bytes())
    profile = TLSProfile(oldest="TLS 1.2", newest="TLS 1.3", ciphers="ALL:@SECLEVEL=0")
    tls = ServerTLS.build(material.certificates, material.key, profile)
    return tls, certificate


class RelayTests(TestCase):
    """The advice about relays."""

    async def draw(self, name: str, script: Script, **order: Any) -> None:
        """Probe a relay; one of the runs is given this advice."""
        report = await probe_relay(self, script, **order)
        given = {one.name: one for outcome in report.outcomes for one in outcome.advice}
        reasons = [(outcome.result, outcome.reason) for outcome in report.outcomes]
        self.assertIn(name, given, reasons)
        self.assertNotIn("{", given[name].sentence)
        self.assertTrue(given[name].source)

    async def test_implicit_tls(self) -> None:
        """A URL of smtps draws it for a model that knows STARTTLS only."""
        report = await probe_relay(self, Script(implicit=True))
        self.assertEqual([one.name for one in report.outcomes[0].advice], ["implicit-tls"])
        self.assertFalse(report.all_pass)

    async def test_implicit_printer(self) -> None:
        """A model that begins TLS with the connection draws it at a port where STARTTLS is awaited."""
        await self.draw("tls-implicit-printer", Script(), models=("hp-477dw",))

    async def test_port_fixed(self) -> None:
        """A model whose windows have no port draws it at any port but 25."""
        model = Path(self.mktemp() + ".toml")
        model.write_text(_FIXED_PORT)
        await self.draw("port-fixed", Script(), models=(str(model),))

    async def test_setting_missing(self) -> None:
        """A --setting that the model lacks draws it."""
        await self.draw(
            "setting-missing", Script(), settings={"authent_encryption.verify_smtp_send": "on"}
        )

    async def test_withheld_offers_tls(self) -> None:
        """A password that would go in plain text beside STARTTLS draws it."""
        await self.draw("withheld-offers-tls", Script(plain=("STARTTLS", "AUTH LOGIN")))

    async def test_withheld_no_tls_in_printer(self) -> None:
        """The same at a model without TLS draws it."""
        script = Script(plain=("STARTTLS", "AUTH LOGIN"))
        await self.draw("withheld-no-tls-in-printer", script, models=("estudio190f",))

    async def test_withheld_no_tls_offered(self) -> None:
        """The same at a server without STARTTLS draws it."""
        await self.draw("withheld-no-tls-offered", Script(plain=_CLEAR))

    async def test_withheld(self) -> None:
        """The same where STARTTLS is offered and refused draws it."""
        script = Script(replies={"STARTTLS": "454 Not now"})
        await self.draw("withheld", script)

    async def test_greeting_421(self) -> None:
        """A greeting of 421 draws it."""
        await self.draw("greeting-421", Script(greeting="421 Too many connections"))

    async def test_greeting_refused(self) -> None:
        """A greeting of 554 draws it."""
        await self.draw("greeting-refused", Script(greeting="554 Listed"))

    async def test_hello_refused(self) -> None:
        """A refused EHLO and HELO draw it."""
        replies: dict[str, str | None] = {"EHLO": "550 Who?", "HELO": "550 Who?"}
        await self.draw("hello-refused", Script(replies=replies))

    async def test_certificate_expired(self) -> None:
        """A certificate that has expired draws it where the setting looks at it."""
        tls, trust = _tls(expired=True)
        await self.draw(
            "tls-certificate-expired",
            Script(tls=tls),
            models=("iradvance",),
            settings=_VERIFY,
            trust=str(trust),
        )

    async def test_certificate_name(self) -> None:
        """A certificate for another name draws it where the setting looks at it."""
        tls, trust = _tls(name="elsewhere.test")
        await self.draw(
            "tls-certificate-name",
            Script(tls=tls),
            models=("iradvance",),
            settings={**_VERIFY, "authent_encryption.verify_cn": "on"},
            trust=str(trust),
        )

    async def test_certificate(self) -> None:
        """A certificate of an unknown issuer draws it where the setting looks at it."""
        tls, _ = _tls()
        await self.draw(
            "tls-certificate", Script(tls=tls), models=("iradvance",), settings=_VERIFY
        )

    async def test_client_certificate(self) -> None:
        """A server that asks for a client certificate, and refuses for want of one, draws it."""
        from OpenSSL import SSL

        tls = server_tls("TLS 1.0", "TLS 1.2")
        tls.context.set_verify(
            SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True
        )
        await self.draw("tls-client-certificate", Script(tls=tls))

    async def test_versions(self) -> None:
        """A server from TLS 1.2 on draws it for a model of TLS 1.0."""
        await self.draw("tls-versions", Script(tls=server_tls("TLS 1.2", "TLS 1.3")))

    async def test_ssl3(self) -> None:
        """A model that ends at SSL 3.0 draws it, and nobody is told to accept that."""
        await self.draw("tls-ssl3", Script(), models=("hp-m276",))

    async def test_ciphers(self) -> None:
        """A server whose only ciphers the model does not know draws it."""
        from tests.parts import key_material

        key = key_material()
        profile = TLSProfile(
            oldest="TLS 1.0", newest="TLS 1.2", ciphers="ECDHE-RSA-AES256-SHA:@SECLEVEL=0"
        )
        tls = ServerTLS.build(key.certificates, key.key, profile)
        await self.draw("tls-ciphers", Script(tls=tls))

    async def test_tls_other(self) -> None:
        """A server that hangs up in the handshake draws it."""
        await self.draw(
            "tls-other", Script(tls=None, replies={"STARTTLS": "220 Go\r\nnonsense"})
        )

    async def test_exchange_online(self) -> None:
        """Exchange Online's reply to a mailbox without SMTP AUTH draws it."""
        reply = (
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled "
            "for the Mailbox."
        )
        await self.draw("auth-disabled-at-exchange-online", Script(replies={"AUTH": reply}))

    async def test_cram_md5_refused(self) -> None:
        """A refused CRAM-MD5 draws it."""
        await self.draw(
            "cram-md5-refused",
            Script(secured=("AUTH CRAM-MD5 PLAIN",), replies={"AUTH": "535 No"}),
        )

    async def test_negotiated_refused(self) -> None:
        """A refused NTLM draws it."""
        await self.draw(
            "negotiated-refused",
            Script(secured=("AUTH NTLM PLAIN",), replies={"AUTH": "535 No"}),
        )

    async def test_auth_later(self) -> None:
        """A login that is refused for the moment draws it."""
        await self.draw("auth-later", Script(replies={"AUTH": "454 Temporary failure"}))

    async def test_auth_refused(self) -> None:
        """A wrong password draws it."""
        await self.draw("auth-refused", Script(replies={"AUTH": "535 Wrong"}))

    async def test_auth_broken(self) -> None:
        """An exchange that does not end draws it."""
        script = Script(secured=("AUTH LOGIN",), replies={"AUTH": "334 !!!"})
        await self.draw("auth-broken", script)

    async def test_starttls_required(self) -> None:
        """MAIL that is refused in plain text draws it, in other words for a model without TLS."""
        script = Script(
            plain=("STARTTLS",), replies={"MAIL": "530 Must issue a STARTTLS command"}
        )
        await self.draw("starttls-required", script)
        await self.draw("starttls-required-printer-has-none", script, models=("estudio190f",))
        script.tls = server_tls("TLS 1.2", "TLS 1.3")
        await self.draw("starttls-required-no-version-in-common", script)

    async def test_only_under_tls(self) -> None:
        """A relay that offers AUTH under TLS only, and refuses without, draws it."""
        await self.draw(
            "mechanisms-only-under-tls",
            Script(plain=("STARTTLS",), replies={"RCPT": "554 Relay access denied"}),
        )

    async def test_no_login_offered(self) -> None:
        """A relay that offers no AUTH at all, and refuses, draws it."""
        await self.draw(
            "no-login-offered",
            Script(
                plain=_NO_AUTH, secured=_NO_AUTH, replies={"RCPT": "554 Relay access denied"}
            ),
        )

    async def test_xoauth2_only(self) -> None:
        """A relay that offers OAuth only, and refuses, draws it."""
        await self.draw(
            "xoauth2-only",
            Script(secured=("AUTH XOAUTH2",), replies={"MAIL": "530 5.7.57 Not authenticated"}),
        )

    async def test_none_in_common(self) -> None:
        """A relay whose mechanisms the model does not know, and which refuses, draws it."""
        await self.draw(
            "mechanisms-none-in-common",
            Script(secured=("AUTH SCRAM-SHA-1",), replies={"RCPT": "554 Relay access denied"}),
        )

    async def test_sender_not_owned(self) -> None:
        """A sender that is not the login's draws it."""
        reply = "553 5.7.1 <a@bench.test>: Sender address rejected: not owned by user scan"
        await self.draw("sender-not-owned", Script(replies={"RCPT": reply}))

    async def test_greylisted(self) -> None:
        """A 450 to RCPT draws it, in other words for a model that tries again."""
        script = Script(plain=_NO_AUTH, replies={"RCPT": "450 4.2.0 Greylisted"})
        await self.draw("greylisted-gives-up", script, user="")
        await self.draw("greylisted", script, user="", models=("estudio190f",))

    async def test_login_wanted(self) -> None:
        """A relay that wants a login draws it where there is none."""
        await self.draw(
            "login-wanted",
            Script(replies={"MAIL": "530 5.7.0 Authentication required"}),
            user="",
        )

    async def test_relay_denied(self) -> None:
        """A relay that does not relay draws it."""
        await self.draw(
            "relay-denied", Script(replies={"RCPT": "554 5.7.1 Relay access denied"}), user=""
        )

    async def test_sender_refused(self) -> None:
        """A refused sender draws it."""
        await self.draw(
            "sender-refused", Script(replies={"MAIL": "550 No such sender"}), user=""
        )

    async def test_recipient_refused(self) -> None:
        """An unknown recipient draws it."""
        await self.draw("recipient-refused", Script(replies={"RCPT": "550 Unknown"}), user="")

    async def test_content_refused(self) -> None:
        """A mail that is refused after DATA draws it."""
        await self.draw(
            "content-refused", Script(replies={".": "550 Bad header"}), user="", dry_run=False
        )

    async def test_silent(self) -> None:
        """A server that does not answer EHLO draws it."""
        script = Script(replies={"EHLO": None})
        await self.draw("silent", script, user="", models=("estudio190f",), patience=1)

    async def test_connection_closed(self) -> None:
        """A server that hangs up draws it."""
        await self.draw("connection-closed", Script(replies={"RCPT": ""}), user="")

    async def test_unexpected(self) -> None:
        """What is no SMTP draws it."""
        await self.draw("unexpected", Script(replies={"MAIL": "hello"}), user="")

    async def test_size_limit(self) -> None:
        """A relay that takes smaller mails than the model sends draws it, and the model passes."""
        script = Script(plain=("SIZE 1000000",), secured=())
        await self.draw("size-limit", script, user="")
        report = await probe_relay(self, script, user="")
        self.assertTrue(report.all_pass)


class MaildropTests(TestCase):
    """The advice about POP servers."""

    async def draw(self, name: str, script: Script, **order: Any) -> None:
        """Probe a POP server; one of the runs is given this advice."""
        script.greeting = script.greeting.replace("220 relay.bench.test ESMTP", "+OK ready")  # type: ignore[union-attr]
        report = await probe_maildrop(self, script, **order)
        given = {one.name: one for outcome in report.outcomes for one in outcome.advice}
        reasons = [(outcome.result, outcome.reason) for outcome in report.outcomes]
        self.assertIn(name, given, reasons)
        self.assertNotIn("{", given[name].sentence)

    async def test_greeting(self) -> None:
        """A greeting of -ERR draws it."""
        await self.draw("pop-greeting", Script(greeting="-ERR not here"))

    async def test_versions(self) -> None:
        """A server from TLS 1.2 on draws it for a model of TLS 1.0."""
        tls = server_tls("TLS 1.2", "TLS 1.3")
        await self.draw("pop-tls-versions", Script(plain=_POP, secured=_POP, tls=tls))

    async def test_no_stls(self) -> None:
        """A server without STLS draws it while Allow SSL (POP) is on."""
        await self.draw("pop-no-stls", Script(plain=_POP_CLEAR))

    async def test_in_use(self) -> None:
        """A maildrop that is in use draws it."""
        replies: dict[str, str | None] = {"PASS": "-ERR [IN-USE] busy"}
        await self.draw("pop-in-use", Script(plain=_POP, secured=_POP, replies=replies))

    async def test_plain_disallowed(self) -> None:
        """A server that takes no password in plain text draws it."""
        replies: dict[str, str | None] = {"USER": "-ERR Plaintext authentication disallowed"}
        script = Script(plain=_POP, secured=_POP, replies=replies)
        await self.draw("pop-plain-disallowed", script, allow_clear=True)

    async def test_no_timestamp(self) -> None:
        """A greeting without timestamp draws it where APOP is set."""
        await self.draw("apop-no-timestamp", Script(plain=_POP, secured=_POP))

    async def test_none_in_common(self) -> None:
        """A server whose mechanisms the model does not know draws it where POP AUTH is set."""
        offers = ("SASL SCRAM-SHA-1", "STLS")
        await self.draw("pop-none-in-common", Script(plain=offers, secured=offers))

    async def test_refused(self) -> None:
        """A refused login draws it, in other words for each method."""
        script = Script(
            greeting="+OK ready <1.2@bench.test>",
            plain=_POP,
            secured=("SASL CRAM-MD5",),
            replies=dict.fromkeys(("PASS", "APOP", "AUTH"), "-ERR no"),
        )
        for name in ("pop-digest-refused", "pop-auth-refused", "pop-login-refused"):
            await self.draw(name, script)


class RuleTests(SynchronousTestCase):
    """The rules as data."""

    def test_facts(self) -> None:
        """Each rule asks for facts that there are, and names no others in its sentences."""
        outcome = Outcome(
            model=load_model("ir2270"), varied={}, counts=True, result="NG", reason="x"
        )
        facts = facts_of(outcome, Offers(), "smtp://relay.bench.test:25")
        for rule in rules():
            self.assertLessEqual(set(rule.when), set(facts), rule.name)
            rule.advice(facts)

    def test_each_is_drawn(self) -> None:
        """Each rule is drawn by a test of this module."""
        source = Path(__file__).read_text("utf-8")
        for rule in rules():
            self.assertIn(f'"{rule.name}"', source)

    def test_names(self) -> None:
        """No two rules have the same name, and each has a source and a side."""
        names = [rule.name for rule in rules()]
        self.assertEqual(len(names), len(set(names)))
        for rule in rules():
            self.assertIn(rule.side, ("server", "printer", "probe"))
            self.assertTrue(rule.source, rule.name)
