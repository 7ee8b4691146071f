"""The communication report (docs/fidelity)."""

from __future__ import annotations

import csv
import datetime
import io
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from irsend.device.codes import CODES
from irsend.device.jobs import Job, Recipient
from irsend.device.local_time import LocalTime
from irsend.device.report import as_csv, as_text
from tests.time_zones import CENTRAL_EUROPE, use_zone

AT = 1_795_342_612.0
CLOCK = LocalTime(AT, datetime.UTC)
SUMMER = 1_782_000_000.0
"""2026-06-21T00:00:00Z"""


def job(**fields: Any) -> Job:
    """A job that was received, with these fields."""
    given = {
        "serial": 1,
        "number": "5001",
        "direction": "rx",
        "party": "a@bench.test",
        "started": AT,
        **fields,
    }
    return Job(**given)


def addressed(*addresses: str) -> tuple[Recipient, ...]:
    """Return these recipients."""
    return tuple(Recipient(address=one) for one in addresses)


class TextTests(SynchronousTestCase):
    """The report as a table."""

    def test_table(self) -> None:
        """Each job has its line: time, destination, number, mode, pages, result."""
        text = as_text(
            [
                job(number="5002", result="NG", code="#819"),
                job(result="OK", pages=3),
                job(number="0001", direction="tx", kind="ifax", result="--", pages=12),
            ],
            title="Canon imageRUNNER 2270",
            clock=CLOCK,
        )
        rule = "-" * 76
        self.assertEqual(
            text.splitlines(),
            [
                "                            COMMUNICATION REPORT",
                "Canon imageRUNNER 2270                                  2026-11-22 10:16 UTC",
                rule,
                "Start time        Destination               No.   Mode       Pages  Result",
                rule,
                "2026-11-22 10:16  a@bench.test              5002  E-mail RX         NG #819",
                "                  #819 received MIME wrong",
                "2026-11-22 10:16  a@bench.test              5001  E-mail RX      3  OK",
                "2026-11-22 10:16  a@bench.test              0001  I-Fax TX      12  --",
                rule,
            ],
        )

    def test_every_code_has_its_meaning(self) -> None:
        """Beneath the row of a job with a code stands what it means, within the width of the table."""
        for code, meaning in CODES.items():
            text = as_text([job(result="NG", code=code)], title="x", clock=CLOCK)
            rows = text.splitlines()[6:-1]
            self.assertEqual(" ".join(" ".join(rows).split()), f"{code} {meaning}")
            self.assertLessEqual(max(map(len, rows)), 76)

    def test_twenty_characters(self) -> None:
        """The first 20 characters of the destination are shown, on one line."""
        text = as_text([job(party="a\r\nb" + "c" * 30)], title="x", clock=CLOCK)
        self.assertIn("  a  b" + "c" * 16 + "      5001", text)

    def test_others(self) -> None:
        """Behind the 20 characters of several destinations stands how many others there are."""
        many = [f"destination-{number}@bench.test" for number in range(100)]
        sent = job(number="0001", direction="tx", party=many[0], recipients=addressed(*many))
        text = as_text([sent], title="x", clock=CLOCK)
        self.assertIn("  destination-0@bench. +99  0001  E-mail TX", text)
        received = job(recipients=addressed("a@bench.test", "b@bench.test"))
        self.assertNotIn("+", as_text([received], title="x", clock=CLOCK))

    def test_long_title(self) -> None:
        """The heading of a machine with a long name keeps name and time apart."""
        self.assertIn("x" * 80 + " 2026-11-22", as_text([], title="x" * 80, clock=CLOCK))

    def test_empty(self) -> None:
        """A report without jobs says so."""
        self.assertIn("Nothing sent or received yet.", as_text([], title="x", clock=CLOCK))

    def test_local_time(self) -> None:
        """Times are local, the heading names the zone, and a row of another zone has it beneath."""
        use_zone(self, CENTRAL_EUROPE)
        text = as_text([job(), job(started=SUMMER)], title="x", clock=LocalTime(AT))
        self.assertIn(" 2026-11-22 11:16 CET\n", text)
        self.assertIn("\n2026-11-22 11:16  a@", text)
        self.assertIn("\n2026-06-21 02:00  a@", text)
        self.assertEqual(text.count("(CEST)"), 1)
        self.assertIn(f"\n{' ' * 18}(CEST)\n", text)


class CSVTests(SynchronousTestCase):
    """The report for spreadsheets."""

    def rows(self, *jobs: Job) -> list[list[str]]:
        """Read the report back."""
        return list(csv.reader(io.StringIO(as_csv(jobs, clock=CLOCK))))

    def test_rows(self) -> None:
        """The columns are those of the table; subject, others, reason and meaning stand behind."""
        self.assertEqual(
            self.rows(job(result="NG", code="#819", subject='Scan, "page 1"', pages=1)),
            [
                [
                    *("Start time", "Destination", "No.", "Mode", "Pages", "Result"),
                    *("Subject", "Others", "Reason", "Meaning", "Zone"),
                ],
                [
                    "2026-11-22 10:16",
                    "a@bench.test",
                    "5001",
                    "E-mail RX",
                    "1",
                    "NG #819",
                    'Scan, "page 1"',
                    "",
                    "",
                    "received MIME wrong",
                    "UTC",
                ],
            ],
        )

    def test_local_time(self) -> None:
        """Each row names the zone of its time."""
        use_zone(self, CENTRAL_EUROPE)
        table = as_csv([job(), job(started=SUMMER)], clock=LocalTime(AT))
        rows = list(csv.reader(io.StringIO(table)))[1:]
        self.assertEqual(
            [(row[0], row[-1]) for row in rows],
            [("2026-11-22 11:16", "CET"), ("2026-06-21 02:00", "CEST")],
        )

    def test_several(self) -> None:
        """Of several destinations others are counted, and the reason says whose it is."""
        first, second, third = addressed("a@bench.test", "=b@bench.test", "c@bench.test")
        failed = evolve(second, result="NG", code="#806", reason="550 nobody")
        given = {"direction": "tx", "result": "NG", "code": "#806", "reason": "550 nobody"}
        row = self.rows(job(**given, recipients=(first, failed, third)))[1]
        self.assertEqual(
            (row[1], row[7:10]),
            ("a@bench.test", ["2", "'=b@bench.test: 550 nobody", "destination refused"]),
        )
        also = evolve(third, result="NG", code="#806", reason="550 too")
        row = self.rows(job(**given, recipients=(first, failed, also)))[1]
        self.assertEqual(row[8], "'=b@bench.test (and 1 more): 550 nobody")
        row = self.rows(job(**given, recipients=(failed,)))[1]
        self.assertEqual(row[7:10], ["", "550 nobody", "destination refused"])

    def test_formulas(self) -> None:
        """A cell from outside that a spreadsheet would compute gets an apostrophe in front."""
        for start in ("=", "+", "-", "@", "\t=", " =", "\r="):
            row = self.rows(job(party=f"{start}HYPERLINK()", subject=f"{start}1+1"))[1]
            self.assertEqual((row[1][0], row[6][0]), ("'", "'"), start)

    def test_result_is_ours(self) -> None:
        """The result -- stays as the machine writes it."""
        self.assertEqual(self.rows(job(result="--"))[1][5], "--")
