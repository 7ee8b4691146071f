"""`irsendctl explain`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.ctl.calls import call

_NOWHERE = "http://127.0.0.1:1"


class ExplainTests(SynchronousTestCase):
    """It asks no machine."""

    def test_code(self) -> None:
        """A code is explained in three lines."""
        ended = call("explain", "#843", url=_NOWHERE)
        self.assertEqual((ended.status, ended.err), (0, ""))
        for words in ("#843", "Kerberos", "Drawn by", "Look at", "NTP"):
            self.assertIn(words, ended.out)

    def test_text(self) -> None:
        """A text of the status line is explained, quoted or not."""
        for words in (("SSL Error (POP)",), ("SSL", "Error", "(POP)")):
            ended = call("explain", *words, url=_NOWHERE)
            self.assertEqual(ended.status, 0)
            self.assertIn("STLS", ended.out)

    def test_json(self) -> None:
        """--json gives the same as an object."""
        ended = call("explain", "806", "--json", url=_NOWHERE)
        self.assertEqual(set(json.loads(ended.out)), {"name", "meaning", "drawn_by", "look_at"})

    def test_unknown(self) -> None:
        """What is no code is wrong use, with what is near."""
        ended = call("explain", "SSL Eror (POP)", url=_NOWHERE)
        self.assertEqual((ended.status, ended.out), (2, ""))
        self.assertIn("near it: SSL Error (POP)", ended.err)
