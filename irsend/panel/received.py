"""What the first screen lists: the documents that were received, and the search over them."""

from __future__ import annotations

from collections.abc import Iterable

from irsend.device.documents import Document


def matching(documents: Iterable[Document], sought: str) -> list[Document]:
    """Return the documents whose number, sender or subject has this text in it, in any case."""
    sought = sought.casefold()
    return [
        one
        for one in documents
        if any(sought in text.casefold() for text in (one.number, one.sender, one.subject))
    ]
