"""Assertions about what was said on the wire; their message is the transcript with lines marked."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

_MARK, _NO_MARK = "> ", "  "
_LIKE = 0.75
"""From so much likeness on a line is worth showing (see difflib)."""


def assert_said(transcripts: Sequence[str], *said: str) -> None:
    """Raise AssertionError unless one session has lines that contain these texts, in this order.

    Capitals and small letters are not told apart.
    """
    __tracebackhide__ = True
    _check(said)
    best: list[int] = []
    best_session = -1
    for number, transcript in enumerate(transcripts):
        found = _in_order(transcript.splitlines(), said)
        if len(found) == len(said):
            return
        if len(found) > len(best) or best_session < 0:
            best, best_session = found, number
    missing = said[len(best)]
    if not transcripts:
        raise AssertionError(f"{missing!r} was not said: there was no session.")
    marked: dict[int, set[int]] = {best_session: set(best)}
    near = ""
    if not best:
        number, line = _nearest(transcripts, missing)
        if line is not None:
            marked, near = {number: {line}}, "; the line most like it is marked"
    after = f" after {said[len(best) - 1]!r}" if best else ""
    raise AssertionError(
        f"{missing!r} was not said{after}{near}.\n\n{_marked(transcripts, marked)}"
    )


def assert_not_said(transcripts: Sequence[str], *said: str) -> None:
    """Raise AssertionError where a line of any session contains one of these texts."""
    __tracebackhide__ = True
    _check(said)
    marked: dict[int, set[int]] = {}
    found: list[str] = []
    for text in said:
        for number, transcript in enumerate(transcripts):
            for line, content in enumerate(transcript.splitlines()):
                if text.casefold() in content.casefold():
                    marked.setdefault(number, set()).add(line)
                    found += [repr(text)] if repr(text) not in found else []
    if found:
        raise AssertionError(
            f"{' and '.join(found)} was said.\n\n{_marked(transcripts, marked)}"
        )


def _check(said: Sequence[str]) -> None:
    if not said or not all(isinstance(one, str) and one for one in said):
        raise ValueError(f"{said!r} is not allowed; allowed: texts such as 'C: STARTTLS'")


def _in_order(lines: Sequence[str], said: Sequence[str]) -> list[int]:
    """Return the numbers of the lines that have the first texts, as many as follow one another."""
    found: list[int] = []
    for number, line in enumerate(lines):
        if len(found) < len(said) and said[len(found)].casefold() in line.casefold():
            found.append(number)
    return found


def _nearest(transcripts: Sequence[str], text: str) -> tuple[int, int | None]:
    wanted = text.casefold()
    best, most = (0, None), _LIKE
    matcher = difflib.SequenceMatcher(b=wanted)
    for number, transcript in enumerate(transcripts):
        for line, content in enumerate(transcript.splitlines()):
            matcher.set_seq1(content.casefold()[: len(wanted) + 10])
            likeness = matcher.ratio()
            if likeness > most:
                best, most = (number, line), likeness  # type: ignore[assignment]
    return best


def _marked(transcripts: Sequence[str], marked: dict[int, set[int]]) -> str:
    return "\n\n".join(
        "\n".join(
            (_MARK if line in marked.get(number, ()) else _NO_MARK) + content
            for line, content in enumerate(transcript.splitlines())
        )
        for number, transcript in enumerate(transcripts)
    )
