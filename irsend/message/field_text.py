"""The text of header fields, as report, API, panel, paper and log all show it.

Raw octets and encoded words become characters, on one line. What a field has in
raw octets, which no standard allows, is of the body's charset, or UTF-8; else it is a
guess, and GUESSED stands behind it.

Standards: RFC 2047 (encoded words), 2231 5 (with a language), 6532 (UTF-8). Beyond them: words in quoted
strings and right beside other text, which RFC 2047 5 forbids and mail programs write.
"""

from __future__ import annotations

import binascii
import re
import unicodedata

from irsend.message.charsets import decoded_or_guessed, is_charset
from irsend.message.encodings import from_base64

GUESSED = "[?]"
"""Stands behind a text whose charset is not declared, and was guessed."""
LONGEST_TEXT = 400
"""Characters of a field that are shown."""
_LONGEST_NAME = 200
_ENCODED_WORD = re.compile(r"=\?([^?\s]+)\?([BbQq])\?([^?]*)\?=")


def field_text(raw: bytes, charset: str = "", longest: int = LONGEST_TEXT) -> str:
    """Return a field's text; `charset` is that of the mail's body, empty where it is not known."""
    text, raw_guessed = raw_text(raw, charset)
    text, word_guessed = words_decoded(text)
    shown = marked(on_one_line(text), raw_guessed or word_guessed)
    return shown[:longest]


def raw_text(raw: bytes, charset: str = "") -> tuple[str, bool]:
    """Return a field's octets as text, its encoded words as they are, and whether that is a guess."""
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii"), False
    return decoded_or_guessed(raw, charset)


def words_decoded(text: str) -> tuple[str, bool]:
    """Return a text with its encoded words decoded, and whether one of their charsets is a guess.

    Octets of words beside each other that have one charset are joined first: a
    character that the sender cut in two is whole again. A word that cannot be decoded stays.
    """
    pieces: list[str] = []
    joined, label = b"", ""
    guessed = False
    at = 0

    def end_of_words() -> None:
        nonlocal joined, guessed
        if joined:
            words, guess = decoded_or_guessed(joined, label)
            guessed = guessed or guess
            pieces.append(words)
        joined = b""

    beside_a_word = False
    for match in _ENCODED_WORD.finditer(text):
        octets = _word_octets(match)
        if octets is None:
            continue
        between = text[at : match.start()]
        at = match.end()
        if not beside_a_word or between.strip():
            end_of_words()
            pieces.append(between)
        elif match[1].lower() != label:
            end_of_words()
        joined, label = joined + octets, match[1].lower()
        beside_a_word = True
    end_of_words()
    return "".join((*pieces, text[at:])), guessed


def _word_octets(word: re.Match[str]) -> bytes | None:
    """Return the octets of an encoded word; None where it cannot be decoded."""
    encoded = word[3].encode("utf-8", "replace")
    if word[2] in "Bb":
        octets = from_base64(encoded)[0]
        if encoded and not octets:
            return None
    else:
        octets = binascii.a2b_qp(encoded, header=True)
    return octets if is_charset(word[1]) or not octets.isascii() else None


def marked(text: str, guessed: bool) -> str:
    """Return a text with the mark of a guess behind it, where it is one and not all ASCII."""
    return f"{text} {GUESSED}" if guessed and not text.isascii() else text


def file_name(text: str, guessed: bool = False) -> str:
    """Return a file's name as it is shown: on one line, without folders, short, its extension kept."""
    name = re.split(r"[/\\]", on_one_line(text))[-1]
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) >= 10:
        stem, extension = name, ""
    extension = dot + extension if extension else ""
    return marked(stem[: _LONGEST_NAME - len(extension)], guessed) + extension


def on_one_line(text: str) -> str:
    """Return text on one line, without what is not seen.

    Controls and line separators become blanks; marks of direction and joiners go; what
    has no meaning of its own (private use, not assigned) becomes U+FFFD.
    """
    if not text.isprintable():
        text = "".join(map(_printable, text))
    return " ".join(text.split())


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    match unicodedata.category(character):
        case "Cf":
            return ""
        case "Co" | "Cn" | "Cs":
            return "\N{REPLACEMENT CHARACTER}"
        case _:
            return " "
