"""Originals at the limit that the machine has."""

from __future__ import annotations

from tests.imaging.originals import OriginalsCase, pdf


class OriginalsTests(OriginalsCase):
    """Files on the glass."""

    def test_too_many_pages(self) -> None:
        """A PDF of 10,000 pages is refused before any is drawn, with both numbers."""
        long = pdf(self.place / "long.pdf", 10_000)
        sentence = self.refused(long.read_bytes(), "long.pdf")
        self.assertEqual(sentence, "long.pdf has 10000 pages; up to 1000 are allowed")
