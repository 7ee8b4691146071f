"""SASL mechanisms as a client uses them, held to the vectors of their RFCs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from irsend.device import load_model, model_names
from irsend.device.windows import MECHANISMS as NAMES
from irsend.protocols.sasl import (
    MECHANISMS,
    CramMD5,
    IMechanism,
    Login,
    Plain,
    choose_mechanism,
)


class MechanismTests(SynchronousTestCase):
    """What each says."""

    def test_table(self) -> None:
        """Each mechanism stands under its registered name, and is one that can be switched off."""
        for name, make in MECHANISMS.items():
            mechanism = make(b"tim", b"tanstaaftanstaaf")
            verifyObject(IMechanism, mechanism)
            self.assertEqual(mechanism.name, name)
            self.assertIn(name, NAMES)

    def test_cram_md5(self) -> None:
        """CRAM-MD5 answers as in RFC 2195 section 2, and begins nothing itself."""
        mechanism = CramMD5(b"tim", b"tanstaaftanstaaf")
        self.assertIsNone(mechanism.initial())
        self.assertEqual(
            mechanism.respond(b"<1896.697170952@postoffice.reston.mci.net>"),
            b"tim b913a602c7eda7a495b4e6e7334d3890",
        )

    def test_cram_md5_long_password(self) -> None:
        """A password that is longer than MD5's block is digested first (RFC 2104's sixth vector)."""
        challenge = b"Test Using Larger Than Block-Size Key - Hash Key First"
        self.assertEqual(
            CramMD5(b"x", b"\xaa" * 80).respond(challenge),
            b"x 6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
        )

    def test_plain(self) -> None:
        """PLAIN says at once what RFC 4616 section 4 has, and again to a server that asks."""
        mechanism = Plain(b"tim", b"tanstaaftanstaaf")
        for said in (mechanism.initial(), mechanism.respond(b"")):
            self.assertEqual(said, b"\0tim\0tanstaaftanstaaf")

    def test_login(self) -> None:
        """LOGIN says user name, then password, whatever the prompts are, and nothing more."""
        for prompts in (
            (b"Username:", b"Password:"),
            (b"User Name\0", b"Password\0"),
            (b"", b""),
        ):
            mechanism = Login(b"tim", b"secret")
            self.assertIsNone(mechanism.initial())
            self.assertEqual(
                [mechanism.respond(prompt) for prompt in prompts], [b"tim", b"secret"]
            )
            self.assertRaises(ValueError, mechanism.respond, b"?")

    def test_no_secret_in_repr(self) -> None:
        """No mechanism shows its password."""
        for make in MECHANISMS.values():
            self.assertNotIn("hunter2", repr(make(b"tim", b"hunter2")))


class ChoiceTests(SynchronousTestCase):
    """Which is taken."""

    def test_order(self) -> None:
        """The first of the model's order that is offered is taken, whatever the order of the offer."""
        order = ("CRAM-MD5", "LOGIN", "PLAIN")
        for offered, chosen in (
            (["PLAIN", "LOGIN", "CRAM-MD5"], "CRAM-MD5"),
            (["PLAIN", "LOGIN"], "LOGIN"),
            (["plain"], "PLAIN"),
            (["GSSAPI"], None),
            ([], None),
        ):
            self.assertEqual(choose_mechanism(order, offered, ()), chosen)

    def test_switched_off(self) -> None:
        """One that was switched off in service mode is passed over."""
        order = ("CRAM-MD5", "LOGIN", "PLAIN")
        self.assertEqual(choose_mechanism(order, order, ("CRAM-MD5", "LOGIN")), "PLAIN")
        self.assertIsNone(choose_mechanism(order, order, order))

    def test_not_in_the_order(self) -> None:
        """One that the model does not have is not taken."""
        self.assertIsNone(choose_mechanism(("CRAM-MD5",), ("PLAIN",), ()))

    def test_not_there(self) -> None:
        """One that irsend cannot speak is passed over, as if it were not offered."""
        order = ("NTLM", "GSSAPI", "PLAIN")
        self.assertEqual(choose_mechanism(order, order, ()), "PLAIN")

    def test_models(self) -> None:
        """Offered everything, each model takes the strongest; under PLAIN and LOGIN its own order shows."""
        for name in model_names():
            sasl = load_model(name).sasl
            self.assertEqual(choose_mechanism(sasl.plain, NAMES, ()), "CRAM-MD5", name)
            weak = ("PLAIN", "LOGIN")
            self.assertEqual(choose_mechanism(sasl.plain, weak, ()), "LOGIN", name)
            if sasl.secured:
                self.assertEqual(choose_mechanism(sasl.secured, weak, ()), "PLAIN", name)
