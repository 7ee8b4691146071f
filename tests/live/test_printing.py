"""Mails that real programs wrote, and TIFFs that libtiff's tools wrote, on paper (docs/fidelity)."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from pathlib import Path

from irsend.imaging.mail_to_pdf import NO_PROGRAMS
from tests.imaging.originals import photograph, text_page
from tests.imaging.received import tiff
from tests.live.mailers import PRINTER, SENDER, Mailers
from tests.live.paper import PROGRAMS, PaperCase
from tests.live.tnef import winmail

FAX = text_page(1600, 1100)
SMALL = text_page(400, 300)
SUBJECT = "\u8b70\u4e8b\u9332\u3068\u898b\u7a4d\u66f8"
TEXT = "\u65e5\u672c\u8a9e\u306e\u672c\u6587\u3067\u3059\u3002\u304b\u306a\u3002"
NAME = "\u56f3\u9762\u306e\u5199\u3057.pdf"
LONG_NAME = "\u6dfb\u4ed8\u3057\u305f\u56f3\u9762\u306e\u5199\u3057" * 3 + ".pdf"
FROM_JPEG = 16


class MailerTests(PaperCase):
    """What programs that write mail make of text, names and attachments."""

    programs = (*PROGRAMS, "mutt", "s-nail", "swaks", "uuencode", "tnef")

    def setUp(self) -> None:
        """Draw a page, and something else than a TIFF."""
        super().setUp()
        self.mailers = Mailers(self)
        self.page = self.file("page.tif", tiff(FAX))
        self.named = self.file(NAME, b"%PDF-1.4\n")

    def file(self, name: str, octets: bytes) -> Path:
        """Write a file."""
        path = self.directory / name
        path.write_bytes(octets)
        return path

    async def holds(self, mail: bytes, subject: str, text: str, name: str = "") -> None:
        """Print a mail with the page: its words are on paper, its pixels as libtiff shows them."""
        paper = await self.printed(mail)
        self.assertEqual(paper.pages, 2)
        front = paper.texts[0]
        self.assertIn(f"Subject: {subject}", front)
        for line in text.splitlines():
            self.assertIn(line, front)
        self.assertIn(f"To: {PRINTER}", front)
        self.assertIn(SENDER, front)
        self.assertEqual(paper.codes, ("#827",) if name else ())
        if name:
            # A long name is wrapped.
            words = "".join(front.split())
            self.assertIn(name + NO_PROGRAMS.replace(" ", ""), words)
        self.assert_same(paper.images, await self.as_libtiff_shows("page.tif"))

    async def test_mutt(self) -> None:
        """Japanese of mutt's is read in each charset that it sends, with its name by RFC 2231."""
        for charset in ("iso-2022-jp", "shift_jis", "euc-jp", "utf-8"):
            mail = await self.mailers.mutt(
                SUBJECT, TEXT, self.page, self.named, charset=charset
            )
            lowered = mail.lower()
            self.assertIn(f"charset={charset}".encode(), lowered)
            self.assertIn(f"subject: =?{charset}?".encode(), lowered)
            self.assertIn(f"filename*={charset}''".encode(), lowered)
            await self.holds(mail, SUBJECT, TEXT, NAME)

    async def test_s_nail(self) -> None:
        """s-nail's text is read in each charset and encoding, and a name in pieces is one."""
        named = self.file(LONG_NAME, b"%PDF-1.4\n")
        for charset, words in (
            ("iso-2022-jp", TEXT),
            ("iso-8859-1", "Gr\u00fc\u00dfe aus K\u00f6ln"),
            ("iso-8859-2", "\u0159\u0119\u0142 \u017elu\u0165"),
            ("iso-8859-7", "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1"),
            ("iso-8859-15", "5 \u20ac"),
            ("utf-8", f"{TEXT} \u0416\u0443\u043a"),
        ):
            for encoding in ("8bit", "quoted-printable", "base64"):
                mail = await self.mailers.s_nail(
                    words, f"{words}\n", self.page, named, charset=charset, encoding=encoding
                )
                self.assertIn(f"charset={charset}\n".encode(), mail)
                self.assertIn(f"Encoding: {encoding}\n".encode(), mail)
                self.assertIn(b"filename*1*=", mail)
                await self.holds(mail, words, words, LONG_NAME)

    async def test_swaks(self) -> None:
        """A mail of swaks's with a TIFF is a page of text and the TIFF's."""
        mail = await self.mailers.swaks("The minutes", "Text of swaks.", self.page)
        self.assertIn(b"X-Mailer: swaks", mail)
        await self.holds(mail, "The minutes", "Text of swaks.")

    async def test_uuencode(self) -> None:
        """A file that uuencode put into the text is printed as its page, and not as text."""
        encoded = await self.out("uuencode", "page.tif", "page.tif")
        text = f"Before it.\n\n{encoded}\nAfter it.\n"
        for mail in (
            await self.mailers.s_nail("Minutes", text, encoding="8bit"),
            await self.mailers.mutt("Minutes", text),
        ):
            self.assertIn(b"\nbegin 644 page.tif\n", mail)
            await self.holds(mail, "Minutes", "Before it.\nAfter it.")
            front = (await self.printed(mail)).texts[0]
            self.assertNotIn("begin 644", front)

    async def test_winmail(self) -> None:
        """Outlook's winmail.dat, which tnef unpacks, is discarded by its name; the TIFF in it is not seen."""
        stream = winmail("Minutes", ("page.tif", self.page.read_bytes()))
        path = self.file("winmail.dat", stream)
        unpacked = self.directory / "unpacked"
        unpacked.mkdir()
        await self.out("tnef", "--directory", str(unpacked), "--file", str(path))
        self.assertEqual((unpacked / "page.tif").read_bytes(), self.page.read_bytes())
        message = self.written("iso-2022-jp")
        message.add_attachment(
            stream, maintype="application", subtype="ms-tnef", filename="winmail.dat"
        )
        message["X-Mailer"] = "Microsoft Office Outlook 11"
        paper = await self.printed(message.as_bytes())
        self.assertEqual((paper.codes, paper.pages, paper.images), (("#827",), 1, ()))
        self.assertEqual(paper.notices, (f"winmail.dat\n{NO_PROGRAMS}",))
        lines = [line.strip() for line in paper.texts[0].splitlines()]
        self.assertEqual(lines[lines.index("winmail.dat") + 1], NO_PROGRAMS)
        self.assertIn(TEXT, paper.texts[0])

    def written(self, charset: str, cte: str | None = None) -> EmailMessage:
        """Return a mail of Python's email package."""
        message = EmailMessage(policy=email.policy.SMTP)
        message["Date"] = format_datetime(localtime())
        message["From"], message["To"] = f"Somebody <{SENDER}>", PRINTER
        message["Subject"] = SUBJECT
        message.set_content(f"{TEXT}\n", charset=charset, cte=cte)
        return message

    async def test_thunderbird(self) -> None:
        """Of a text, the same as HTML with a picture, and a TIFF all but the HTML is printed or named."""
        message = self.written("utf-8", "8bit")
        message.replace_header("Content-Type", "text/plain; charset=UTF-8; format=flowed")
        message["User-Agent"] = "Mozilla Thunderbird"
        message.add_alternative('<p>HTML <img src="cid:part1"></p>', subtype="html")
        html = message.get_payload()[1]  # type: ignore[index]
        html.add_related(b"\x89PNG", "image", "png", cid="<part1>", filename="logo.png")  # type: ignore[union-attr]
        message.make_mixed()
        message.add_attachment(
            self.page.read_bytes(), maintype="image", subtype="tiff", filename="\u56f3.tif"
        )
        mail = message.as_bytes()
        self.assertIn(b"multipart/related", mail)
        paper = await self.printed(mail)
        self.assertEqual((paper.codes, paper.pages), (("#827",), 2))
        self.assertEqual(paper.notices, (f"logo.png\n{NO_PROGRAMS}",))
        self.assertIn(TEXT, paper.texts[0])
        self.assertNotIn("HTML", paper.texts[0])
        self.assert_same(paper.images, await self.as_libtiff_shows("page.tif"))

    async def test_without_text(self) -> None:
        """A TIFF that is mailed without a text has sender and subject in a line above it."""
        paper = await self.printed(await self.mailers.s_nail("The minutes", "", self.page))
        self.assertEqual((paper.codes, paper.pages), ((), 1))
        self.assertEqual(" ".join(paper.texts[0].split()), f"{SENDER} The minutes")
        self.assert_same(paper.images, await self.as_libtiff_shows("page.tif"))


class LibtiffTests(PaperCase):
    """What libtiff's tools and Pillow write, through a mailer to paper, page by page."""

    programs = (*PROGRAMS, "swaks", "fax2tiff", "tiffset")

    async def shown(
        self, name: str, pages: int = 1, within: int = 0
    ) -> tuple[tuple[int, int], ...]:
        """Print a file, hold each page against libtiff's; return its dots an inch on paper."""
        mail = await Mailers(self).swaks("x", "Text.", self.directory / name)
        paper = await self.printed(mail)
        self.assertEqual((paper.codes, paper.pages), ((), pages + 1), name)
        self.assert_same(paper.images, await self.as_libtiff_shows(name, pages), within)
        return paper.dots

    async def test_tiffcp(self) -> None:
        """Both byte orders, in strips of 37 rows, in each compression: pages are what libtiff shows."""
        (self.directory / "in.tif").write_bytes(tiff(FAX, SMALL, compression="raw"))
        for kind in ("g3:1d", "g3:2d:fill", "g4", "lzw", "zip", "packbits", "none"):
            for order in ("-B", "-L"):
                await self.out("tiffcp", "-c", kind, order, "-r", "37", "in.tif", "out.tif")
                await self.shown("out.tif", 2)

    async def test_colour(self) -> None:
        """Colour in JPEG, LZW, deflate and none, in strips and tiles, is what libtiff shows, but for JPEG."""
        photo = tiff(photograph(320, 240), compression="raw", dpi=(100, 100))
        (self.directory / "in.tif").write_bytes(photo)
        for how in (
            *(("-c", "jpeg:r:90"), ("-c", "lzw:2"), ("-c", "zip:2"), ("-c", "none", "-B")),
            *(("-c", "jpeg:90", "-r", "16"), ("-c", "lzw", "-t", "-w", "64", "-l", "64")),
            ("-c", "none", "-p", "separate"),
        ):
            await self.out("tiffcp", *how, "in.tif", "out.tif")
            await self.shown("out.tif", within=FROM_JPEG)

    async def test_tiffset(self) -> None:
        """Resolutions that tiffset wrote are those of the image on paper."""
        for across, down, unit in (
            (204, 98, 2),
            (204, 196, 2),
            (300, 300, 2),
            (600, 600, 2),
            (80, 40, 3),
        ):
            (self.directory / "in.tif").write_bytes(tiff(SMALL))
            for tag, value in (("282", across), ("283", down), ("296", unit)):
                await self.out("tiffset", "-s", tag, str(value), "in.tif")
            ((found_across, found_down),) = await self.shown("in.tif")
            inch = 2.54 if unit == 3 else 1
            self.assertLessEqual(abs(found_across - across * inch), 1)
            self.assertLessEqual(abs(found_down - down * inch), 1)

    async def test_fax2tiff(self) -> None:
        """Bare fax data of one or two dimensions that fax2tiff wraps, as pages of one file, is printed."""
        raw = text_page(1728, 1000)
        for kind, how in (("g3:1d", ("-3", "-1")), ("g3:2d", ("-3", "-2")), ("g4", ("-4",))):
            (self.directory / "in.tif").write_bytes(tiff(raw, compression="raw"))
            await self.out(
                "tiffcp", "-c", kind, "-f", "lsb2msb", "-r", "100000", "in.tif", "g.tif"
            )
            (self.directory / "page.g3").write_bytes(_strip(self.directory / "g.tif"))
            for wanted in (("-7", "-5"), ("-7", "-6"), ("-8",)):
                for lines in ("98", "196"):
                    words = ("-R", lines, "-L", *how, *wanted, "-o", "fax.tif")
                    await self.out("fax2tiff", *words, "page.g3", "page.g3")
                    first, second = await self.shown("fax.tif", 2)
                    self.assertEqual(first, second)
                    # A4 of a fax is a little wider than paper: across is more than 204.
                    shape = first[0] / first[1]
                    self.assertLess(abs(shape - 204 / int(lines)), 0.02)

    async def test_pillow(self) -> None:
        """Pages that Pillow wrote, each in another mode, are what libtiff shows."""
        grey = photograph(200, 150).convert("L")
        for compression in ("raw", "tiff_lzw", "tiff_deflate", "packbits"):
            octets = tiff(SMALL, grey, photograph(200, 150), compression=compression)
            (self.directory / "in.tif").write_bytes(octets)
            await self.shown("in.tif", 3, within=FROM_JPEG)


def _strip(path: Path) -> bytes:
    from PIL import Image

    octets = path.read_bytes()
    with Image.open(path) as image:
        offset, length = (image.tag_v2[tag][0] for tag in (273, 279))  # type: ignore[attr-defined]
    return octets[offset : offset + length]
