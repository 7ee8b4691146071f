"""Takes docs/images/panel.png: a running machine's panel, in a headless Chromium.

    python docs/screenshots.py

It starts a printer on free ports, brings it a few mails and one that it refuses, has
it send two scans, and takes the picture. It needs chromium in the path.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue

from irsend.testing import Printer

OUT = Path(__file__).parent / "images" / "panel.png"
SIZE = "1280,860"


def _mail(subject: str, sender: str, recipient: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, subject
    mail.set_content("One page.\n")
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
        state,
        reactor,
        accounts={"ir@bench.test": "bench"},
        email_ifax__email_address="ir@bench.test",
        authent_encryption__allow_ssl_smtp_receive="on",
    )
    printer.start()
    try:
        address = "ir@bench.test"
        for subject, sender, door in (
            ("Order 4711", "sales@office.test", printer.smtp),
            ("Floor plan", "architect@office.test", printer.mailhost_smtp),
        ):
            await deferToThread(_deliver, door, _mail(subject, sender, address))
        await printer.receive()
        await printer.send(OUT, to=address, subject="Scan of a panel")
        await printer.send(OUT, to="fax@elsewhere.test", kind="ifax")
        printer.set(authent_encryption__allow_ssl_smtp_receive="ssl")
        await deferToThread(
            _deliver, printer.smtp, _mail("In the clear", "relay@office.test", address)
        )
        await _shoot(printer.panel)
    finally:
        await printer.stop()


async def _shoot(url: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("chromium is not in the path")
    OUT.parent.mkdir(exist_ok=True)
    # The page's stream of events never ends: the time limit is what takes the picture.
    said, errors, status = await getProcessOutputAndValue(
        chromium,
        [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--timeout=4000",
            f"--window-size={SIZE}",
            f"--screenshot={OUT}",
            url,
        ],
        env={"PATH": "/usr/bin:/bin", "HOME": tempfile.gettempdir(), "LANG": "C.UTF-8"},
    )
    if status or not OUT.exists():
        sys.exit((said + errors).decode("utf-8", "replace"))


def _main(reactor: Any) -> Any:
    state = Path(tempfile.mkdtemp())
    taken = ensureDeferred(_picture(reactor, state))
    return taken.addBoth(lambda result: (shutil.rmtree(state, ignore_errors=True), result)[1])


if __name__ == "__main__":
    react(_main)
