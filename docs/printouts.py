"""Takes docs/images/printed.png: three pages that a running machine has printed.

    python docs/printouts.py

It starts a printer on free ports, brings it a mail in three scripts, a fax at 204 x 98 dots an
inch and a mail with what it cannot print, and lays the pages side by side.
"""

from __future__ import annotations

import io
import shutil
import smtplib
import tempfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image, ImageDraw, ImageOps
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from irsend.imaging.text_pages import text_pdf
from irsend.imaging.text_wrap import wrapped
from irsend.testing import Printer

OUT = Path(__file__).parent / "images" / "printed.png"
_DOTS = 100
_WIDTH, _GAP = 560, 24
_FAX = (1728, 1143)
"""An A4 page at 204 x 98 dots an inch."""
_MINUTES = """\
Good morning,

the minutes of Wednesday are attached as a fax. Who was there:

    Müller        3rd floor    +49 30 1234
    Παπαδόπουλος  2nd floor    +30 21 5678
    Иванова       1st floor    +7 495 9012
    山田          地下一階     +81 3 3456

よろしくお願いします。
"""
_LETTER = """\
FACSIMILE

To:    the third floor
From:  the architect
Pages: 1

The wall between the copy room and the corridor is to go. The
printer stays where it is: its socket and its network outlet are
in the other wall.

Please tell me by Friday whether the door opens inwards.
"""


def _mail(subject: str, text: str = "", *attached: tuple[bytes, str, str, str]) -> EmailMessage:
    mail = EmailMessage()
    mail["Date"] = "Wed, 25 Nov 2026 10:00:00 +0900"
    mail["From"] = "The third floor <office@bench.test>"
    mail["To"] = "ir@bench.test"
    mail["Message-ID"] = "<20261125100000.1@bench.test>"
    mail["Subject"] = subject
    if text:
        mail.set_content(text)
    for content, main, sub, name in attached:
        mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return mail


def fax() -> bytes:
    """Return a fax with a letter and a plan on it, its pixels no squares."""
    pdf, _ = text_pdf(list(wrapped(_LETTER)), "A4")
    page = pypdfium2.PdfDocument(pdf)[0].render(scale=204 / 72).to_pil().convert("L")
    page = ImageOps.fit(page, (1728, 2286), centering=(0.5, 0))
    draw = ImageDraw.Draw(page)
    for walls in (
        (300, 1100, 1400, 1900),
        (300, 1100, 850, 1500),
        (842, 1492, 1400, 1900),
    ):
        draw.rectangle(walls, outline=0, width=9)
    draw.arc((700, 1350, 1000, 1650), 180, 270, fill=0, width=5)
    draw.rectangle((930, 1180, 1130, 1330), outline=0, width=5)
    written = io.BytesIO()
    page.resize(_FAX).convert("1", dither=Image.Dither.NONE).save(
        written, "TIFF", compression="group3", dpi=(204, 98)
    )
    return written.getvalue()


def _deliver(where: tuple[str, int], *mails: EmailMessage) -> None:
    with smtplib.SMTP(*where, timeout=10) as server:
        for mail in mails:
            server.send_message(mail)


def _side_by_side(pdfs: list[bytes]) -> Image.Image:
    pages = []
    for octets in pdfs:
        page = pypdfium2.PdfDocument(octets)[0].render(scale=_DOTS / 72).to_pil()
        page = ImageOps.contain(
            page.convert("L"), (_WIDTH, 2 * _WIDTH), Image.Resampling.LANCZOS
        )
        pages.append(ImageOps.expand(page, 1, fill=150))
    height = max(page.height for page in pages)
    width = sum(page.width + _GAP for page in pages) + _GAP
    sheet = Image.new("L", (width, height + 2 * _GAP), 226)
    left = _GAP
    for page in pages:
        sheet.paste(page, (left, _GAP))
        left += page.width + _GAP
    return sheet


async def _picture(reactor: Any, state: Path) -> None:
    printer = Printer(
        reactor,
        state=str(state),
        printing={"loaded": True, "workers": 1},
        hostnames=("bench.test",),
    )
    printer.start()
    try:
        plan = fax()
        calendar = (b"BEGIN:VCALENDAR", "text", "calendar", "meeting.ics")
        broken = (plan[:5000], "image", "tiff", "floor-plan.tif")
        await deferToThread(
            _deliver,
            printer.smtp,
            _mail("議事録 / Minutes", _MINUTES),
            _mail("Floor plan", "", (plan, "image", "tiff", "floor-plan.tif")),
            _mail("And the plan again", "What you ask for.\n", calendar, broken),
        )
        printed = await printer.wait_for_printouts(3, timeout=60)
        OUT.parent.mkdir(exist_ok=True)
        _side_by_side([one.pdf for one in printed]).save(OUT, optimize=True)
    finally:
        await printer.stop()


def _main(reactor: Any) -> Any:
    state = Path(tempfile.mkdtemp())
    taken = ensureDeferred(_picture(reactor, state))
    return taken.addBoth(lambda result: (shutil.rmtree(state, ignore_errors=True), result)[1])


if __name__ == "__main__":
    react(_main)
