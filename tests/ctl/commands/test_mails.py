"""`mails` and `mail`."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path

from tests.ctl.calls import PATIENCE, CallCase, command, environment
from tests.ctl.stand_in import BARE_MAIL, MAIL, MAIL_CONTENT, RAW_MAIL, Answer, problem


class MailsTests(CallCase):
    """`mails`."""

    def test_list(self) -> None:
        """Each mail is a row: id, From field, envelope recipients, subject, size, files."""
        lines = self.call("mails").out.splitlines()
        self.assertRegex(lines[0], r"^ID  ?Received \(\w+\) +From +To +Subject +Size +Files$")
        for word in (
            "7",
            "José <jose@bench.test>",
            "scan@bench.test, b@bench.test",
            "Invoice 17",
        ):
            self.assertIn(word, lines[2])
        self.assertRegex(lines[2], r"48\.2 kB  ?invoice\.pdf$")
        self.assertRegex(lines[3], r"^ ?6 .*48\.2 kB$")

    def test_filters(self) -> None:
        """Each filter goes to the machine by its name, and what is not given is left out."""
        self.call(
            *("mails", "--from", "ann", "--to", "scan@", "--subject", "Grüße", "--text", "a b"),
            *("--session", "12", "--limit", "5", "--before", "9", "--since", "1700000000.5"),
        )
        self.assertEqual(
            self.machine.last("GET", "/api/mails").query,
            {
                "from": "ann",
                "to": "scan@",
                "subject": "Grüße",
                "text": "a b",
                "session": "12",
                "limit": "5",
                "before": "9",
                "since": "1700000000.5",
            },
        )
        self.call("mails")
        self.assertEqual(self.machine.last("GET", "/api/mails").query, {})

    def test_since(self) -> None:
        """A time without a zone is a local one, of today where it has no date; it goes with its zone."""
        today = datetime.date.today()
        for given, meant in (
            ("2026-11-28T14:03Z", "2026-11-28T14:03:00+00:00"),
            ("2026-11-28T14:03:07+02:00", "2026-11-28T12:03:07+00:00"),
            ("2026-11-28 14:03", local(datetime.datetime(2026, 11, 28, 14, 3))),
            ("2026-11-28", local(datetime.datetime(2026, 11, 28))),
            ("14:03", local(datetime.datetime.combine(today, datetime.time(14, 3)))),
            ("9:03:07", local(datetime.datetime.combine(today, datetime.time(9, 3, 7)))),
        ):
            self.call("mails", "--since", given)
            sent = self.machine.last("GET", "/api/mails").query["since"]
            self.assertIn("T", sent)
            self.assertEqual(
                datetime.datetime.fromisoformat(sent), datetime.datetime.fromisoformat(meant)
            )
        for given in ("soon", "25:00", "2026-13-01", "", "-5", "9"):
            ended = self.call("mails", f"--since={given}")
            self.assertEqual(ended.status, 2, given)
            self.assertIn("is not allowed; allowed: a local time such as 14:03", ended.err)

    def test_none(self) -> None:
        """No rows are a sentence, which says whether there was a filter."""
        self.machine.answers["GET /api/mails"] = Answer(body=[])
        self.assertEqual(self.call("mails").out, "No mails yet.\n")
        self.assertEqual(self.call("mails", "--to", "x").out, "No such mails.\n")

    def test_for_programs(self) -> None:
        """With --json the machine's array is printed."""
        self.assertEqual(json.loads(self.call("mails", "--json").out), [MAIL, BARE_MAIL])


class MailTests(CallCase):
    """`mail`."""

    def test_whole(self) -> None:
        """Head, text and attachments are shown, control characters escaped."""
        ended = self.call("mail", "7")
        self.assertEqual((ended.status, ended.err), (0, ""))
        for line in (
            "Mail      7\n",
            "From      José <jose@bench.test>\n",
            "Envelope  bounce@bench.test to scan@bench.test, b@bench.test\n",
            "Subject   Invoice 17\n",
            "Size      48.2 kB\n",
            "Job       5001\n",
            "\n\nDear printer,\n        page\\x1b[2J 1\n\n",
            "   2  invoice.pdf  application/pdf  13 B\n",
        ):
            self.assertIn(line, ended.out)

    def test_bare(self) -> None:
        """A mail without fields and text is shown without their rows."""
        out = self.call("mail", "6").out
        self.assertIn("Document  none\n\n(no text)\n", out)
        for word in ("From", "To", "Envelope", "Session", "None"):
            self.assertNotIn(word, out)

    def test_headers(self) -> None:
        """--headers shows all header fields in their order, in place of the chosen ones."""
        out = self.call("mail", "7", "--headers").out
        self.assertTrue(
            out.startswith("From    José <jose@bench.test>\nX-Evil  a\\x1b[2Jb\n\nDear"), out
        )

    def test_long_lines(self) -> None:
        """A long line of a mail's text is one line in a pipe."""
        self.machine.answers["GET /api/mails/7"] = Answer(
            body={**MAIL_CONTENT, "text": "word " * 1000}
        )
        self.assertIn("word " * 999 + "word", self.call("mail", "7").out)

    def test_octets(self) -> None:
        """--raw and --part write the octets that the machine has, into a pipe and into a file."""
        for arguments, octets in (
            (("--raw",), RAW_MAIL),
            (("--part", "1"), b"Dear\xff"),
            (("--part", "2"), b"%PDF-1.7\r\n\x00\xff"),
        ):
            ended = subprocess.run(
                command("mail", "7", *arguments),
                env=environment(self.machine.url),
                capture_output=True,
                timeout=PATIENCE,
            )
            self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, octets, b""))
            file = Path(self.mktemp())
            saved = self.call("mail", "7", *arguments, "--output", str(file))
            self.assertEqual((saved.status, saved.out), (0, f"Saved {file}\n"))
            self.assertEqual(file.read_bytes(), octets)

    def test_not_written_over(self) -> None:
        """Another file of that name stays as it is, and the exit status is 2."""
        file = Path(self.mktemp())
        file.write_text("mine", "utf-8")
        ended = self.call("mail", "7", "--raw", "-o", str(file))
        self.assertEqual((ended.status, file.read_text("utf-8")), (2, "mine"))
        self.assertIn("is there already", ended.err)

    def test_on_a_terminal(self) -> None:
        """A terminal is not steered by source or text; a part that is no text is not written to it."""
        for arguments in (("--raw",), ("--part", "1")):
            ended = self.call("mail", "7", *arguments, FORCE_COLOR="1")
            self.assertEqual(ended.status, 0)
            self.assertIn("Dear", ended.out)
            self.assertNotIn("\x1b[2J", ended.out)
        ended = self.call("mail", "7", "--part", "2", FORCE_COLOR="1")
        self.assertEqual((ended.status, ended.out), (2, ""))
        self.assertIn(
            "part 2 is application/pdf, which is nothing for a terminal; name a file with "
            "--output FILE, or redirect the output\n",
            ended.err,
        )

    def test_missing(self) -> None:
        """A mail or part that there is not ends with 1, the machine's sentence, and what lists them."""
        self.machine.answers["GET /api/mails/8"] = problem(404, "There is no mail 8.")
        self.machine.answers["GET /api/mails/7/parts/3"] = problem(404, "Mail 7 has no part 3.")
        ended = self.call("mail", "8")
        self.assertEqual(
            (ended.status, ended.err), (1, "There is no mail 8.\nSee: irsendctl mails\n")
        )
        ended = self.call("mail", "7", "--part", "3")
        self.assertEqual(
            (ended.status, ended.err), (1, "Mail 7 has no part 3.\nSee: irsendctl mail 7\n")
        )

    def test_delete(self) -> None:
        """--delete deletes the mail, in either form of output."""
        self.assertEqual(self.call("mail", "7", "--delete").out, "Mail 7 is deleted.\n")
        self.machine.last("DELETE", "/api/mails/7")
        self.assertEqual(
            json.loads(self.call("mail", "7", "--delete", "--json").out), {"deleted": [7]}
        )

    def test_contradictions(self) -> None:
        """Options that exclude each other are wrong use; nothing is asked."""
        for arguments, said in (
            (("--raw", "--part", "1"), "--raw does not go with --part"),
            (("--headers", "--delete"), "--headers does not go with --delete"),
            (("--output", "x"), "--output needs --raw or --part N"),
            (("--raw", "--json"), "--json does not go with --raw"),
            (
                ("--part", "0"),
                "--part: '0' is not allowed; allowed: a whole number from 1 to 99999",
            ),
        ):
            ended = self.call("mail", "7", *arguments)
            self.assertEqual(ended.status, 2)
            self.assertIn(said, ended.err)
        self.assertEqual(self.machine.asked, [])

    def test_for_programs(self) -> None:
        """With --json the machine's object is printed."""
        self.assertEqual(json.loads(self.call("mail", "7", "--json").out), MAIL_CONTENT)


def local(at: datetime.datetime) -> str:
    """Return a local time with its zone."""
    return at.astimezone().isoformat()
