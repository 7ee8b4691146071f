"""Damaged pages: a share of those that `tests.slow` prints, and what is recovered or named."""

from __future__ import annotations

import io
import re
import struct
from email import message_from_bytes
from pathlib import Path

from PIL import Image, ImageChops
from twisted.trial.unittest import SynchronousTestCase

from irsend.imaging.jpeg_verification import jpeg_is_damaged
from irsend.message.parsed_message import NO_CODE, UNDECODABLE
from tests.imaging.corpus import colour_fax
from tests.imaging.damage import places
from tests.imaging.damage_case import DamageCase, printed, problems, shown
from tests.imaging.originals import photograph, text_page
from tests.imaging.received import PrintingCase, mail, tiff
from tests.imaging.test_fax_verification import page_of

_MAILS = Path(__file__).parent / "mails"
_FAX = text_page(1728, 300)
_COMPRESSION, _FILL_ORDER, _OFFSETS, _LENGTHS, _T4_OPTIONS = 259, 266, 273, 279, 292


class DamageTests(DamageCase, SynchronousTestCase):
    """A few damaged pages of each compression."""


def said_to_be(octets: bytes, tag: int, value: int) -> bytes:
    """Return a TIFF of one page with another value of a tag."""
    changed = bytearray(octets)
    ((form, at, _),) = places(changed, tag)
    struct.pack_into(form, changed, at, value)
    return bytes(changed)


def strip_of(octets: bytes) -> bytes:
    """Return the one strip of a TIFF."""
    (_, _, at), (_, _, length) = *places(octets, _OFFSETS), *places(octets, _LENGTHS)
    return octets[at : at + length]


class RecoveryTests(PrintingCase):
    """Data that is not what its tags say."""

    def hold(self, octets: bytes, words: str, image: Image.Image = _FAX) -> None:
        """Print a page; fail where it is not shown whole, OK, and with such a notice."""
        (problem,) = problems(octets)
        self.assertEqual(problem.code, NO_CODE)
        self.assertIn(words, problem.words)
        (xobject,) = printed(octets)
        self.assertEqual(shown(xobject).convert("1").tobytes(), image.tobytes())

    def test_mail(self) -> None:
        """MH in whole octets that is called Compression 3 is printed as if called 2, with a notice and OK."""
        octets = (_MAILS / "mh-as-group-3.eml").read_bytes()
        (part,) = (
            one
            for one in message_from_bytes(octets).walk()
            if one.get_content_type() == "image/tiff"
        )
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        (right,) = printed(said_to_be(content, _COMPRESSION, 2))
        document = self.printed(octets)
        self.assertEqual(document.codes, ())
        (notice,) = document.notices
        self.assertIn("page 1 is not what its tags say", notice)
        ((image, _, _),) = self.images(document)
        self.assertEqual(image.convert("1").tobytes(), shown(right).convert("1").tobytes())

    def test_compressions(self) -> None:
        """MH called MR or MMR, MMR called MH, and MH with ends of line called MH without are recovered."""
        kinds = {2: "tiff_ccitt", 3: "group3", 4: "group4"}
        for compression, form in kinds.items():
            octets = tiff(_FAX, compression=form, strip_size=1 << 30)
            for called in kinds:
                if called != compression:
                    changed = said_to_be(octets, _COMPRESSION, called)
                    self.hold(changed, f"(Compression {compression})")

    def test_strips(self) -> None:
        """What is recovered may be in several strips."""
        octets = tiff(_FAX, compression="tiff_ccitt", strip_size=8000)
        self.assertGreater(len(places(octets, _OFFSETS)), 3)
        self.hold(said_to_be(octets, _COMPRESSION, 3), "(Compression 2)")

    def test_two_dimensional(self) -> None:
        """MR whose tags leave out that it is two-dimensional is recovered, and MH that is called MR."""
        octets = tiff(_FAX, compression="group3", strip_size=1 << 30, tiffinfo={_T4_OPTIONS: 1})
        self.hold(said_to_be(octets, _T4_OPTIONS, 0), "two-dimensional")
        octets = tiff(_FAX, compression="group3", strip_size=1 << 30, tiffinfo={_T4_OPTIONS: 4})
        self.hold(said_to_be(octets, _T4_OPTIONS, 1), "MH with ends of line")

    def test_order_of_bits(self) -> None:
        """A fax whose tags have the order of bits wrong is recovered."""
        for form in ("tiff_ccitt", "group3", "group4"):
            octets = tiff(_FAX, compression=form, tiffinfo={_FILL_ORDER: 2})
            self.hold(said_to_be(octets, _FILL_ORDER, 1), "lowest bits first")

    def test_no_ends_of_line(self) -> None:
        """MH as Compression 3, without ends of line and not in whole octets, is printed with a notice."""
        strip = strip_of(tiff(_FAX, compression="group3", strip_size=1 << 30))
        bits = re.sub(r"(0*)0{11}1", r"\1", "".join(f"{octet:08b}" for octet in strip))
        octets = -(-len(bits) // 8)
        unmarked = int(bits.ljust(8 * octets, "0"), 2).to_bytes(octets, "big")
        negative = ImageChops.invert(_FAX.convert("L")).convert("1")
        self.hold(page_of(unmarked, *_FAX.size, 3), "without ends of line", negative)


class NamedTests(PrintingCase):
    """Damage that is named on the paper and in the report."""

    def test_which_page(self) -> None:
        """Of three pages the damaged one is named, the others are printed, and the code is #822."""
        octets = bytearray(tiff(_FAX, _FAX, _FAX, strip_size=1 << 30))
        (first,) = struct.unpack_from("<I", octets, 4)
        (count,) = struct.unpack_from("<H", octets, first)
        (second,) = struct.unpack_from("<I", octets, first + 2 + 12 * count)
        alone = octets[:4] + struct.pack("<I", second) + octets[8:]
        ((_, _, at),) = places(alone, _OFFSETS)
        octets[at + 5 : at + 15] = bytes(10)
        document = self.printed(mail("", (bytes(octets), "image/tiff", "a.tif")))
        self.assertEqual(document.codes, (UNDECODABLE,))
        (notice,) = document.notices
        self.assertEqual(notice, "a.tif: page 2 cannot be decoded.")
        self.assertEqual((document.images, len(self.images(document))), (2, 2))

    def test_rows(self) -> None:
        """A page with a few wrong rows is printed as libtiff shows it, and the notice has their number."""
        octets = bytearray(tiff(_FAX, compression="group3", strip_size=1 << 30))
        ((_, _, at),) = places(octets, _OFFSETS)
        octets[at + len(strip_of(octets)) // 2] ^= 0x14
        (problem,) = problems(bytes(octets))
        self.assertRegex(problem.words, r"page 1 is damaged: [1-3] of its 300 rows cannot")
        self.assertEqual(len(printed(bytes(octets))), 1)

    def test_turned(self) -> None:
        """A damaged fax that lies on its side is #822 like one that is upright."""
        octets = tiff(_FAX, compression="group3", tiffinfo={274: 6})
        self.assertEqual(problems(octets), [])
        damaged = bytearray(octets)
        ((_, _, at),) = places(damaged, _OFFSETS)
        damaged[at + 400] ^= 0x14
        self.assertEqual([one.code for one in problems(bytes(damaged))], [UNDECODABLE])

    def test_colour_fax(self) -> None:
        """A colour fax whose JPEG is damaged is #822, also where it decodes to its end."""
        octets = bytearray(colour_fax())
        self.assertEqual(problems(bytes(octets)), [])
        ((_, _, at),) = places(octets, _OFFSETS)
        length = len(strip_of(octets))
        octets[at + length // 2 : at + length // 2 + 40] = b"\xaa\xff\x31" * 13 + b"\0"
        self.assertEqual([one.code for one in problems(bytes(octets))], [UNDECODABLE])


def jpeg(image: Image.Image, **how: object) -> bytes:
    """Return a JPEG that Pillow writes."""
    written = io.BytesIO()
    image.save(written, "JPEG", **how)
    return written.getvalue()


class JpegTests(PrintingCase):
    """JPEG files, which later models print."""

    def codes(self, octets: bytes) -> tuple[str, ...]:
        """Print a JPEG; return its codes."""
        document = self.printed(mail("", (octets, "image/jpeg", "a.jpg")), prints=("jpeg",))
        return document.codes

    def test_whole(self) -> None:
        """A JPEG has no code, in colour, grey or CMYK, of any sampling, progressive or not."""
        for mode in ("RGB", "L", "CMYK"):
            for how in ({}, {"subsampling": 1}, {"progressive": True}, {"optimize": True}):
                octets = jpeg(photograph().convert(mode), **how)
                self.assertFalse(jpeg_is_damaged(octets), (mode, how))
        self.assertEqual(self.codes(jpeg(photograph())), ())

    def test_damaged(self) -> None:
        """A JPEG with wrong codes, or without its end, is #822, and is printed as far as it decodes."""
        for mode in ("RGB", "L", "CMYK"):
            for how in ({}, {"optimize": True}, {"restart_marker_blocks": 5}):
                octets = bytearray(jpeg(photograph().convert(mode), **how))
                self.assertTrue(jpeg_is_damaged(bytes(octets[:-40])), (mode, how))
                at = len(octets) * 3 // 4
                octets[at : at + 12] = b"\xff\x00" * 6
                self.assertTrue(jpeg_is_damaged(bytes(octets)), (mode, how))
                self.assertEqual(self.codes(bytes(octets)), (UNDECODABLE,))
        for sampling in (1, 2):
            for mode in ("RGB", "L"):
                octets = bytearray(jpeg(photograph().convert(mode), subsampling=sampling))
                self.assertTrue(jpeg_is_damaged(bytes(octets[:-40])), (mode, sampling))
