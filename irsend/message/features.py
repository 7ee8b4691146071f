"""Feature expressions, with which a receiver of I-Faxes says what it can take.

As much of the language as full mode needs: does a receiver take profile F or C?
An expression that cannot be read takes nothing.

Standards: RFC 2533 (the expressions), 2531 (those of fax), 2532 3.1 (what full mode does).
"""

from __future__ import annotations

import re
from collections.abc import Callable

_LONGEST = 4000
_DEEPEST = 20
_TOKEN = re.compile(r"\s*(?:(\()\s*([&|!])?|(\))|([^()]+))")

# A quality value behind a filter, such as ;q=0.8 (RFC 2533 4.1).
_PARAMETERS = re.compile(r"\)\s*(?:;\s*[\w.-]+\s*=\s*[\w.-]+\s*)+")

Features = dict[str, set[str]]


def features_accept(expression: str, profile: str) -> bool:
    """Say whether a receiver with these features takes the profile: F or C; all take S."""
    if profile not in _PROFILES:
        return True
    try:
        return _parse(expression[:_LONGEST])(_PROFILES[profile])
    except ValueError:
        return False


# What an I-Fax of each profile has. An expression may name the file's structure, or its content.
_F: Features = {
    "image-file-structure": {"tiff-f", "tiff-limited", "tiff-minimal", "tiff"},
    "image-coding": {"mmr"},
    "color": {"binary"},
}
_C: Features = {
    "image-file-structure": {"tiff-c", "tiff-limited", "tiff"},
    "image-coding": {"jpeg"},
    # irsend never sends profile C in grey alone.
    "color": {"full"},
}
_PROFILES = {"F": _F, "C": _C}


def _parse(expression: str) -> Callable[[Features], bool]:
    expression = _PARAMETERS.sub(")", expression)
    tokens = [match for match in _TOKEN.finditer(expression) if match[0].strip()]
    if "".join(match[0] for match in tokens).strip() != expression.strip() or not tokens:
        raise ValueError("not a feature expression")
    holds, rest = _filter(tokens, 0)
    if rest:
        raise ValueError("more after its end")
    return holds


def _filter(
    tokens: list[re.Match[str]], depth: int
) -> tuple[Callable[[Features], bool], list[re.Match[str]]]:
    if depth > _DEEPEST or not tokens or not tokens[0][1]:
        raise ValueError("not a feature expression")
    operator, rest = tokens[0][2], tokens[1:]
    if operator is None:
        if len(rest) < 2 or not rest[0][4] or not rest[1][3]:
            raise ValueError("not a feature expression")
        return _comparison(rest[0][4]), rest[2:]
    inner = []
    while rest and not rest[0][3]:
        one, rest = _filter(rest, depth + 1)
        inner.append(one)
    if not rest or not inner:
        raise ValueError("no end")
    return _combined(operator, inner), rest[1:]


def _combined(
    operator: str, inner: list[Callable[[Features], bool]]
) -> Callable[[Features], bool]:
    if operator == "!":
        return lambda features: not inner[0](features)
    together = all if operator == "&" else any
    return lambda features: together(one(features) for one in inner)


def _comparison(text: str) -> Callable[[Features], bool]:
    match = re.fullmatch(r"\s*([\w.-]+)\s*(=|<=|>=)\s*(\[.*\]|[^\[\]]*?)\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is no comparison")
    tag = match[1].lower()
    values = {one.strip().strip('"').lower() for one in match[3].strip("[]").split(",")}

    def holds(features: Features) -> bool:
        # Other tags, such as sizes and resolutions, are not compared: they always hold.
        return tag not in features or bool(features[tag] & values)

    return holds
