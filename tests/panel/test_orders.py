"""Orders to send: read as people write them, refused in a sentence where they contradict the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from irsend.device.send_order import Original, SendOrder, read_order
from irsend.errors import SendRefused
from irsend.services.send.delivery_results import too_large
from tests.panel.machine import device_of

PAGE = Original(path=Path("a.pdf"), name="a.pdf")


class OrderTests(SynchronousTestCase):
    """read_order."""

    def setUp(self) -> None:
        """Make a device."""
        self.device = device_of()

    def read(self, **given: Any) -> SendOrder:
        """Read an order, to b@bench.test unless `to` is given."""
        return read_order(self.device, [PAGE], {"to": ["b@bench.test"], **given})

    def refused(self, **given: Any) -> dict[str, str]:
        """Return what is refused, by key."""
        refusal = self.assertRaises(SendRefused, self.read, **given)
        return {one.key: one.problem for one in refusal.refused}

    def test_any_case(self) -> None:
        """Words are read in any case, and one number stands for both of a resolution."""
        order = self.read(paper="a4", format="PDF", kind="Email", resolution="300")
        self.assertEqual(
            (order.paper, order.format, order.kind, order.resolution),
            ("A4", "pdf", "email", "300x300"),
        )
        self.assertEqual(self.read(paper="AUTO", resolution="200X100").resolution, "200x100")

    def test_unknown_words(self) -> None:
        """An unknown word is refused with the allowed ones."""
        for key, wrong in (("paper", "A9"), ("format", "gif"), ("resolution", "301")):
            self.assertIn("allowed: ", self.refused(**{key: wrong})[key])

    def test_ifax_is_tiff(self) -> None:
        """An I-Fax is accepted with any format, though it is sent as TIFF."""
        for form in ("pdf", "tiff", "jpeg"):
            self.read(kind="ifax", format=form)

    def test_login_that_is_not_used(self) -> None:
        """User and password are refused unless the settings use them."""
        window = "authent_encryption"
        why = self.refused(user="tim", password="marked")
        self.assertIn(f"{window}.display_auth_screen", why["user"])
        self.assertEqual(why["user"], why["password"])
        self.device.change_settings({f"{window}.display_auth_screen": True})
        self.assertIn(f"{window}.smtp_authentication", self.refused(user="tim")["user"])
        self.device.change_settings({f"{window}.smtp_authentication": True})
        self.assertEqual(self.read(user="tim").user, "tim")

    def test_wrong_addresses(self) -> None:
        """Wrong addresses are named once each, three at most, shortened."""
        self.assertEqual(self.refused(to=["x"])["to"], "'x' is no e-mail address")
        self.assertEqual(
            self.refused(to="b@bench.test, x, y,x")["to"], "'x', 'y' are no e-mail addresses"
        )
        long = self.refused(to=[f"{'x' * 5000}{number}" for number in range(99)])["to"]
        self.assertIn(" and 96 more are no e-mail addresses", long)
        self.assertLess(len(long), 300)

    def test_too_many_addresses(self) -> None:
        """Too many addresses are refused by their number."""
        many = [f"b{number}@bench.test" for number in range(101)]
        why = self.refused(to=many)["to"]
        self.assertEqual(why, "101 are too many; allowed: up to 100 e-mail addresses")

    def test_too_large(self) -> None:
        """#705 names the settings that a mail is too large for."""
        why = too_large(5_000_000, 3_000_000).reason
        self.assertIn("email_ifax.maximum_data_size", why)
        self.assertIn("email_ifax.divided_send", why)
