"""A probe as a whole: its runs, its mails, what it says together, and what it never says."""

from __future__ import annotations

import base64
import json
from email import message_from_bytes
from pathlib import Path

from twisted.trial.unittest import TestCase

from irsend.device.model import load_model
from irsend.errors import SettingsRefused
from irsend.probe.cells import lines_below
from irsend.probe.document import report_document
from irsend.probe.findings import smallest_change, unused_offers
from irsend.probe.offers import NoServer
from irsend.probe.outcome import Outcome, settings_text
from irsend.probe.page import report_page
from irsend.probe.plan import check, runs_of
from tests.parts import server_tls
from tests.probe.servers import (
    MODELS,
    PASSWORD,
    Script,
    SMTPSession,
    order,
    probe_maildrop,
    probe_relay,
    probed,
    serve,
)

_POP = ("SASL CRAM-MD5 PLAIN", "STLS", "USER")


def _called(outcomes: tuple[Outcome, ...] | list[Outcome]) -> dict[str, str]:
    return {settings_text(one.varied): one.result for one in outcomes}


class SendingTests(TestCase):
    """Models before a relay."""

    async def test_runs(self) -> None:
        """Each setting that changes what a model does has a row, and TLS and mechanism stand in it."""
        script = Script(plain=("STARTTLS", "AUTH CRAM-MD5"), secured=("AUTH CRAM-MD5",))
        report = await probe_relay(self, script, models=MODELS)
        ir2270 = [one for one in report.outcomes if one.model.name == "ir2270"]
        self.assertEqual(
            _called(ir2270),
            {
                "SSL on, AUTH on": "OK",
                "SSL on, AUTH off": "OK",
                "SSL off, AUTH on": "OK",
                "SSL off, AUTH off": "OK",
            },
        )
        first = ir2270[0]
        assert first.tls is not None
        self.assertEqual((first.tls.version, first.mechanism), ("TLS 1.0", "CRAM-MD5"))
        self.assertEqual(
            _called([one for one in report.outcomes if one.model.name == "estudio190f"]),
            {"SSL off, AUTH on": "OK", "SSL off, AUTH off": "OK"},
        )
        self.assertTrue(report.all_pass)

    async def test_dry_run(self) -> None:
        """A dry run ends each transaction before DATA, by RSET and QUIT."""
        script = Script()
        report = await probe_relay(self, script)
        for outcome in report.outcomes:
            said = [one.text for one in outcome.transcript if one.speaker == "C"]
            if outcome.result == "OK":
                self.assertEqual(said[-2:], ["RSET", "QUIT"])
        self.assertNotIn("DATA", script.said)
        self.assertEqual((script.mails, report.mails), ([], 0))

    async def test_mails(self) -> None:
        """Without --dry-run there is one mail for each result that differs, whose subject says what it is."""
        script = Script(plain=("STARTTLS",), secured=("SIZE 50000000",))
        report = await probe_relay(
            self, script, models=("ir2270", "ir2200", "estudio190f"), user="", dry_run=False
        )
        # TLS 1.0 and plain text: the same for the models behind the first.
        self.assertEqual((len(script.mails), report.mails), (2, 2))
        for mail in script.mails:
            message = message_from_bytes(mail)
            self.assertEqual(message["Subject"], "irsend probe as ir2270")
            self.assertEqual(message["To"], "me@bench.test")
            self.assertLess(len(mail), 2000)
        self.assertEqual(
            [one.handed_over for one in report.outcomes], [True, True] + [False] * 3
        )

    async def test_asked_once(self) -> None:
        """Settings that must end the same way have one session, and the others' rows say which."""
        script = Script(plain=("AUTH LOGIN",))
        report = await probe_relay(self, script, allow_clear=True)
        self.assertEqual(
            [one.same_as for one in report.outcomes],
            ["", "", "SSL on, AUTH on", "SSL on, AUTH off"],
        )
        # One of the probe's own, and one for each row that has its own.
        self.assertEqual(script.sessions, 3)

    async def test_tls_fails(self) -> None:
        """Where TLS fails the login changes nothing, and is tried in plain text only."""
        script = Script(
            plain=("STARTTLS", "AUTH CRAM-MD5"),
            secured=("AUTH CRAM-MD5",),
            tls=server_tls("TLS 1.2", "TLS 1.3"),
        )
        report = await probe_relay(self, script)
        self.assertEqual(
            [(one.result, one.code, one.same_as) for one in report.outcomes],
            [
                ("NG", "#841", ""),
                ("NG", "#841", "SSL on, AUTH on"),
                ("OK", None, ""),
                ("OK", None, ""),
            ],
        )
        self.assertEqual(report.offers.tls_versions, ("TLS 1.2", "TLS 1.3"))
        self.assertIn("TLS 1.0 only", report.outcomes[0].why_no_tls)
        self.assertTrue(report.all_pass)

    async def test_login_counts(self) -> None:
        """With a user a model does not pass by settings without a login."""
        script = Script(
            secured=("AUTH PLAIN",), plain=("STARTTLS",), replies={"AUTH": "535 No"}
        )
        report = await probe_relay(
            self, script, settings={"authent_encryption.allow_ssl_smtp_send": "on"}
        )
        self.assertEqual(
            [(one.result, one.counts) for one in report.outcomes], [("NG", True), ("OK", False)]
        )
        self.assertFalse(report.all_pass)

    async def test_setting(self) -> None:
        """--setting fixes what would vary, and sets what would not."""
        script = Script()
        report = await probe_relay(
            self,
            script,
            settings={
                "authent_encryption.allow_ssl_smtp_send": "on",
                "authent_encryption.smtp_authentication": "on",
                "service_mode.disabled_mechanisms": "PLAIN",
            },
        )
        self.assertEqual([one.mechanism for one in report.outcomes], ["LOGIN"])

    async def test_wrong_setting(self) -> None:
        """A wrong key or value is refused before anything connects."""
        for settings in (
            {"nonsense.key": "1"},
            {"authent_encryption.allow_ssl_smtp_send": "maybe"},
        ):
            self.assertRaises(
                SettingsRefused, check, order("smtp://127.0.0.1:1", settings=settings)
            )

    async def test_no_server(self) -> None:
        """Nothing there, and what is no SMTP, are NoServer with the cause."""
        port = serve(self, SMTPSession, Script(greeting="SSH-2.0-OpenSSH_9.2"))
        for number, cause in ((1, "refused"), (port, "SSH")):
            error = await self.assertFailure(
                _deferred(probed(order(f"smtp://127.0.0.1:{number}"))), NoServer
            )
            self.assertIn(cause, str(error))
            self.assertIn(f"smtp://127.0.0.1:{number}", str(error))

    async def test_same_name(self) -> None:
        """A user's model file with the name of another model has rows of its own."""
        path = Path(self.mktemp() + ".toml")
        path.write_text('name = "ir2270"\ntitle = "Mine"\n')
        report = await probe_relay(
            self, Script(plain=()), models=("ir2270", str(path)), user=""
        )
        self.assertEqual(
            [one.title for one in report.models()], ["Canon imageRUNNER 2270", "Mine"]
        )
        self.assertEqual([len(report.of_model(one)) for one in report.models()], [2, 1])

    async def test_attempts(self) -> None:
        """A model that tries again by itself makes one attempt here."""
        script = Script(plain=(), replies={"RCPT": "450 Later"})
        report = await probe_relay(self, script, models=("estudio190f",), user="")
        self.assertEqual([one.code for one in report.outcomes], ["#806"])
        self.assertEqual(script.sessions, 2)


class SecretTests(TestCase):
    """The password."""

    async def test_not_in_clear(self) -> None:
        """A password that could be read on the wire goes under TLS only, and the row says why."""
        script = Script()
        report = await probe_relay(self, script)
        results = _called(report.outcomes)
        self.assertEqual(results["SSL off, AUTH on"], "not tried")
        self.assertEqual(results["SSL on, AUTH on"], "OK")
        row = report.outcomes[2]
        self.assertIn("plain text", row.reason)
        plain = [
            line
            for outcome in report.outcomes
            if outcome.tls is None
            for line in outcome.transcript
            if line.text.startswith("AUTH")
        ]
        self.assertEqual(plain, [])

    async def test_allowed(self) -> None:
        """With --allow-clear it goes in plain text where the model would give it so."""
        script = Script(plain=("AUTH LOGIN",))
        report = await probe_relay(self, script, allow_clear=True)
        self.assertEqual(report.outcomes[0].mechanism, "LOGIN")
        self.assertIn(base64.b64encode(PASSWORD.encode()).decode(), script.said)

    async def test_nowhere(self) -> None:
        """Page, document, lines and transcripts have it in no form, also where the server repeats it."""
        encoded = base64.b64encode(PASSWORD.encode()).decode()
        for replies in ({}, {"AUTH": f"535 {PASSWORD} {encoded} is wrong"}):
            script = Script(
                plain=("AUTH LOGIN PLAIN CRAM-MD5", "STARTTLS"), replies=dict(replies)
            )
            report = await probe_relay(self, script, allow_clear=True, models=MODELS)
            pop = await probe_maildrop(
                self,
                Script(
                    greeting="+OK <1.2@bench.test>",
                    plain=_POP,
                    secured=_POP,
                    replies={"PASS": f"-ERR {PASSWORD} {encoded}"} if replies else {},
                ),
                allow_clear=True,
                models=MODELS,
            )
            for one in (report, pop):
                shown = "\n".join(
                    [
                        report_page(one),
                        json.dumps(report_document(one)),
                        *lines_below(one),
                        repr(one),
                    ]
                )
                # Not assertNotIn: its report would be the whole of what is shown.
                self.assertFalse(PASSWORD in shown, one.server)
                self.assertFalse(encoded in shown, one.server)

    async def test_token(self) -> None:
        """The access token goes under TLS only, and stands in no page and no document."""
        token = Path(self.mktemp())
        token.write_text("marked-t0ken-of-some-length\n")
        script = Script(plain=("STARTTLS", "AUTH XOAUTH2"), secured=("AUTH XOAUTH2",))
        report = await probe_relay(self, script, models=("iradvance",), token_file=str(token))
        self.assertEqual(report.outcomes[0].mechanism, "XOAUTH2")
        said = [line for line in script.said if line.startswith("AUTH XOAUTH2 ")]
        self.assertEqual(len(said), 1)
        shown = report_page(report) + json.dumps(report_document(report))
        self.assertFalse("marked-t0ken" in shown)
        self.assertFalse(said[0].rpartition(" ")[2] in shown)

    async def test_order(self) -> None:
        """An order does not show it."""
        self.assertNotIn(PASSWORD, repr(order("smtp://relay.bench.test")))
        runs = runs_of(load_model("ir2270"), order("smtp://relay.bench.test"))
        self.assertNotIn(PASSWORD, repr(runs))


class FetchingTests(TestCase):
    """Models before a POP server."""

    async def test_methods(self) -> None:
        """Each method is tried, and nothing is fetched or deleted."""
        script = Script(greeting="+OK ready <1.2@bench.test>", plain=_POP, secured=_POP)
        report = await probe_maildrop(self, script, allow_clear=True)
        self.assertEqual(
            [(settings_text(one.varied), one.mechanism) for one in report.outcomes],
            [
                ("SSL on, standard", "USER and PASS"),
                ("SSL on, apop", "APOP"),
                ("SSL on, pop_auth", "CRAM-MD5"),
                ("SSL off, standard", "USER and PASS"),
                ("SSL off, apop", "APOP"),
                ("SSL off, pop_auth", "CRAM-MD5"),
            ],
        )
        verbs = {line.split(" ")[0] for line in script.said}
        self.assertFalse(verbs & {"RETR", "DELE", "TOP", "LIST", "UIDL"})

    async def test_status_line(self) -> None:
        """What the panel shows stands in the row: SSL Error (POP) where STLS is missing."""
        script = Script(greeting="+OK ready", plain=("USER",))
        report = await probe_maildrop(self, script, allow_clear=True)
        self.assertEqual(report.outcomes[0].panel, "SSL Error (POP)")
        self.assertEqual(
            [one.same_as for one in report.outcomes[:3]],
            ["", "SSL on, standard", "SSL on, standard"],
        )
        self.assertIn("SSL Error (POP)", report_page(report))


class ImplicitTLSTests(TestCase):
    """TLS from the connection on."""

    async def test_sending(self) -> None:
        """A model that can begins TLS with the connection, logs in and sends; another is not tried."""
        script = Script(implicit=True)
        report = await probe_relay(self, script, models=("iradvance", "ir2270"), dry_run=False)
        first, second, third = report.outcomes
        assert first.tls is not None
        self.assertEqual((first.result, first.tls.version), ("OK", "TLS 1.3"))
        self.assertNotIn("STARTTLS", script.said)
        self.assertEqual(len(script.mails), 2)
        self.assertEqual(second.mechanism, None)
        self.assertEqual((third.result, third.model.name), ("not tried", "ir2270"))
        self.assertEqual(report.offers.plain, ())
        self.assertIn("AUTH PLAIN LOGIN", report.offers.secured)

    async def test_fetching(self) -> None:
        """The same by POP."""
        script = Script(implicit=True, greeting="+OK ready", secured=("USER",))
        report = await probe_maildrop(self, script, models=("iradvance", "ir2270"))
        self.assertEqual(report.outcomes[0].mechanism, "USER and PASS")
        self.assertNotIn("STLS", script.said)
        self.assertEqual(report.outcomes[-1].result, "not tried")

    async def test_fails(self) -> None:
        """A handshake that fails is NG with its reason, and SSL Error (POP) on the panel."""
        tls = server_tls("TLS 1.0", "TLS 1.0")
        report = await probe_relay(self, Script(implicit=True, tls=tls), models=("iradvance",))
        self.assertEqual((report.outcomes[0].result, report.outcomes[0].code), ("NG", "#841"))
        self.assertEqual(report.outcomes[1].same_as, "SSL on, AUTH on")
        script = Script(implicit=True, tls=tls, greeting="+OK ready")
        pop = await probe_maildrop(self, script, models=("iradvance",))
        self.assertEqual(pop.outcomes[0].panel, "SSL Error (POP)")


class FindingTests(TestCase):
    """What stands below the table."""

    async def test_unused(self) -> None:
        """What no model makes use of is named, and nothing else."""
        script = Script(
            plain=("STARTTLS", "SIZE 50000000", "CHUNKING", "AUTH LOGIN"),
            secured=("SIZE 50000000", "CHUNKING", "AUTH LOGIN SCRAM-SHA-256"),
        )
        report = await probe_relay(self, script)
        self.assertEqual(
            unused_offers(report),
            ["TLS 1.1", "TLS 1.2", "TLS 1.3", "SCRAM-SHA-256", "CHUNKING"],
        )

    async def test_smallest_change(self) -> None:
        """The change that costs least is named with the models that it lets through."""
        script = Script(
            plain=("STARTTLS",),
            secured=("AUTH CRAM-MD5 PLAIN",),
            replies={"AUTH": "535 No", "MAIL": "530 Must issue a STARTTLS command first"},
        )
        report = await probe_relay(self, script, models=MODELS)
        self.assertFalse(report.all_pass)
        change = smallest_change(report)
        assert change is not None
        self.assertEqual(change.text, "offer CRAM-MD5 no longer")
        self.assertEqual(len(change.models), 2)
        self.assertIn("offer CRAM-MD5 no longer", "\n".join(lines_below(report)))

    async def test_page(self) -> None:
        """The page is one file: nothing is loaded, each model has a panel, the server's words are escaped."""
        script = Script(replies={"RCPT": "550 <script>alert(1)</script>"})
        report = await probe_relay(self, script, models=MODELS)
        page = report_page(report)
        self.assertNotIn("<script", page)
        self.assertNotRegex(page, r'(?:src|href)=["\']')
        own = [one for one in report.outcomes if not one.same_as]
        self.assertEqual(page.count("<svg"), len(own))
        self.assertEqual(page.count("<details>"), len(own))
        Path(self.mktemp()).write_text(page)

    async def test_document(self) -> None:
        """The document is JSON and says of each run what the table does."""
        report = await probe_relay(self, Script(), models=MODELS)
        document = json.loads(json.dumps(report_document(report)))
        self.assertEqual([one["name"] for one in document["models"]], list(MODELS))
        run = document["models"][0]["runs"][0]
        self.assertEqual(run["tls"]["version"], "TLS 1.0")
        self.assertEqual(
            run["settings"],
            {
                "authent_encryption.allow_ssl_smtp_send": True,
                "authent_encryption.smtp_authentication": True,
            },
        )
        self.assertIn("C: RSET", run["transcript"])


def _deferred(work):  # type: ignore[no-untyped-def]
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(work)
