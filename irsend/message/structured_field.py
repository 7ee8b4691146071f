"""Structured MIME header fields: a value, and parameters behind semicolons.

Comments, quoted strings, case, white space and empty parameters, also where they are broken:
no field makes reading it fail, and each is read once.

Standards: RFC 2045 5.1 (the grammar), RFC 822 and 5322 3.2.2 (comments), RFC 2231 3 and 4 (parameters in
pieces and charsets). Beyond them: values with spaces that are not quoted, as in name=fax (1).tif,
and semicolons left out behind the value and behind quoted strings.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from attrs import frozen

from irsend.message.charsets import decoded_or_guessed

_MOST_PARAMETERS = 200
# Possessive, so that nothing is tried twice.
_TEXT = re.compile(r'[^"(;]++')
_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_NAME_FOLLOWS = r"\s++[A-Za-z][\w*-]*+\s*+=(?!\?)"
_NO_SEMICOLON = re.compile(rf"\A\s*+[\w./+-]++(?={_NAME_FOLLOWS})")
_NEXT_PARAMETER = re.compile(_NAME_FOLLOWS)
_QUOTED_PAIR = re.compile(r'\\(["\\])')
_IN_COMMENT = re.compile(r"[^()\\]*+(?:\\.|[()\\])", re.DOTALL)


@frozen
class StructuredField:
    """A field, taken apart."""

    value: str
    """What stands before the first semicolon, without comments and white space around it."""
    parameters: dict[str, str]
    """By their names in small letters, as they stand; of several with one name, the first."""

    def parameter(self, name: str) -> tuple[str, bool]:
        """Return a parameter, and whether its charset is a guess; empty where there is none.

        One in pieces, or with a charset, goes before a plain one of the same name, which is for
        programs that know neither (RFC 2231).
        """
        pieces = []
        for number in range(_MOST_PARAMETERS):
            piece = self._piece(f"{name}*{number}")
            if piece is None:
                break
            pieces.append(piece)
        if not pieces:
            piece = self._piece(name)
            pieces = [piece] if piece is not None else []
        if not pieces:
            return "", False
        if not any(extended for _, extended in pieces):
            return "".join(text for text, _ in pieces), False
        label, octets = "", b""
        for number, (text, extended) in enumerate(pieces):
            if extended and number == 0 and text.count("'") >= 2:
                label, _, text = text.split("'", 2)
            octets += unquote_to_bytes(text) if extended else text.encode("utf-8", "replace")
        return decoded_or_guessed(octets, label)

    def _piece(self, name: str) -> tuple[str, bool] | None:
        """Return a parameter's text, and whether it is percent-encoded."""
        if f"{name}*" in self.parameters:
            return self.parameters[f"{name}*"], True
        return (self.parameters[name], False) if name in self.parameters else None


def read_structured(text: str) -> StructuredField:
    """Take a field apart; one of more parameters than anybody writes has none."""
    value, *segments = _segments(_NO_SEMICOLON.sub(r"\g<0>;", text, count=1))
    parameters: dict[str, str] = {}
    for segment in segments if len(segments) <= _MOST_PARAMETERS else ():
        name, content = _parameter(segment)
        if name:
            parameters.setdefault(name, content)
    return StructuredField(_joined(value).strip(), parameters)


@frozen
class _Piece:
    text: str
    quoted: bool = False
    comment: bool = False


def _segments(text: str) -> list[list[_Piece]]:
    """Return what stands between the semicolons, as text, quoted strings and comments."""
    segments: list[list[_Piece]] = [[]]
    # A quote or parenthesis without its end is text; so are all behind it.
    quotes = comments = True
    at = 0
    while at < len(text):
        here = text[at]
        if here == ";":
            segments.append([])
            at += 1
            continue
        if here == '"' and quotes:
            match = _QUOTED.match(text, at)
            quotes = match is not None
            # Without its end the quote itself is left out.
            piece = (
                _Piece(_QUOTED_PAIR.sub(r"\1", match[1]), quoted=True) if match else _Piece("")
            )
            at = match.end() if match else at + 1
        elif here == "(" and comments:
            end = _comment_end(text, at)
            comments = end > at
            piece = _Piece(text[at:end], comment=True) if comments else _Piece(here)
            at = end if comments else at + 1
        else:
            match = _TEXT.match(text, at)
            piece = _Piece(match[0] if match else here)
            at += len(piece.text)
            quoted_before = bool(segments[-1]) and segments[-1][-1].quoted
            if quoted_before and _NEXT_PARAMETER.match(piece.text):
                segments.append([])
        segments[-1].append(piece)
    return segments


def _comment_end(text: str, start: int) -> int:
    """Return where the comment that begins at `start` ends; -1 where it does not."""
    depth, at = 0, start
    while match := _IN_COMMENT.match(text, at):
        at = match.end()
        if match[0].endswith("(") and not match[0].endswith("\\("):
            depth += 1
        elif match[0].endswith(")") and not match[0].endswith("\\)"):
            depth -= 1
            if depth == 0:
                return at
    return -1


def _parameter(segment: list[_Piece]) -> tuple[str, str]:
    """Return a parameter's name and value; no name where it has no equals sign."""
    for number, piece in enumerate(segment):
        if piece.quoted or piece.comment or "=" not in piece.text:
            continue
        before, _, behind = piece.text.partition("=")
        name = _joined([*segment[:number], _Piece(before)])
        value = _with_parentheses([_Piece(behind), *segment[number + 1 :]])
        return name.strip().lower(), value.strip()
    return "", ""


def _with_parentheses(pieces: list[_Piece]) -> str:
    """Return a value; what looks like a comment within a token is part of the token."""
    for number, piece in enumerate(pieces[1:-1], 1):
        behind = pieces[number + 1]
        plain = not (behind.quoted or behind.comment) and not behind.text[:1].isspace()
        if piece.comment and plain and _joined(pieces[:number]).strip():
            pieces[number] = _Piece(piece.text)
    return _joined(pieces)


def _joined(pieces: list[_Piece]) -> str:
    return "".join(" " if one.comment else one.text for one in pieces)
