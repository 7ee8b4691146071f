"""Mails and TIFFs that are broken, made here: cut, with bits turned, lying, without end, too large.

Each has the code that it must end with, or none where it depends on what was hit
whether anything is lost. What a search found (`tests.fuzz_printing`) is among them.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator

from attrs import field, frozen

from irsend.imaging.fax_profiles import ifax_page
from irsend.imaging.originals import Page
from irsend.imaging.tiff_fx import write_tiff
from tests.imaging.originals import photograph, text_page
from tests.imaging.received import mail, tiff

_FAX = text_page(800, 600)
_PHOTO = photograph(120, 90)
_COMPRESSIONS = ("group3", "group4", "tiff_ccitt", "raw", "packbits")
_OF_PHOTOS = ("jpeg", "tiff_lzw", "tiff_deflate", "raw")
_ALWAYS = "always"
DEPTH = 10_000
SIDE = 65_500


@frozen
class Broken:
    """A hostile mail."""

    name: str
    octets: bytes = field(repr=False)
    code: str = ""
    """One of the codes that it ends with; empty where it may be printed whole."""


def entry(tag: int, of_type: int, value: int) -> tuple[int, int, int, int]:
    """Return an entry of a directory that holds its one value: tag, type, count, value."""
    return tag, of_type, 1, value


def tiff_of_entries(
    size: tuple[int, int],
    strip: bytes,
    *more: tuple[int, int, int, int],
    compression: int = 4,
    photometric: int = 0,
    samples: int = 1,
    bits: int = 1,
    following: int = 0,
) -> bytes:
    """Return a TIFF of one directory in little-endian order, of these entries; `more` replaces entries."""
    told = {
        one[0]: one
        for one in (
            *(entry(256, 4, size[0]), entry(257, 4, size[1]), entry(259, 3, compression)),
            *(entry(262, 3, photometric), entry(277, 3, samples), entry(278, 4, size[1])),
            *(entry(279, 4, len(strip)), entry(258, 3, bits), entry(273, 4, 0), *more),
        )
    }
    at = 8 + 2 + 12 * len(told) + 4
    each = struct.pack(f"<{samples}H", *[bits] * samples)
    if samples > 2:
        told[258] = (258, 3, samples, at)
    if told[273][3] == 0:
        told[273] = entry(273, 4, at + len(each))
    packed = b"".join(struct.pack("<HHII", *told[tag]) for tag in sorted(told))
    return (
        struct.pack("<2sHIH", b"II", 42, 8, len(told))
        + packed
        + struct.pack("<I", following)
        + each
        + strip
    )


def only(octets: bytes) -> bytes:
    """Return a mail that is nothing but a TIFF."""
    return b"Content-Type: image/tiff\r\nContent-Transfer-Encoding: binary\r\n\r\n" + octets


def colour_fax() -> bytes:
    """Return a TIFF of profile C."""
    sheet = ifax_page(Page(photograph(400, 300), (2, 1.5)), "auto", (200, 200), "C")
    written = io.BytesIO()
    write_tiff(written, [sheet], 1)
    return written.getvalue()


def right_tiffs() -> dict[str, bytes]:
    """Return what is then broken."""
    found = {one: tiff(_FAX, _FAX, compression=one) for one in _COMPRESSIONS}
    found |= {f"photo-{one}": tiff(_PHOTO, compression=one) for one in _OF_PHOTOS}
    found["big"] = tiff(_FAX, compression="group4", big_tiff=True)
    found["colour fax"] = colour_fax()
    return found


def cut(
    name: str, octets: bytes, pieces: int, wrap: Callable[[bytes], bytes] = bytes
) -> Iterator[Broken]:
    """Give the beginnings of a file."""
    for piece in range(pieces):
        yield Broken(f"{name} cut {piece}", wrap(octets[: len(octets) * piece // pieces]))


def flipped(
    name: str, octets: bytes, times: int, wrap: Callable[[bytes], bytes] = bytes
) -> Iterator[Broken]:
    """Give a file with one to forty bits turned."""
    chance = random.Random(name)
    for number in range(times):
        changed = bytearray(octets)
        for _ in range(chance.choice((1, 3, 40))):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        yield Broken(f"{name} flipped {number}", wrap(bytes(changed)))


# -- mails ------------------------------------------------------------------------------


def damaged_mails() -> Iterator[Broken]:
    """Give a right mail cut and with bits turned."""
    right = mail("Text.\n" * 20, (tiff(_FAX), "image/tiff", "a.tif"))
    body = right.index(b"\n\n") + 100
    for one in cut("mail", right, 20):
        yield Broken(one.name, one.octets, "#819" if len(one.octets) > body else "")
    yield from flipped("mail", right, 40)


def deep_mails() -> Iterator[Broken]:
    """Give mails of 10,000 levels."""
    head = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
    for name, levels in (
        ("multipart", (head % (level, level) for level in range(DEPTH))),
        ("one boundary", (head % (0, 0) for _ in range(DEPTH))),
        (
            "no boundary",
            (b"Content-Type: multipart/mixed\r\n\r\n--b\r\n" for _ in range(DEPTH)),
        ),
        ("mail", (b"Content-Type: message/rfc822\r\n\r\n" for _ in range(DEPTH))),
        (
            "digest",
            (
                b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n"
                for _ in range(DEPTH)
            ),
        ),
    ):
        yield Broken(f"deep {name}", b"".join(levels), "#819")


def endless_heads(size: int) -> Iterator[Broken]:
    """Give mails whose head has so many octets: as one field, as many, and folded."""
    for name, piece in (
        ("field", b"x"),
        ("fields", b"x\r\nA: b"),
        ("folded", b"x\r\n "),
        ("parameters", b'; a="b"'),
    ):
        octets = b"Content-Type: text/plain" + piece * (size // len(piece))
        yield Broken(f"head of a {name}", octets, "#819")


def wrong_structures() -> Iterator[Broken]:
    """Give mails whose MIME or encoding is wrong."""
    parts = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    yield Broken("parts", parts + b"--b\r\n\r\nx\r\n" * 100_000, "#819")
    yield Broken("files", b"\r\n\r\n" + b"begin 644 a.b\n#86)C\n`\nend\n" * 5000, "#827")
    yield Broken(
        "boundary", b"Content-Type: multipart/mixed; boundary=" + b"b" * 70_000, "#819"
    )
    yield Broken("no parts", b"Content-Type: multipart/mixed; boundary=b\r\n\r\ntext", "#819")
    yield Broken("type", b"Content-Type: \xff\xfe/\r\n\r\ntext", "#819")
    for encoding, code in (
        *(("base64", "#820"), ("x-uuencode", "#820"), ("x-rot13", "#819")),
        ("quoted-printable", "#819"),
    ):
        head = f"Content-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        yield Broken(encoding, head.encode() + b"=zz !!! \xff" * 50, code)
    lines = b"".join(b"M" + b"X" * 60 + b"\n" for _ in range(20))
    yield Broken("uuencode cut", b"\r\n\r\nbegin 644 a.tif\n" + lines, "#820")
    yield Broken("nothing", b"")
    yield Broken("nothing but nothing", b"\0" * 3_000_000, "#835")
    yield Broken("lines", b"\r\n\r\n" + b"\n.\n" * 500_000, "#835")
    yield Broken("accents", b"\r\n\r\n" + "\u0301".encode() * 900_000)


def found_mails() -> Iterator[Broken]:
    """Give mails that held a process for long, or took much of its memory, before they were found."""
    spaces = b" " * 4000 + b"x" * 300
    yield Broken("begin and spaces", b"\r\n\r\nbegin 644 " + spaces + b"\n")
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    hyphens = (b"--" + b" " * 198 + b"\n") * 40_000
    yield Broken("hyphens and spaces", head + hyphens, "#819")
    part = b'--b\r\nContent-Type: application/x; name="' + b';\\"' * 2500 + b'"\r\n\r\nx\r\n'
    yield Broken("semicolons", head + part * 900, "#827")
    encoded = (
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    yield Broken("copies", encoded * 40 + (b"x" * 70 + b"\r\n") * 120_000, "#819")
    uuencoded = b"begin 644 a\n#86)C\n`\nend\n" * 1200
    yield Broken(
        "copied texts", b"\r\n\r\n" + (b"x" * 70 + b"\n") * 300_000 + uuencoded, "#835"
    )


# -- TIFFs --------------------------------------------------------------------------------


def damaged_tiffs() -> Iterator[Broken]:
    """Give right TIFFs cut and with bits turned."""
    for name, octets in right_tiffs().items():
        yield from cut(name, octets, 7, only)
        yield from flipped(name, octets, 8, only)


def lying_tiffs() -> Iterator[Broken]:
    """Give TIFFs whose directory says what is not so."""
    strip = tiff_strip()
    for tag, value, code in (
        *((256, 0, _ALWAYS), (257, 0, _ALWAYS), (258, 77, _ALWAYS), (259, 9999, _ALWAYS)),
        *((262, 9999, _ALWAYS), (273, 1 << 31, _ALWAYS), (273, (1 << 32) - 16, _ALWAYS)),
        *((277, 0, ""), (277, 65_535, _ALWAYS), (278, 0, ""), (278, 1, ""), (279, 0, "")),
        *((279, (1 << 32) - 1, ""), (266, 9, ""), (274, 99, ""), (282, 0, ""), (296, 77, "")),
        *((292, (1 << 32) - 1, ""), (322, 16, ""), (324, 8, ""), (339, 9, ""), (34665, 8, "")),
        *((330, 8, ""), (347, 8, ""), (700, 8, ""), (33723, 8, ""), (34675, 8, "")),
    ):
        octets = tiff_of_entries((800, 600), strip, entry(tag, 4, value))
        code = "#822" if code == _ALWAYS else ""
        yield Broken(f"tag {tag} is {value}", only(octets), code)
    for of_type in (0, 2, 5, 7, 12, 13, 16, 99):
        for count in (0, 2, 1 << 20, (1 << 32) - 1):
            for tag in (256, 273, 279, 282):
                octets = tiff_of_entries((800, 600), strip, (tag, of_type, count, 8))
                yield Broken(f"tag {tag} of type {of_type}, {count} times", only(octets))


def tiff_strip() -> bytes:
    """Return the page of a fax in MMR, bare."""
    octets = tiff(_FAX, strip_size=1 << 30)
    sheet = ifax_page(Page(_FAX, (4, 3)), "auto", (200, 200), "F")
    return sheet.strip if sheet.compression == 4 else octets


def endless_tiffs() -> Iterator[Broken]:
    """Give TIFFs whose directories follow each other in a circle, or have no end."""
    strip = tiff_strip()
    yield Broken("itself", only(tiff_of_entries((800, 600), strip, following=8)), "#821")
    two = bytearray(tiff(_FAX, _FAX))
    (first,) = struct.unpack_from("<I", two, 4)
    (count,) = struct.unpack_from("<H", two, first)
    (second,) = struct.unpack_from("<I", two, first + 2 + 12 * count)
    (count,) = struct.unpack_from("<H", two, second)
    struct.pack_into("<I", two, second + 2 + 12 * count, first)
    yield Broken("the first again", only(bytes(two)), "#821")
    for name, at in (("outside", 1 << 30), ("in the head", 2), ("odd", 9)):
        octets = tiff_of_entries((800, 600), strip, following=at)
        yield Broken(f"directory {name}", only(octets), "#821" if name == "outside" else "")
        yield Broken(
            f"first directory {name}", only(octets[:4] + struct.pack("<I", at) + octets[8:])
        )
    # Each directory is another's entry: thousands of them in little.
    step = struct.pack("<HHHIII", 1, 254, 4, 1, 4, 0)
    chain = b"".join(
        step[:14] + struct.pack("<I", 8 + 18 * (number + 1)) for number in range(30_000)
    )
    yield Broken("chain of masks", only(b"II*\0\x08\0\0\0" + chain), "#822")
    yield Broken("65,535 entries", only(b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 12 * 65_535), "")
    big = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 1 << 62)
    yield Broken("2 to the 62nd entries", only(big), "#821")


def huge_tiffs() -> Iterator[Broken]:
    """Give TIFFs of more pixels than there is memory for."""
    for compression, samples, bits in (
        *(
            (1, 1, 1),
            (2, 1, 1),
            (3, 1, 1),
            (4, 1, 1),
            (5, 3, 8),
            (7, 3, 8),
            (8, 4, 8),
            (32773, 1, 8),
        ),
    ):
        octets = tiff_of_entries(
            (SIDE, SIDE), b"\0" * 1000, compression=compression, samples=samples, bits=bits,
            photometric=2 if samples > 2 else 0,
        )  # fmt: skip
        yield Broken(f"{SIDE} by {SIDE}, compression {compression}", only(octets), "#822")
    for size in ((72_000_000, 1), (1, 72_000_000), ((1 << 32) - 1, 1), ((1 << 32) - 1,) * 2):
        yield Broken(f"{size}", only(tiff_of_entries(size, b"\0" * 1000)), "#822")
    # The picture within is larger than the page that it is to be.
    for name, octets in (("jpeg", tiff(_PHOTO, compression="jpeg")), ("lab", colour_fax())):
        at = octets.rindex(b"\xff\xc0") + 5
        larger = octets[:at] + struct.pack(">HH", SIDE, SIDE) + octets[at + 4 :]
        yield Broken(
            f"{name} of {SIDE} by {SIDE}", only(larger), "#822" if name == "lab" else ""
        )


def swelling_tiffs(side: int) -> Iterator[Broken]:
    """Give TIFFs that are right, small, and large as pixels, of so many a side: they are printed."""
    for name, samples, bits, photometric in (
        *(("one bit", 1, 1, 0), ("colour", 3, 8, 2), ("with alpha", 4, 8, 2)),
    ):
        size = side * side * samples * bits // 8
        strip = zlib.compress(bytes(size), 1)
        alpha = [(338, 3, 1, 2)] if samples == 4 else []
        octets = tiff_of_entries(
            (side, side), strip, *alpha, compression=8, samples=samples, bits=bits,
            photometric=photometric,
        )  # fmt: skip
        yield Broken(f"swelling {name}", only(octets))
