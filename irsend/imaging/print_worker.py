"""The print worker: prints and reads mails, draws and reads pages, sets text. Orders and answers are lines.

    {"print": {"files": ["/m/1"], "into": "/t/1", "paper": "A4", "prints": [], "most_pages": 1000,
               "most_lines": 1000, "most_octets": 500000000, "seconds": 60}}
        {"page": 1}
        {"printed": {"file": "printed.pdf", "pages": 1, "codes": [], "notices": [],
                     "from": "", "subject": "", "message_id": "", "images": 0}}
    {"draw": {"file": "/t/1/printed.pdf", "page": 1, "into": "/t/1/1.png", "dots": 100,
              "crop_to_ink": false, "seconds": 10}}
        {"drawn": {"file": "/t/1/1.png", "width": 827, "height": 1169}}
    {"read": {"file": "/t/1/printed.pdf", "page": 1, "seconds": 10}}
        {"read": {"width": 595.2, "height": 841.92, "lines": [
            {"text": "To: ir@bench.test", "x": 56.7, "y": 70.9, "width": 102.0, "height": 9.5}]}}
    {"set": {"text": "COMMUNICATION REPORT...", "title": "", "paper": "A4", "into": "/t/1/1.pdf",
             "seconds": 10}}
        {"set": {"file": "/t/1/1.pdf", "pages": 1}}
    {"summarize": {"files": ["/m/1", "/m/2"], "into": "/t/1/summaries", "seconds": 10}}
        {"summarized": {"file": "/t/1/summaries"}}
    {"show": {"file": "/m/1", "into": "/t/1/mail", "seconds": 10}}
        {"shown": {"file": "/t/1/mail"}}
    {"extract": {"file": "/m/1", "part": 2, "into": "/t/1/part", "seconds": 10}}
        {"extracted": {"file": "/t/1/part"}}

What is read of mails is written into a file as JSON, a line for each mail (:func:`summarize_mail`,
:func:`show_mail`), since it may be long; null stands for a mail whose file is gone.

Several files are the fragments of a mail, in order. With "instead": {"code": "#822", "words":
"..."} only the head of the mail is printed, and why.

An order that fails is answered by {"failed": {"code": "#822", "words": "..."}}; with null as code
it may be tried again, since the disk is full, for example. The worker ends with its input. A document
that takes more CPU time than allowed ends the process; `services.print.print_pool` counts that
document as #822, and starts another worker.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from irsend.errors import MemoryFull, ScanRefused
from irsend.imaging.resource_limits import limit_document, limit_process
from irsend.message.parsed_message import UNDECODABLE, Problem

_OPTIONS = ("paper", "most_pages", "most_lines", "most_octets")
_DRAWN_OCTETS = 100_000_000
_MAIL_OCTETS = 1_000_000_000
_SECONDS = 60
# The disk is full or broken, or the process may open no more files: not the document's fault.
_TEMPORARY = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE),
    *(errno.EACCES, errno.EPERM, errno.ENOENT),
)

Limit = Callable[[int, int], None]
"""Limits the next document: to seconds of CPU, and to octets in each file."""
Order = dict[str, Any]
"""What stands behind the name of an order, as JSON has it: each kind of order has its own keys."""
Answer = dict[str, object]


def main(orders: IO[str], answers: IO[str]) -> None:
    """Carry out orders until there are no more."""
    limit_process()
    os.umask(0o077)
    with contextlib.suppress(OSError):
        # Reception goes before printing.
        os.nice(19)

    def answer(words: Answer) -> None:
        answers.write(json.dumps(words) + "\n")
        answers.flush()

    for line in orders:
        carry_out(json.loads(line), answer)


def carry_out(
    order: dict[str, Order],
    answer: Callable[[Answer], None],
    limit: Limit = limit_document,
) -> None:
    """Carry out one order; `answer` is called for its pages and its end, `limit` before a file is read."""
    try:
        if "print" in order:
            page_done = lambda page: answer({"page": page})  # noqa: E731
            answer({"printed": _print(order["print"], page_done, limit)})
        elif "read" in order:
            answer({"read": _read(order["read"], limit)})
        elif "set" in order:
            answer({"set": _set(order["set"], limit)})
        elif "summarize" in order:
            answer({"summarized": _summarize(order["summarize"], limit)})
        elif "show" in order:
            answer({"shown": _show(order["show"], limit)})
        elif "extract" in order:
            answer({"extracted": _extract(order["extract"], limit)})
        else:
            answer({"drawn": _draw(order["draw"], limit)})
    except MemoryFull:
        answer(_failed("What it comes to is larger than it may be."))
    except ScanRefused as refused:
        answer(_failed(f"{refused}."))
    except MemoryError:
        answer(_failed("It takes too much memory."))
    except OSError as error:
        if error.errno == errno.EFBIG:
            answer(_failed("What it comes to is larger than it may be."))
        elif error.errno in _TEMPORARY:
            words = f"{error.filename or 'a file'}: {error.strerror}"
            answer({"failed": {"code": None, "words": words}})
        else:
            # Raised by a library, at what it was to decode.
            answer(_broken())
    except Exception:
        # Libraries raise exceptions of many kinds at hostile files.
        answer(_broken())


def _print(order: Order, page_done: Callable[[int], None], limit: Limit) -> Answer:
    # Imported once the limits hold: these modules decode.
    from irsend.imaging.mail_to_pdf import PrintOptions, print_mail
    from irsend.message.fragments import open_reassembled

    given = {name: order[name] for name in _OPTIONS if name in order}
    instead = order.get("instead")
    options = PrintOptions(
        prints=tuple(order.get("prints", ())),
        instead=Problem(**instead) if instead else None,
        **given,
    )
    limit(order.get("seconds", _SECONDS), options.most_octets)
    with open_reassembled([Path(one) for one in order["files"]]) as mail:
        printed = print_mail(mail, Path(order["into"]), options, page_done)
    return {
        "file": printed.file.name,
        "pages": printed.pages,
        "codes": printed.codes,
        "notices": printed.notices,
        "from": printed.sender,
        "subject": printed.subject,
        "message_id": printed.message_id,
        "images": printed.images,
    }


def _draw(order: Order, limit: Limit) -> Answer:
    from irsend.imaging.rasterization import rasterize_page

    limit(order.get("seconds", _SECONDS), order.get("most_octets", _DRAWN_OCTETS))
    into = Path(order["into"])
    width, height = rasterize_page(
        Path(order["file"]),
        order["page"],
        into,
        order["dots"],
        crop_to_ink=order.get("crop_to_ink", False),
    )
    return {"file": str(into), "width": width, "height": height}


def _read(order: Order, limit: Limit) -> Answer:
    from attrs import asdict

    from irsend.imaging.text_layer import read_page

    limit(order.get("seconds", _SECONDS), order.get("most_octets", _DRAWN_OCTETS))
    return asdict(read_page(Path(order["file"]), order["page"]))


def _set(order: Order, limit: Limit) -> Answer:
    from irsend.imaging.text_pages import text_pdf
    from irsend.imaging.text_wrap import wrapped

    limit(order.get("seconds", _SECONDS), order.get("most_octets", _DRAWN_OCTETS))
    lines = tuple(wrapped(order["text"]))
    pdf, pages = text_pdf(lines, order["paper"], order.get("title", ""))
    into = Path(order["into"])
    into.write_bytes(pdf)
    return {"file": str(into), "pages": pages}


def _summarize(order: Order, limit: Limit) -> Answer:
    from irsend.message.mail_content import summarize_mail

    limit(order.get("seconds", _SECONDS), order.get("most_octets", _DRAWN_OCTETS))
    with Path(order["into"]).open("w", encoding="ascii") as into:
        for name in order["files"]:
            summary = None
            with contextlib.suppress(FileNotFoundError), Path(name).open("rb") as mail:
                summary = summarize_mail(mail)
            into.write(json.dumps(summary) + "\n")
    return {"file": order["into"]}


def _show(order: Order, limit: Limit) -> Answer:
    from irsend.message.mail_content import show_mail

    limit(order.get("seconds", _SECONDS), order.get("most_octets", _DRAWN_OCTETS))
    with Path(order["file"]).open("rb") as mail:
        Path(order["into"]).write_text(json.dumps(show_mail(mail)) + "\n", "ascii")
    return {"file": order["into"]}


def _extract(order: Order, limit: Limit) -> Answer:
    from irsend.message.mail_content import read_mail

    limit(order.get("seconds", _SECONDS), order.get("most_octets", _MAIL_OCTETS))
    with Path(order["file"]).open("rb") as mail:
        content = read_mail(mail)
    leaf = content.leaves[order["part"] - 1]
    Path(order["into"]).write_bytes(leaf.content(content.octets))
    return {"file": order["into"]}


def _broken() -> Answer:
    # Only this document fails; the traceback shows the cause on standard error.
    traceback.print_exc()
    return _failed("It cannot be printed.")


def _failed(words: str) -> Answer:
    return {"failed": {"code": UNDECODABLE, "words": words}}


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
