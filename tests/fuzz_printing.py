"""Mails that nobody would write, printed for as many minutes as are given: a search by hand, no test.

    python -m tests.fuzz_printing 10
    python -m tests.fuzz_printing 10 --guided        with atheris, led by what is covered

The searching process has the limits of the worker that prints. What it finds
(an error that is raised, a crash, 10 s of CPU, 1 GB, a part that vanishes without
a code, a PDF that cannot be read) is kept as a file, one for each place in the code,
and the search goes on behind it. A find becomes a case of `tests.imaging.corpus`.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

_SECONDS = 10
_MEMORY = 1_000_000_000
_LONGEST = 60_000
_TOKENS = (
    *(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"--b\r\n", b"\r\n--b--\r\n"),
    *(b"Content-Type: image/tiff\r\n\r\n", b"Content-Type: message/rfc822\r\n\r\n"),
    *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: x-uuencode\r\n"),
    *(
        b"begin 644 a.tif\n",
        b"`\nend\n",
        b"; name*0*=iso-2022-jp'ja'%1B$B",
        b"; boundary*=x''b",
    ),
    *(b"=?utf-16?B?//4=?=", b"=?iso-2022-jp?Q?=1B$B=?=", b"\x1b$B!!", b"\x1b(I", b"\x1b(B"),
    *(
        b"Subject: ",
        b"Content-Disposition: attachment; filename=",
        b'; charset="utf-7"',
        b"+AAA-",
    ),
    *(b'; charset="hz"', b'; charset="iso-2022-kr"', b"~{", b"\x0e", b'; charset="utf-32"'),
    *(
        b"\xff\xd8\xff\xe0",
        b"\xff\xc0\0\x11\x08",
        b"\xff\xda",
        b"II*\0\x08\0\0\0",
        b"MM\0+\0\x08",
    ),
    *(
        "\u3042\u0301\u3099".encode(),
        "\U0001f468\u200d\U0001f469".encode(),
        b"\t",
        b"\xed\xa0\x80",
    ),
)
_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 16, 32, 255, 256, 1 << 15, (1 << 16) - 1, 1 << 16, 1 << 24)
_LARGE = ((1 << 31) - 1, 1 << 31, (1 << 32) - 2, (1 << 32) - 1)
_TAGS = (
    *(254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 292, 293),
    *(296, 297, 317, 320, 322, 323, 324, 325, 330, 332, 338, 339, 347, 512, 513, 514, 529, 530),
    *(531, 532, 559, 700, 33432, 34665, 34675, 34853, 37724),
)
_COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 32773, 32946, 34661, 34925, 50000, 50001)


# -- what it begins with ------------------------------------------------------------------


def seeds() -> list[bytes]:
    """Return mails that are right: in them stands what is then made wrong."""
    from irsend.imaging.fax_profiles import ifax_page
    from irsend.imaging.originals import Page
    from irsend.imaging.tiff_fx import write_tiff
    from tests.imaging.originals import photograph, text_page
    from tests.imaging.received import mail, tiff

    fax, photo = text_page(200, 150), photograph(64, 48)
    files = [
        tiff(fax, fax, compression=one) for one in ("group3", "group4", "tiff_ccitt", "raw")
    ]
    files += [tiff(photo, compression=one) for one in ("jpeg", "tiff_lzw", "tiff_deflate")]
    files += [
        tiff(photo.convert(one), compression="packbits") for one in ("L", "P", "CMYK", "F")
    ]
    files += [
        tiff(photo.convert(one), compression="raw") for one in ("RGBA", "LAB", "YCbCr", "I")
    ]
    files.append(tiff(fax, compression="group4", big_tiff=True))
    for profile in "SFC":
        sheet = ifax_page(Page(photograph(160, 120), (0.8, 0.6)), "auto", (200, 200), profile)
        written = io.BytesIO()
        write_tiff(written, [sheet, sheet], 2)
        files.append(written.getvalue())
    head = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n"
    part = b"--b\r\nContent-Type: image/tiff; name=a.tif\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    found = [b"Content-Type: image/tiff\r\n\r\n" + one for one in files]
    found += [head + part + one + b"\r\n--b--\r\n" for one in files[:6]]
    japanese = "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3001\u304b\u306a\u3002" * 4
    found.append(mail(japanese, (files[0], "image/tiff", "\u56f3.tif"), subject=japanese))
    for charset in ("iso-2022-jp", "shift_jis", "euc-jp", "iso-8859-7", "utf-8", "utf-7"):
        words = "\u0395\u03bb" if charset == "iso-8859-7" else japanese
        head_of = f"Subject: =?{charset}?B?gqCCog==?= =?{charset}?Q?=1B=24=42=24=22?=\r\n"
        typed = f"{head_of}Content-Type: text/plain; charset={charset}\r\n\r\n"
        found.append(typed.encode() + words.encode(charset))
    nested = b"Content-Type: message/rfc822\r\n\r\n" + found[-6]
    found.append(head + b"--b\r\n" + nested + b"\r\n--b--\r\n")
    found.append(
        b"\r\n\r\nbefore\nbegin 644 a.tif\n#86)C\n`\nend\nafter "
        + japanese.encode()
        + b"\n" * 30
    )
    return found


# -- how it is made wrong -----------------------------------------------------------------


def changed(octets: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Return a mail with one to six changes."""
    result = bytearray(octets)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4, 6))):
        chance.choice(_CHANGES)(result, others, chance)
    return bytes(result[:_LONGEST])


def _flip(octets: bytearray, others: list[bytes], chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 2, 8, 40))):
        if octets:
            octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)


def _token(octets: bytearray, others: list[bytes], chance: random.Random) -> None:
    at = chance.randint(0, len(octets))
    octets[at:at] = chance.choice(_TOKENS) * chance.choice((1, 1, 1, 2, 50))


def _piece(octets: bytearray, others: list[bytes], chance: random.Random) -> None:
    """Drop a piece, double it, or put one of another mail there."""
    at = chance.randint(0, len(octets))
    end = at + chance.choice((1, 2, 4, 16, 100, 1000))
    kind = chance.randrange(4)
    if kind == 0:
        del octets[at:end]
    elif kind == 1:
        octets[at:at] = octets[at:end] * chance.choice((1, 2, 30))
    elif kind == 2:
        other = chance.choice(others)
        start = chance.randint(0, len(other))
        octets[at:end] = other[start : start + chance.choice((4, 100, 2000))]
    else:
        del octets[at:]


def _number(octets: bytearray, others: list[bytes], chance: random.Random) -> None:
    form = chance.choice(("<H", ">H", "<I", ">I", "B"))
    size = struct.calcsize(form)
    if len(octets) > size:
        value = chance.choice(_NUMBERS + _LARGE) & ((1 << 8 * size) - 1)
        struct.pack_into(form, octets, chance.randint(0, len(octets) - size), value)


def _directory(octets: bytearray, others: list[bytes], chance: random.Random) -> None:
    """Change an entry of a TIFF's directory: what it is, how many, or what it says."""
    starts = [at for begin in (b"II*\0", b"MM\0*") for at in [octets.find(begin)] if at >= 0]
    if not starts:
        return
    start = chance.choice(starts)
    order = "<" if octets[start : start + 1] == b"I" else ">"
    with contextlib.suppress(struct.error):
        (at,) = struct.unpack_from(order + "I", octets, start + 4)
        for _ in range(chance.randrange(3)):
            (count,) = struct.unpack_from(order + "H", octets, start + at)
            (following,) = struct.unpack_from(order + "I", octets, start + at + 2 + 12 * count)
            at = following or at
        (count,) = struct.unpack_from(order + "H", octets, start + at)
        entry = start + at + 2 + 12 * chance.randint(0, count)
        which = chance.randrange(5)
        if which == 0:
            struct.pack_into(order + "H", octets, entry, chance.choice(_TAGS))
        elif which == 1:
            struct.pack_into(order + "H", octets, entry + 2, chance.randrange(20))
        elif which == 2:
            struct.pack_into(order + "I", octets, entry + 4, chance.choice(_NUMBERS + _LARGE))
        elif which == 3:
            value = chance.choice(_NUMBERS + _LARGE + _COMPRESSIONS)
            struct.pack_into(order + "I", octets, entry + 8, value)
        else:
            struct.pack_into(order + "H", octets, entry + 8, chance.choice(_COMPRESSIONS))


_Change = Callable[[bytearray, list[bytes], random.Random], None]
_CHANGES: tuple[_Change, ...] = (_flip, _token, _piece, _number, _directory, _directory)


# -- the process that searches ------------------------------------------------------------


class Search:
    """Prints what it is given, and keeps what it should not have done."""

    def __init__(self, finds: Path, place: Path) -> None:
        from irsend.device.codes import CODES

        self.finds = finds
        self.now = place / "now.eml"
        self.count = place / "count"
        self.into = place / "out"
        self.into.mkdir(exist_ok=True)
        self.codes = set(CODES)
        self.done = int(self.count.read_text() or 0) if self.count.exists() else 0

    def print(self, octets: bytes) -> None:
        """Print a mail within the limits."""
        from irsend.imaging.resource_limits import limit_document

        self.now.write_bytes(octets)
        self.done += 1
        self.count.write_text(str(self.done))
        limit_document(_SECONDS, 500_000_000)
        Path("/proc/self/clear_refs").write_text("5")
        try:
            self._check(octets)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            ours = [one for one in frames if "irsend" in one.filename] or list(frames)
            where = f"{Path(ours[-1].filename).stem}-{ours[-1].lineno}"
            self.keep(f"{type(error).__name__}-{where}", octets, traceback.format_exc())
        # What is counted is the printing, and not what is thought up next.
        limit_document(60 * _SECONDS, 500_000_000)
        if _peak() > _MEMORY:
            self.keep(f"memory-{_peak() // 100_000_000}", octets, f"{_peak()} octets")

    def _check(self, octets: bytes) -> None:
        import pypdfium2

        from irsend.imaging.mail_to_pdf import PrintOptions, print_mail
        from irsend.message.mime_parser import parse_message
        from irsend.message.parsed_message import Kind

        told: list[int] = []
        printed = print_mail(io.BytesIO(octets), self.into, PrintOptions(), told.append)
        assert set(printed.codes) <= self.codes, printed.codes
        assert printed.pages >= 1
        others = [
            one for one in parse_message(io.BytesIO(octets)).parts if one.kind is not Kind.TEXT
        ]
        assert not others or told or printed.codes, "a part vanished without a code"
        pdf = pypdfium2.PdfDocument(printed.file)
        assert len(pdf) == printed.pages, "the PDF has another number of pages"
        pdf.close()

    def keep(self, name: str, octets: bytes, words: str) -> None:
        """Keep a find, the first of its place."""
        path = self.finds / f"{name}.eml"
        if not path.exists():
            path.write_bytes(octets)
            path.with_suffix(".txt").write_text(words)
            print(f"find: {path}\n{words}", file=sys.stderr, flush=True)


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _search(finds: Path, place: Path, until: float, guided: bool, seed: int) -> None:
    from irsend.imaging.resource_limits import limit_process

    limit_process()
    # Where it was when its time was over, or when it crashed.
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)
    search = Search(finds, place)
    found, chance = seeds(), random.Random(seed)
    if not guided:
        while time.time() < until:
            search.print(changed(chance.choice(found), found, chance))
        return
    import atheris

    corpus = place / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, one in enumerate(found):
        (corpus / f"seed-{number}").write_bytes(one)

    def mutate(octets: bytes, most: int, number: int) -> bytes:
        if number % 2:
            return bytes(atheris.Mutate(octets, most))
        return changed(octets, found, random.Random(number))[:most]

    left = max(1, int(until - time.time()))
    options = [f"-max_total_time={left}", f"-max_len={_LONGEST}", f"-seed={seed + 1}"]
    options += ["-rss_limit_mb=0", f"-timeout={6 * _SECONDS}", "-len_control=0"]
    atheris.Setup(["fuzz", *options, str(corpus)], search.print, custom_mutator=mutate)
    atheris.Fuzz()


# -- who runs it --------------------------------------------------------------------------


def main() -> None:
    """Search for so many minutes, with a new process where one died."""
    asked = argparse.ArgumentParser(description="Prints mails that nobody would write.")
    asked.add_argument("minutes", type=float)
    asked.add_argument("--guided", action="store_true")
    asked.add_argument("--seed", type=int, default=int(time.time()))
    asked.add_argument(
        "--finds", type=Path, default=Path(tempfile.gettempdir()) / "irsend-finds"
    )
    asked.add_argument("--until", type=float, help=argparse.SUPPRESS)
    asked.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    given.finds.mkdir(exist_ok=True)
    if given.until:
        if given.guided:
            import atheris

            with atheris.instrument_imports(include=["irsend.message", "irsend.imaging"]):
                from irsend.imaging import mail_to_pdf  # noqa: F401
        _search(given.finds, given.place, given.until, given.guided, given.seed)
        return
    until = time.time() + 60 * given.minutes
    with tempfile.TemporaryDirectory() as name:
        place, seed = Path(name), given.seed
        while time.time() < until - 1:
            words = [sys.executable, "-m", "tests.fuzz_printing", *sys.argv[1:]]
            words += ["--until", str(until), "--place", name, "--seed", str(seed)]
            ended = subprocess.run(words, check=False).returncode
            seed += 1
            if ended and (place / "now.eml").exists():
                died = given.finds / f"died-{ended}-{seed}.eml"
                died.write_bytes((place / "now.eml").read_bytes())
                print(f"find: {died}", file=sys.stderr)
            elif ended:
                sys.exit(ended)
        done = (place / "count").read_text()
    kept = len(list(given.finds.glob("*.eml")))
    print(f"{done} mails printed; {kept} finds in {given.finds}")


if __name__ == "__main__":
    main()
