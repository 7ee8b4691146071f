"""What a POP reception remembers, for the next one, of the mails that stay on the server."""

from __future__ import annotations

from collections.abc import Collection

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

    def forget_others(self, listed: Collection[ListedMail]) -> None:
        """Forget mails that are no longer on the server."""
        keys = {one.key for one in listed}
        self.too_large &= keys
        self.broken_off &= keys
