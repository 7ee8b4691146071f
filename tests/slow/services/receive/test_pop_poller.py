"""Receiving by POP: a list of millions of lines."""

from __future__ import annotations

from tests.services.maildrop import PollingCase


class POPPollerTests(PollingCase):
    """A server that does not stop."""

    def test_endless_list(self) -> None:
        """A list without end is given up also where its lines are as short as can be."""
        self.assertIn("does not end", self.endless_list(b"1 1\r\n").reason)
