"""The rules of sending: mechanisms by the model's order, names, codes."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from irsend.device import load_model
from irsend.device.mechanism_choice import choose_mechanism
from irsend.device.send_policy import Step, code_of_refusal, helo_name
from irsend.errors import ModelError

ALL = ("CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI", "PLAIN", "LOGIN", "SCRAM-SHA-256", "XOAUTH2")


class ChoiceTests(SynchronousTestCase):
    """The mechanism that is picked (docs/mechanisms)."""

    def test_table(self) -> None:
        """Each model takes the first of its order that is offered, with TLS and without it."""
        for model, offered, plain, secured in (
            ("ir2270", ALL, "CRAM-MD5", "CRAM-MD5"),
            ("ir2270", ("PLAIN", "NTLM", "GSSAPI", "LOGIN"), "NTLM", "NTLM"),
            ("ir2270", ("LOGIN", "GSSAPI"), "GSSAPI", "GSSAPI"),
            ("ir2270", ("PLAIN", "LOGIN"), "LOGIN", "PLAIN"),
            ("ir2270", ("LOGIN",), "LOGIN", "LOGIN"),
            ("ir2270", ("plain", "login"), "LOGIN", "PLAIN"),
            ("ir2270", ("SCRAM-SHA-256", "DIGEST-MD5", "XOAUTH2"), None, None),
            ("ir2270", (), None, None),
            ("ir2200", ("PLAIN", "LOGIN"), "LOGIN", "PLAIN"),
            ("estudio190f", ("LOGIN", "DIGEST-MD5", "CRAM-MD5"), "CRAM-MD5", None),
            ("estudio190f", ("LOGIN", "DIGEST-MD5"), "DIGEST-MD5", None),
            ("estudio190f", ("LOGIN", "PLAIN"), "LOGIN", None),
            ("estudio190f", ("PLAIN", "NTLM"), None, None),
            (
                "iradvance",
                ("SCRAM-SHA-256", "XOAUTH2", "PLAIN"),
                "SCRAM-SHA-256",
                "SCRAM-SHA-256",
            ),
            ("iradvance", ("XOAUTH2", "PLAIN"), "PLAIN", "XOAUTH2"),
        ):
            with self.subTest(model=model, offered=offered):
                known = load_model(model)
                for under_tls, expected in ((False, plain), (True, secured)):
                    choice = choose_mechanism(known, offered, secured=under_tls)
                    self.assertEqual(choice.mechanism, expected)

    def test_switched_off(self) -> None:
        """What is switched off in service mode is passed over; so is what this bench cannot play."""
        model = load_model("ir2270")
        choice = choose_mechanism(
            model,
            ["CRAM-MD5", "GSSAPI", "LOGIN"],
            secured=False,
            disabled=["CRAM-MD5"],
            unusable={"GSSAPI": "no Kerberos"},
        )
        self.assertEqual(choice.mechanism, "LOGIN")
        self.assertEqual(
            choice.why,
            "offered CRAM-MD5, GSSAPI, LOGIN; CRAM-MD5 is switched off; "
            "GSSAPI passed over (no Kerberos); LOGIN comes first on ir2270",
        )

    def test_reasons(self) -> None:
        """The journal's sentence says what was offered, what was chosen and why."""
        model = load_model("ir2270")
        for offered, why in (
            (["CRAM-MD5", "LOGIN"], "offered CRAM-MD5, LOGIN; CRAM-MD5 comes first on ir2270"),
            (["LOGIN"], "offered LOGIN; LOGIN is the only one known on ir2270"),
            (["XOAUTH2"], "offered XOAUTH2; ir2270 has none of them to use"),
            ([], "offered no mechanism"),
        ):
            self.assertEqual(choose_mechanism(model, offered, secured=False).why, why)


class RuleTests(SynchronousTestCase):
    """Names and codes."""

    def test_helo(self) -> None:
        """The forms of the HELO name (docs/models)."""
        for form, said in (
            ("name", "ir2270.bench.test"),
            ("bare", "ir2270"),
            ("literal", "[192.0.2.1]"),
            ("ip", "192.0.2.1"),
            ("empty", ""),
        ):
            self.assertEqual(helo_name(form, "ir2270.bench.test", "192.0.2.1"), said)
        self.assertEqual(helo_name("literal", "x", "2001:db8::1"), "[IPv6:2001:db8::1]")

    def test_codes(self) -> None:
        """Which step has which code."""
        for step, reply, code in (
            (Step.GREETING, 554, "#801"),
            (Step.HELLO, 550, "#801"),
            (Step.LOGIN, 535, "#839"),
            (Step.LOGIN, 454, "#801"),
            (Step.SENDER, 550, "#801"),
            (Step.SENDER, 530, "#839"),
            (Step.RECIPIENT, 550, "#806"),
            (Step.RECIPIENT, 450, "#806"),
            (Step.CONTENT, 552, "#801"),
        ):
            self.assertEqual(code_of_refusal(step, reply), code)

    def test_model_tables(self) -> None:
        """The tables of sending and header in a model file are read; wrong values are named."""
        path = Path(self.mktemp() + ".toml")
        path.write_text(
            'name = "x"\n[sending]\nattempts = 5\n[header]\norder = ["To", "From"]\n'
        )
        model = load_model(str(path))
        self.assertEqual((model.sending.attempts, model.header.order), (5, ("To", "From")))
        for wrong, key in (
            ('[sending]\nextensions = ["CHUNKING"]', "sending.extensions"),
            ('[header]\nmessage_id = "{nothing}"', "header.message_id"),
            ('[header]\norder = ["a b"]', "header.order"),
        ):
            path.write_text(f'name = "x"\n{wrong}\n')
            with self.assertRaises(ModelError) as caught:
                load_model(str(path))
            self.assertIn(key, str(caught.exception))

    def test_shipped_headers(self) -> None:
        """The Canon models have the header style of docs/sending."""
        for name in ("ir2270", "iradvance"):
            header = load_model(name).header
            self.assertEqual((header.mailer, header.priority), ("Canon MFP", "3"))
            self.assertEqual(header.attachment, "{number}_{short}_{page}")
