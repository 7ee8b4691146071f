"""The rule of a MAC address filter: which addresses may pass."""

from __future__ import annotations

from attrs import frozen


@frozen
class Admission:
    """Only those on the list pass, or all but those."""

    listed: frozenset[str] = frozenset()
    """MAC addresses in the form 00:00:85:12:34:56."""
    permits: bool = False
    """True: only the listed pass. False: all but the listed."""

    def passes(self, mac: str | None) -> bool:
        """Say whether this address may pass; None, an unknown address, is on no list."""
        return (mac in self.listed) == self.permits


EVERYBODY = Admission()
"""All pass."""
