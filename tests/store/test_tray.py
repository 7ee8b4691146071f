"""The tray as a directory: what is in it after a crash, and what is in the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
from twisted.trial import unittest

from irsend.device.documents import Document
from irsend.device.jobs import Job
from irsend.errors import NoSuchRecord, StateError
from irsend.store.tray import PrintedMails, Tray
from tests.parts import at_once
from tests.store.threads import HeldThread


def document(number: str, **more: Any) -> Document:
    """Return a document."""
    about = {
        "serial": int(number),
        "pages": 1,
        "sender": "a",
        "subject": "é",
        "printed": 1000.0,
    }
    return Document(number=number, **{**about, **more})


def printed(number: str, **more: Any) -> PrintedMails:
    """Return the record of a document of one mail."""
    about = document(number, **more)
    job = Job(
        serial=about.serial,
        number=number,
        direction="rx",
        party="a",
        started=1,
        ended=2,
        result="NG",
        code="#827",
        mail_file=f"mail-{number}",
    )
    return PrintedMails(document=about, jobs=(job,))


class TrayTests(unittest.SynchronousTestCase):
    """A tray on a directory of the test's own."""

    def setUp(self) -> None:
        """Open it."""
        self.directory = Path(self.mktemp())
        self.tray = Tray(self.directory, at_once)
        self.assertEqual(self.tray.open_directory(), [])

    def keep(self, record: PrintedMails, content: bytes = b"%PDF") -> Document | None:
        """Put a document in."""
        pdf = self.tray.new_directory() / "printed.pdf"
        pdf.write_bytes(content)
        return self.successResultOf(self.tray.keep(pdf, record))

    def opened_again(self) -> list[PrintedMails]:
        """Return what another process finds."""
        return Tray(self.directory, at_once).open_directory()

    def test_kept(self) -> None:
        """Documents and records are found again oldest first; `documents` gives them newest first."""
        records = [
            printed("5002", codes=("#827",), notices=("é",), printed=1.0),
            printed("5001", printed=2.0),
        ]
        for one in records:
            self.assertIsNone(self.keep(one))
        self.assertEqual(self.opened_again(), records)
        self.assertEqual([one.number for one in self.tray.documents()], ["5001", "5002"])
        self.assertEqual(self.tray.path("5001").read_bytes(), b"%PDF")
        self.assertEqual(self.tray.path("5001").name, "5001.pdf")

    def test_not_there_before_it_is_safe(self) -> None:
        """A document is listed only when it will survive a crash."""
        thread = HeldThread()
        tray = Tray(self.directory, thread)
        pdf = tray.new_directory() / "printed.pdf"
        pdf.write_bytes(b"%PDF")
        kept = tray.keep(pdf, printed("5001"))
        self.assertRaises(NoSuchRecord, tray.find, "5001")
        thread.run_all()
        self.successResultOf(kept)
        self.assertEqual(tray.find("5001").number, "5001")

    def test_left_behind(self) -> None:
        """No place is given twice: what a worker of the machine before still writes stays its own."""
        places = [self.tray.new_directory()]
        again = Tray(self.directory, at_once)
        again.open_directory()
        places.append(again.new_directory())
        self.assertNotEqual(*places)
        self.assertFalse(places[0].exists())

    def test_in_the_place_of_another(self) -> None:
        """A document of the same number replaces the older one, which is returned."""
        first, second = printed("5001"), printed("5001", serial=9000)
        self.keep(first, b"old")
        self.assertEqual(self.keep(second, b"new"), first.document)
        self.assertEqual(self.tray.path("5001").read_bytes(), b"new")
        self.assertEqual(self.opened_again(), [second])

    def test_halves(self) -> None:
        """A PDF without a record, a record without a PDF, and what was being printed are nothing."""
        self.keep(printed("5001"))
        self.tray.new_directory()
        (self.directory / "5002.pdf").write_bytes(b"%PDF")
        (self.directory / "5003.json").write_bytes(b"{}")
        self.assertEqual(self.opened_again(), [printed("5001")])
        self.assertEqual(
            sorted(one.name for one in self.directory.iterdir()),
            ["5001.json", "5001.pdf", "tmp"],
        )
        self.assertEqual(list((self.directory / "tmp").iterdir()), [])

    def test_unreadable(self) -> None:
        """A record that cannot be read is named."""
        self.keep(printed("5001"))
        for content in (b"nonsense", b"{}", json.dumps({"document": {}, "jobs": []}).encode()):
            (self.directory / "5001.json").write_bytes(content)
            error = self.assertRaises(StateError, self.opened_again)
            self.assertIn("5001.json cannot be read", str(error))

    def test_removed(self) -> None:
        """What is taken out is gone, record and PDF; one that is not there does not matter."""
        self.keep(printed("5001"))
        about = self.tray.find("5001")
        for _ in range(2):
            self.successResultOf(self.tray.remove([about]))
        self.assertEqual(self.opened_again(), [])
        self.assertRaises(NoSuchRecord, self.tray.path, "5001")

    def in_the_way(self, **limits: Any) -> list[tuple[str, str]]:
        """Return what is too much by these limits."""
        given = {"most": 100, "days": 0, "octets": 10**9, **limits}
        found = self.tray.beyond_limits(1000.0 + 10 * 86_400, **given)
        return [(one.number, why) for one, why in found]

    def test_too_many(self) -> None:
        """By number, age and size the oldest go first, no more than need be, and never the last by size."""
        for number in range(1, 5):
            when = 1000.0 + number * 86_400
            record = printed(f"500{number}", printed=when, size=4_000_000)
            self.keep(attrs.evolve(record))
        self.assertEqual(self.in_the_way(), [])
        self.assertEqual(
            self.in_the_way(most=2),
            [(one, "there are more than 2 documents") for one in ("5001", "5002")],
        )
        self.assertEqual(self.in_the_way(days=8), [("5001", "it is older than 8 days")])
        self.assertEqual(
            self.in_the_way(octets=9_000_000),
            [(one, "the tray holds more than 9 MB") for one in ("5001", "5002")],
        )
        self.assertEqual(
            [one for one, _ in self.in_the_way(octets=1)], ["5001", "5002", "5003"]
        )
