"""What a POP reception remembers, for the next one, of the mails that stay on the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from attrs import define, field, frozen


@frozen(kw_only=True)
class ListedMail:
    """A mail as LIST and UIDL have it."""

    number: int
    """From 1; of this session only."""
    size: int
    mark: str
    """The mark of its UIDL; empty where the server has no UIDL."""

    @property
    def key(self) -> str:
        """What it is known by in the next session."""
        return self.mark or f"without UIDL, {self.size} octets"


@define(eq=False)
class LeftMails:
    """Keys of mails, by what was wrong with them. The machine forgets them when it is switched off."""

    too_large: set[str] = field(factory=set)
    """Mails that turned out larger than LIST said, and than the machine takes."""
    broken_off: set[str] = field(factory=set)
    """Mails behind which the server said something that is no reply."""
    reported: set[str] = field(factory=set)
    """Mails of which a session has said that, and why, they stay on the server."""

    def report(self, left: Sequence[tuple[str, str]]) -> str:
        """Return how many mails stay on the server and why, empty where earlier sessions said so.

        `left` has the key of each and the reason.
        """
        fresh = Counter(why for key, why in left if key not in self.reported)
        self.reported |= {key for key, _ in left}
        return "; ".join(
            f"{count} {'mail stays' if count == 1 else 'mails stay'} on the server: {why}"
            for why, count in fresh.items()
        )

    def forget_others(self, listed: Collection[ListedMail]) -> None:
        """Forget mails that are no longer on the server."""
        keys = {one.key for one in listed}
        self.too_large &= keys
        self.broken_off &= keys
        self.reported &= keys
