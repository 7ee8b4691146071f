"""Takes the pictures of the panel in docs/images: a running machine's pages, in a headless Chromium.

    python docs/screenshots.py

It starts a printer on free ports, brings it a few mails and one that it refuses, has
it send two scans, and takes the pictures. It needs chromium in the path.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Any

import printouts
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue

from irsend.testing import Printer

IMAGES = Path(__file__).parent / "images"
_SCAN = IMAGES / "printed.png"
_WIDE, _PHONE = "1280,836", "390,844"
_PICTURES = (
    ("panel", "/", _WIDE, "light"),
    ("panel-mail", "/mails/{mail}", _WIDE, "light"),
    ("panel-settings", "/settings/authent_encryption", _WIDE, "light"),
    ("panel-session", "/sessions/{refused}", _WIDE, "dark"),
    ("panel-phone", "/", _PHONE, "light"),
)
"""Name, address, size, and which of its two looks."""
_FLOOR_PLAN = 4
"""The id of its mail: the fourth job."""


_ADDRESS = "ir@bench.test"
_TEXTS = {
    "Order 4711": "Please deliver 20 boxes of A4 paper, 80 g, to the\n"
    "second floor by Thursday.\n\nThank you\n",
    "Floor plan": "The plan of the third floor, as it is now.\n",
    "Invoice 2026-118": "Toner, black            2      98.00\nStaples               10      12.50\n"
    "                              ------\nTotal                         110.50\n",
    "Minutes of Monday": "Present: Ann, Bob, Eve.\n\n1. The copier on the ground floor jams.\n"
    "2. Scans go to the new mail server from Friday on.\n",
}
"""The mails by subject."""


def _mail(subject: str, sender: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, _ADDRESS, subject
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = f"<{subject.split()[-1].lower()}@office.test>"
    mail.set_content(_TEXTS.get(subject, "One page.\n"))
    if subject == "Floor plan":
        fax = printouts.fax()
        mail.add_attachment(fax, maintype="image", subtype="tiff", filename="plan.tif")
    return mail


def _deliver(where: tuple[str, int], mail: EmailMessage) -> str:
    """Deliver a mail, and return the refusal where there is one."""
    import smtplib

    try:
        with smtplib.SMTP(*where, timeout=10) as server:
            server.send_message(mail)
    except smtplib.SMTPException as error:
        return str(error)
    return ""


async def _picture(reactor: Any, state: Path) -> None:
    printer = Printer(
        reactor,
        state=str(state),
        accounts={"ir@bench.test": "bench"},
        email_ifax__email_address="ir@bench.test",
        authent_encryption__allow_ssl_smtp_receive="on",
        printing={"loaded": True},
    )
    printer.start()
    try:
        for printed, (subject, sender, door) in enumerate(
            (
                ("Minutes of Monday", "ann@office.test", printer.smtp),
                ("Invoice 2026-118", "billing@supplies.test", printer.smtp),
                ("Order 4711", "sales@office.test", printer.smtp),
                ("Floor plan", "architect@office.test", printer.mailhost_smtp),
            ),
            1,
        ):
            await deferToThread(_deliver, door, _mail(subject, sender))
            if door == printer.mailhost_smtp:
                await printer.receive()
            await printer.wait_for_printouts(printed, timeout=60)
        await printer.send(_SCAN, to=_ADDRESS, subject="Scan of three pages")
        await printer.send(_SCAN, to="fax@elsewhere.test", kind="ifax")
        printer.set(authent_encryption__allow_ssl_smtp_receive="ssl")
        await deferToThread(_deliver, printer.smtp, _mail("In the clear", "relay@office.test"))
        sessions = await printer.sessions()
        refused = next(one.id for one in sessions if one.status_line)
        for name, path, size, look in _PICTURES:
            url = printer.panel.rstrip("/") + path.format(refused=refused, mail=_FLOOR_PLAN)
            await _shoot(url, IMAGES / f"{name}.png", size, look)
    finally:
        await printer.stop()


async def _shoot(url: str, out: Path, size: str, look: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("chromium is not in the path")
    # The page's stream of events never ends: the time limit is what takes the picture.
    said, errors, status = await getProcessOutputAndValue(
        chromium,
        [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--timeout=4000",
            f"--blink-settings=preferredColorScheme={0 if look == 'dark' else 1}",
            f"--window-size={size}",
            f"--screenshot={out}",
            url,
        ],
        env={"PATH": "/usr/bin:/bin", "HOME": tempfile.gettempdir(), "LANG": "C.UTF-8"},
    )
    if status or not out.exists():
        sys.exit((said + errors).decode("utf-8", "replace"))


def _main(reactor: Any) -> Any:
    state = Path(tempfile.mkdtemp())
    taken = ensureDeferred(_picture(reactor, state))
    return taken.addBoth(lambda result: (shutil.rmtree(state, ignore_errors=True), result)[1])


if __name__ == "__main__":
    # A zone that is not UTC, so that the page has its switch.
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    time.tzset()
    react(_main)
