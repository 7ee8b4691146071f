"""The scanner: scans that do not fit, in each format, by one octet and by many."""

from __future__ import annotations

from tests.services.scanning import ScanningCase


class ScannerTests(ScanningCase):
    """Real workers."""

    async def test_does_not_fit(self) -> None:
        """A scan larger than its room is refused as such in each format, and takes no more of the disk."""
        for form in (
            {"format": "jpeg"},
            {"format": "pdf"},
            {"format": "tiff"},
            {"format": "tiff", "profile": "S"},
            {"format": "tiff", "profile": "C"},
        ):
            for most in (1, 20_000):
                await self.assert_does_not_fit(most, side=2000, **form)
