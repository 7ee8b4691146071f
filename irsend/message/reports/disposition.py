"""Dispositions: what an MDN says became of a mail, as the standards have it and as old senders wrote it.

`reader` finds the field in a mail. docs/sending has the table.

Standards: RFC 8098 3.2.6, RFC 3798 3.2.6, RFC 2298 3.2.6 (which had more words), RFC 4130 7.4.3 (modifiers
with a text behind a colon).
"""

from __future__ import annotations

import re

from irsend.message.structured_field import without_comments

TYPES = {
    **{"displayed": True, "processed": True, "dispatched": True},
    **{"deleted": False, "denied": False, "failed": False},
}
"""Disposition types; True where the mail was read or printed."""
MODIFIERS = {
    **{"error": False, "failure": False, "failed": False},
    **{"expired": False, "mailbox-terminated": False},
    **{"warning": True, "superseded": True},
}
"""Modifiers; one that is False goes before any type, one that is True changes nothing."""
_MODE = re.compile(r"(?:(?:manual|automatic)-action|mdn-sent-\w*)[\s/;,]*")
_WORD = re.compile(r"[\w-]+")


def read_disposition(text: str) -> tuple[bool | None, bool]:
    """Return whether the mail was printed, None where no known word says so; and whether with a warning.

    The mode may be missing, and the type: `;error`, as some gateways write it, is `processed/error`.
    """
    whole = _MODE.sub("", without_comments(text).lower()).strip(" \t;/,")
    found = (_WORD.match(part.strip()) for part in re.split(r"[/,;]", whole))
    words = [one[0] for one in found if one]
    of_type = TYPES.get(words[0]) if words else None
    modifiers = words[1:] if of_type is not None else words
    said = [MODIFIERS[one] for one in modifiers if one in MODIFIERS]
    if False in said:
        return False, False
    warned = "warning" in modifiers
    if of_type is None and warned:
        of_type = True
    return of_type, warned and bool(of_type)
