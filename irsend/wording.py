"""Parts of sentences that refuse something: what was given, lists, and the nearest right name.

One rule for settings, keys of the configuration, model names, parameters of HTTP and the
command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_NEAR = 0.75
"""The likeness from which a name is suggested; 1 is the same name."""
_HAS_ITS_WORDS = 0.9
"""The likeness of a name that has all words of what was given, and more."""
_SHORTEST = 3
"""Letters that such words have together, at least."""
_OTHER_PREFIX = 0.95
"""What the likeness of `other.name` to `prefix.name` is multiplied by."""
_MOST = 3
"""Names of the same likeness that are suggested; where there are more, none is."""
_LONGEST = 100
"""Characters of what was given; comparing text takes time by the square of its length."""


def joined_by_or(words: Sequence[str]) -> str:
    """Return words as a list: a, b or c."""
    return " or ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def shown(given: object, most: int = 80) -> str:
    """Return what was given, text in quotes, cut to so many characters."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, (list, tuple)):
        given = ", ".join(str(one) for one in given)
    text = repr(given) if isinstance(given, str) else str(given)
    return text if len(text) <= most else text[: most - 3] + "..."


def did_you_mean(given: str, names: Iterable[str]) -> str:
    """Return "; did you mean NAME?", empty where no name is near."""
    return question(nearest(given, names))


def no_such(what: str, near: Sequence[str], otherwise: str) -> str:
    """Return that there is no such thing, with the names that are near, else with `otherwise`."""
    return f"there is no such {what}{question(near) or otherwise}"


def no_such_key(near: Sequence[str], there_are: Sequence[str]) -> str:
    """Return that there is no such key, with the names that are near, and all that there are."""
    rest = f"here are: {', '.join(there_are)}"
    return (
        f"there is no such key{question(near)} T{rest}"
        if near
        else f"there is no such key; t{rest}"
    )


def question(near: Sequence[str]) -> str:
    """Return "; did you mean NAME?" for names that are near, empty for none."""
    return f"; did you mean {joined_by_or(near)}?" if near else ""


def nearest(given: str, names: Iterable[str]) -> list[str]:
    """Return the names that are most like what was given: usually one, none where none is near.

    Names may have a prefix and a dot, as settings have: it may be wrong, or missing.
    """
    if not given or len(given) > _LONGEST:
        return []
    likenesses = {name: _likeness(given, name) for name in names}
    most = max(likenesses.values(), default=0)
    found = [name for name, likeness in likenesses.items() if likeness == most]
    return found if most >= _NEAR and len(found) <= _MOST else []


def _likeness(given: str, name: str) -> float:
    if "." not in name or " " in name:
        return _likeness_of_words(_words(given), _words(name))
    given_prefix, _, given_name = given.rpartition(".")
    prefix, _, last = name.rpartition(".")
    alone = _likeness_of_words(_words(given_name), _words(last))
    if not given_prefix:
        # An underscore may stand where the dot belongs.
        whole = _words(name)
        its_words = _HAS_ITS_WORDS if set(_words(given)) <= set(whole) else 0
        return max(
            alone * _OTHER_PREFIX, _ratio(_words(given), whole), its_words * _OTHER_PREFIX
        )
    of_prefix = _likeness_of_words(_words(given_prefix), _words(prefix))
    # A prefix that is right makes no name near by itself.
    return alone * (_OTHER_PREFIX + (1 - _OTHER_PREFIX) * of_prefix)


def _words(name: str) -> list[str]:
    return re.findall("[a-z0-9]+", name.lower())


def _likeness_of_words(given: list[str], name: list[str]) -> float:
    likeness = _ratio(given, name)
    return max(likeness, _HAS_ITS_WORDS) if _has_words(name, given) else likeness


def _has_words(name: list[str], given: list[str]) -> bool:
    """Say whether each word that was given begins one of the name: smtp_auth, smtp_authentication."""
    return len("".join(given)) >= _SHORTEST and all(
        any(word.startswith(each) for word in name) for each in given
    )


def _ratio(given: list[str], name: list[str]) -> float:
    # Imported here: irsendctl needs it for an error only.
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(None, " ".join(given), " ".join(name), autojunk=False)
    if matcher.real_quick_ratio() < _NEAR or matcher.quick_ratio() < _NEAR:
        return 0.0
    return matcher.ratio()
