"""Codes and texts of the status line, explained."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from irsend.device.codes import CODES, EXPLAINED
from irsend.device.explanations import NotExplained, explain, explanations
from irsend.device.status import StatusText


class ExplanationTests(SynchronousTestCase):
    """What a user types is found."""

    def test_all(self) -> None:
        """Every code and every text has a meaning, what draws it and what to look at."""
        names = [one.name for one in explanations()]
        self.assertEqual(names, [*CODES, *(text.value for text in StatusText)])
        for one in explanations():
            for sentence in (one.drawn_by, one.look_at):
                self.assertTrue(sentence[0].isupper() and sentence[-1] in ".?", one.name)

    def test_forms(self) -> None:
        """A code is found with # and without, a text in any case and spacing."""
        for given, name in (
            ("#843", "#843"),
            ("843", "#843"),
            (" # 843 ", "#843"),
            ("NG #843", "#843"),
            ("SSL Error (POP)", "SSL Error (POP)"),
            ("ssl error(pop)", "SSL Error (POP)"),
            ("SSL ERROR (SMTP RX REJECT)", "SSL Error (SMTP RX Reject)"),
        ):
            self.assertEqual(explain(given).name, name)

    def test_near(self) -> None:
        """What is near a code or a text is named."""
        for given, near in (
            ("#844x", "#844"),
            ("SSL Eror (POP)", "SSL Error (POP)"),
            ("rx reject", "SSL Error (SMTP RX Reject)"),
        ):
            error = self.assertRaises(NotExplained, explain, given)
            self.assertIn(repr(given), str(error))
            self.assertIn(near, str(error).partition("near it: ")[2])

    def test_far(self) -> None:
        """What is near none is answered with all there are."""
        error = self.assertRaises(NotExplained, explain, "paper jam")
        for number in EXPLAINED:
            self.assertIn(number, str(error))
