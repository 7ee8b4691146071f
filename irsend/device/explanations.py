"""What a result code or a text on the status line means, found by what a user types."""

from __future__ import annotations

import difflib

from attrs import frozen

from irsend.device.codes import EXPLAINED
from irsend.device.status import CAUSES
from irsend.errors import IrsendError


class NotExplained(IrsendError):
    """There is no such code or text."""


@frozen(kw_only=True)
class Explanation:
    """A code or a text, explained."""

    name: str
    """The code with its #, or the text to the letter."""
    meaning: str
    drawn_by: str
    look_at: str


def explanations() -> list[Explanation]:
    """Return all: the codes in the order of their numbers, then the texts of the status line."""
    codes = [
        Explanation(
            name=number, meaning=code.meaning, drawn_by=code.drawn_by, look_at=code.look_at
        )
        for number, code in EXPLAINED.items()
    ]
    texts = [
        Explanation(
            name=text, meaning=cause.meaning, drawn_by=cause.drawn_by, look_at=cause.remedy
        )
        for text, cause in CAUSES.items()
    ]
    return codes + texts


def explain(given: str) -> Explanation:
    """Return the explanation of a code, with # or without, or of a text, in any case; NotExplained."""
    wanted = _plain(given)
    known = {_plain(one.name): one for one in explanations()}
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)
    near += [name for name in known if wanted and wanted in name and name not in near]
    if near:
        rest = f"near it: {', '.join(known[name].name for name in near[:3])}"
    else:
        rest = f"allowed: {', '.join(one.name for one in known.values())}"
    raise NotExplained(f"{given!r} is neither a code nor a text of the status line; {rest}")


def _plain(text: str) -> str:
    return "".join(text.split()).lower().removeprefix("ng").strip("#'\"")
