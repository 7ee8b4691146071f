"""Octets of a text become characters: by the charset of the label, or by what the octets look like.

Texts and header fields both; `field_text` has the encoded words. Never fails: what
no charset explains becomes U+FFFD. Labels have the meaning of
the web (Encoding Standard), since mail programs write them so: Shift_JIS is
Windows-31J, ISO-8859-1 is windows-1252.

Standards: RFC 1468 (ISO-2022-JP), RFC 2045 5.2 (US-ASCII without a label), JIS X 0208.
"""

from __future__ import annotations

import codecs
import re

_SHIFT_JIS, _EUC, _UTF_8, _LATIN = "cp932", "euc_jp", "utf-8", "cp1252"
# By the codec's name, the codec to decode with; below, labels that Python does not know.
_READ_AS = {
    **{"ascii": "", "iso8859-1": _LATIN, "iso8859-9": "cp1254", "iso8859-11": "cp874"},
    **{"shift_jis": _SHIFT_JIS, "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949"},
    **{"big5": "big5hkscs", "tis-620": "cp874"},
}
_LABELS = {
    **{"x-sjis": _SHIFT_JIS, "windows-31j": _SHIFT_JIS, "cp943": _SHIFT_JIS},
    **{"x-euc-jp": _EUC, "x-euc": _EUC, "cp51932": _EUC, "eucjp-ms": _EUC},
    **{"cp50220": "iso2022_jp", "cp50221": "iso2022_jp", "iso-2022-jp-ms": "iso2022_jp"},
    **{"ks_c_5601-1987": "cp949", "unicode-1-1-utf-7": "utf-7"},
    # RFC 1428, and what programs write that do not know the charset either.
    **dict.fromkeys(("unknown-8bit", "x-unknown", "unknown", "8bit", "default"), "ascii"),
}
# Python has codecs that are no charsets, and one that takes very long (punycode).
_ALLOWED = re.compile(
    r"ascii|utf-(8|7|16(-[lb]e)?|32(-[lb]e)?)|utf-8-sig|iso8859-\d+|cp\d+|koi8-[rut]|mac-\w+"
    r"|iso2022_(jp|jp_\d|jp_2004|jp_ext|kr)|shift_ji\w+|euc_\w+|gb\w+|big5\w*|hz|johab|tis-620"
)
_JIS = re.compile(rb"\x1b(\$[@B]|\$\([DOPQ]|\([BJI])")
_KANA = re.compile("[\u3041-\u30fe]")
_JAPANESE = ("iso2022_jp", _EUC, _SHIFT_JIS)
# A character of two octets or more that is well-formed.
_SOME_UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe1-\xec][\x80-\xbf]{2}")
# Charsets of several octets a character take two octets of UTF-8 for a character of theirs more often
# than three for one and a half.
_SEVERAL_OCTETS = ("gb18030", "big5hkscs", "cp949", "johab", "big5", _EUC, _SHIFT_JIS)
_THREE_OCTETS = re.compile(rb"[\xe1-\xec][\x80-\xbf]{2}")
# The octets are of no other charset: an escape sequence, a byte order mark, well-formed UTF-8.
_SELF_EVIDENT = (_UTF_8, "iso2022_jp", "utf-16")
# Octets of these are no ASCII even where the text is.
_NOT_IN_FIELDS = re.compile(r"utf-(7|16|32).*|hz")


def decoded(octets: bytes, label: str = "", *, cut: bool = False) -> str:
    """Return octets as text; with `cut` the last character may be incomplete.

    The label holds unless the octets show otherwise: they are not of that
    charset, or they are well-formed UTF-8 or ISO-2022-JP under a label that
    would take anything.
    """
    return _read(octets, _codec(label), cut)[0]


def decoded_or_guessed(octets: bytes, label: str = "") -> tuple[str, bool]:
    """Return octets as text, and whether that is a guess.

    It is none where the text is of the label's charset, or its octets show of what they are.
    """
    codec = _codec(label)
    text, read_as = _read(octets, codec)
    return text, not octets.isascii() and read_as not in (codec, *_SELF_EVIDENT)


def is_charset(label: str) -> bool:
    """Say whether a label names a charset that is known, US-ASCII among them."""
    return _looked_up(label) is not None


def charset_of_fields(label: str) -> str:
    """Return the label of a body where it also says what raw octets of its head are; else nothing."""
    codec = _codec(label)
    return "" if not codec or _NOT_IN_FIELDS.fullmatch(codec) else label


def _read(octets: bytes, codec: str, cut: bool = False) -> tuple[str, str]:
    """Return octets as text, and the codec that was used."""
    if codec in ("", _LATIN, _UTF_8) or _is_utf_8_all_the_same(octets, codec, cut):
        # Mail in any charset comes under these labels.
        codec = _guess(octets, cut) or codec or _LATIN
    # Who writes one Japanese charset and says another does so without kana too.
    others = (_EUC, _SHIFT_JIS) if codec in _JAPANESE else ()
    for one in (codec, _guess(octets, cut), *others):
        text = _strictly(octets, one, cut) if one else None
        if text is not None:
            return text, one
    return _leniently(octets, codec)


def _is_utf_8_all_the_same(octets: bytes, codec: str, cut: bool) -> bool:
    """Say whether octets under another label are UTF-8: well-formed, and more than by chance."""
    if octets.isascii() or _strictly(octets, _UTF_8, cut) is None:
        return False
    by_chance = _THREE_OCTETS if codec in _SEVERAL_OCTETS else _SOME_UTF_8
    return len(by_chance.findall(octets[:1000])) > 1


def _codec(label: str) -> str:
    """Return the name of the codec for a label; empty where there is none, or it says ASCII."""
    return _looked_up(label) or ""


def _looked_up(label: str) -> str | None:
    """Return the name of the codec for a label, empty for ASCII; None where there is none."""
    # RFC 2231 5: a language may follow.
    label = label.strip(" \t\"'<>;").partition("*")[0].lower()
    try:
        name = codecs.lookup(_LABELS.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return _READ_AS.get(name, name) if _ALLOWED.fullmatch(name) else None


def _guess(octets: bytes, cut: bool) -> str:
    """Return the codec that the octets show; empty where they may be of any 8-bit charset."""
    if octets.isascii():
        return "iso2022_jp" if _JIS.search(octets) else ""
    if octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if _strictly(octets, _UTF_8, cut) is not None:
        return _UTF_8
    # Both also take text that is not Japanese; Japanese text always has kana.
    kana = {
        one: len(_KANA.findall(_strictly(octets, one, cut) or "")) for one in (_EUC, _SHIFT_JIS)
    }
    likely = max(kana, key=kana.__getitem__)
    return likely if kana[likely] else ""


def _strictly(octets: bytes, codec: str, cut: bool) -> str | None:
    """Return the text, or None where the octets are not of this charset."""
    try:
        return codecs.getincrementaldecoder(codec)("strict").decode(octets, final=not cut)
    except (UnicodeError, LookupError):
        # Some codecs have no incremental decoder.
        if codec == "iso2022_jp":
            return _vendors_jis(octets)
        return None


def _leniently(octets: bytes, codec: str) -> tuple[str, str]:
    """Return the text with U+FFFD for what is not of the charset, and the codec that was used."""
    if codec == _UTF_8 and not _SOME_UTF_8.search(octets):
        codec = _LATIN
    try:
        return octets.decode(codec, "replace"), codec
    except (UnicodeError, LookupError):
        return octets.decode(_LATIN, "replace"), _LATIN


def _vendors_jis(octets: bytes) -> str | None:
    """Return ISO-2022-JP with characters of vendors' tables, such as 13-1 (a 1 in a circle).

    The same pairs are in Shift_JIS, where Python has them.
    """
    if not octets.isascii() or not _JIS.search(octets):
        return None
    pieces = _JIS.split(octets)
    text = pieces[0].decode("ascii")
    for escape, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if escape in (b"$@", b"$B"):
            # A line ends the two-octet set, whether it says so or not.
            pairs, line_end, rest = piece.partition(b"\n")
            text += _pairs(pairs) + (line_end + rest).decode("ascii")
        elif escape == b"(I":
            text += bytes(octet | 0x80 for octet in piece).decode(_SHIFT_JIS, "replace")
        elif escape in (b"(B", b"(J"):
            text += piece.decode("ascii")
        else:
            text += "\N{REPLACEMENT CHARACTER}" * (len(piece) // 2)
    return text


def _pairs(octets: bytes) -> str:
    shifted = bytearray()
    for row, cell in zip(octets[::2], octets[1::2], strict=False):
        lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
        trail = cell + (0x7E if row % 2 == 0 else 0x20 if cell >= 0x60 else 0x1F)
        shifted += bytes((lead & 0xFF, trail & 0xFF))
    return shifted.decode(_SHIFT_JIS, "replace")
