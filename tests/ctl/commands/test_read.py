"""The commands that read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.ctl.calls import PATIENCE, CallCase, command, environment
from tests.ctl.stand_in import (
    HISTORY,
    JOB,
    KEY,
    REJECTED,
    REPORT,
    SESSION,
    STATUS,
    WINDOWS,
    Answer,
)
from tests.time_zones import use_zone

SENT = {
    **JOB,
    "number": "0007",
    "direction": "tx",
    "party": "b@bench.test",
    "pages": 2,
    "result": "NG",
    "code": "#806",
    "code_text": "destination refused",
    "reason": "550 Nobody",
    "size": 1000,
    "recipients": [
        {"address": "b@bench.test", "result": "--", "code": None, "reason": ""},
        {
            "address": "c@bench.test",
            "result": "NG",
            "code": "#806",
            "code_text": "destination refused",
            "reason": "550 Nobody",
        },
    ],
    "sessions": [3, 4],
    "started": "2026-11-20T09:15:00.000+00:00",
    "ended": "2026-11-20T09:15:02.000+00:00",
}


class MeaningTests(CallCase):
    """Codes with their meaning, and the status line with its cause."""

    def test_cause(self) -> None:
        """The status has what its text means, the setting that drew it, what to do, and the session."""
        cause = {
            "session": 12,
            "meaning": "A client brought a mail in plain text.",
            "setting": "authent_encryption.allow_ssl_smtp_receive",
            "label": "Allow SSL (SMTP Receive)",
            "remedy": "Turn STARTTLS on.",
        }
        self.machine.answers["GET /api/status"] = Answer(body={**STATUS, "cause": cause})
        out = self.call("status").out
        for row in (
            r"Meaning +A client brought a mail in plain text\.\n",
            r"Setting +Allow SSL \(SMTP Receive\) \(authent_encryption\.allow_ssl_smtp_receive\)\n",
            r"To do +Turn STARTTLS on\.\n",
            r"Session +12, as irsendctl transcript shows it\n",
        ):
            self.assertRegex(out, row)

    def test_codes(self) -> None:
        """A code has its meaning beside it in the lists of jobs and sessions, and in one job."""
        failed = {**SESSION, "result": "NG", "code": "#806", "code_text": "destination refused"}
        self.machine.answers["GET /api/jobs"] = Answer(body=[SENT])
        self.machine.answers["GET /api/jobs/0007"] = Answer(body=SENT)
        self.machine.answers["GET /api/sessions"] = Answer(body=[failed])
        for words in (("jobs",), ("job", "0007"), ("sessions",)):
            out = self.call(*words).out
            self.assertRegex(out, "NG #806[: ]+destination refused", words)
        self.assertEqual(self.call("job", "0007").out.count("destination refused"), 2)
        for line in self.call("jobs", COLUMNS="80").out.splitlines():
            self.assertLessEqual(len(line), 80)


class StatusTests(CallCase):
    """`status`."""

    def test_status_line(self) -> None:
        """The status line's text stands in the output exactly as the machine has it."""
        self.machine.answers["GET /api/status"].body["status_line"] = "SSL Error (SMTP Receive)"
        ended = self.call("status")
        self.assertEqual(ended.status, 0)
        self.assertIn("Status line  SSL Error (SMTP Receive)\n", ended.out)

    def test_all_is_well(self) -> None:
        """An empty status line, model, memory and paper are shown in words."""
        out = self.call("status").out
        for said in ("(empty)", "imageRUNNER 2270 (ir2270)", "1.2 MB of 512 MB", "loaded"):
            self.assertIn(said, out)

    def test_login_delay(self) -> None:
        """A LOGIN-DELAY of the POP server is shown with its end."""
        self.assertNotIn("POP login", self.call("status").out)
        body = self.machine.answers["GET /api/status"].body
        body["next_login"] = "2026-11-20T09:23:00+00:00"
        self.assertRegex(self.call("status").out, r"POP login +not before .*:\d\d")

    def test_mac_filter(self) -> None:
        """The MAC address filter is shown where it is on, with its way and what it has dropped."""
        self.assertNotIn("MAC filter", self.call("status").out)
        body = self.machine.answers["GET /api/status"].body
        for way, what in (("kernel", "frames dropped"), ("neighbour", "connections refused")):
            body["mac_filter"] = {"on": True, "way": way, "dropped": 7}
            self.assertIn(f"MAC filter   on ({way}), 7 {what}\n", self.call("status").out)

    def test_no_paper(self) -> None:
        """Without paper the status says so, and that mail waits in memory."""
        self.machine.answers["GET /api/status"].body["paper"] = False
        out = self.call("status").out
        self.assertIn("Paper        out; what is received waits in memory\n", out)

    def test_memory(self) -> None:
        """Memory that is full, or nearly, is called so beside its figures."""
        memory = self.machine.answers["GET /api/status"].body["memory"]
        for used, said in (
            (480_000_000, ""),
            (490_000_000, ", nearly full"),
            (512_000_000, ", full"),
        ):
            memory["used"] = used
            told = f"Memory       {used // 1_000_000} MB of 512 MB in use{said}\n"
            self.assertIn(told, self.call("status").out)

    def test_json(self) -> None:
        """--json prints the machine's JSON, wherever among the arguments it stands."""
        for arguments in (("--json", "status"), ("status", "--json")):
            self.assertEqual(json.loads(self.call(*arguments).out), STATUS)

    def test_history(self) -> None:
        """--history shows the past texts of the status line, each with its session."""
        ended = self.call("status", "--history")
        self.assertRegex(ended.out, r"SSL Error \(SMTP RX Reject\) +3\n")
        self.assertEqual(json.loads(self.call("status", "--history", "--json").out), HISTORY)

    def test_no_history(self) -> None:
        """An empty history is a sentence, not a table without rows."""
        self.machine.answers["GET /api/status/history"] = Answer(body=[])
        self.assertEqual(
            self.call("status", "--history").out, "Nothing has stood on the status line yet.\n"
        )


class SettingsTests(CallCase):
    """`settings`."""

    def test_windows(self) -> None:
        """Each window stands under the keys pressed to reach it."""
        out = self.call("settings").out
        path = "Additional Functions > System Settings > Network Settings > E-mail/I-Fax"
        self.assertIn(f"{path}\n", out)
        self.assertIn(f"{path} > Authent./Encryption\n", out)

    def test_item_on_a_line(self) -> None:
        """Where no terminal sets a width, an item is one line: label, key, value, allowed."""
        out = self.call("settings").out
        self.assertRegex(
            out,
            r"Allow SSL \(SMTP Receive\) +authent_encryption\.allow_ssl_smtp_receive"
            r" +off +off, on or ssl\n",
        )
        self.assertRegex(out, r"POP Interval +email_ifax\.pop_interval +0 +0 to 99 minutes\n")

    def test_eighty_columns(self) -> None:
        """In 80 columns no line is longer, and every key is whole and beside its value."""
        out = self.call("settings", COLUMNS="80").out
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        for window in WINDOWS:
            for item in window["items"]:
                self.assertIn(item["key"], out)
        self.assertRegex(out, r"authent_encryption.allow_ssl_smtp_receive +off\n")

    def test_secret(self) -> None:
        """A secret is shown as dots, as many for every password."""
        self.assertRegex(self.call("settings").out, r"POP Password .*••••••")

    def test_one_window(self) -> None:
        """A window's key shows that window alone, with or without "settings." before it."""
        for window in ("email_ifax", "settings.email_ifax"):
            out = self.call("settings", window).out
            self.assertIn("POP Interval", out)
            self.assertNotIn("Allow SSL", out)

    def test_no_such_window(self) -> None:
        """A window that the machine refuses ends with 1 and the machine's sentence."""
        ended = self.call("settings", "fax/../status")
        self.assertEqual((ended.status, ended.out), (1, ""))
        self.assertIn("There is nothing at /api/settings/fax%2F..%2Fstatus", ended.err)


class JobsTests(CallCase):
    """`jobs` and `report`."""

    def test_jobs(self) -> None:
        """A job's row has its number, party, subject and result with code."""
        self.machine.answers["GET /api/jobs"].body.append(
            {**JOB, "number": "5000", "result": "NG", "code": "#818"}
        )
        out = self.call("jobs").out
        self.assertRegex(out, r"5001 +rx email +scanner@bench.test +Attached Image +OK ")
        self.assertRegex(out, r"5000 .* NG #818 ")

    def test_several_recipients(self) -> None:
        """A job for several recipients shows how many others there are, and the code of the failure."""
        self.machine.answers["GET /api/jobs"] = Answer(body=[SENT])
        self.assertRegex(self.call("jobs").out, r"0007 +tx email +b@bench.test \+1 .* NG #806 ")

    def test_job(self) -> None:
        """One job is shown in detail: code with its text, reason, times, recipients, sessions."""
        self.machine.answers["GET /api/jobs/0007"] = Answer(body=SENT)
        for number in ("0007", "7"):
            told = self.call("job", number)
            self.assertEqual((told.status, told.err), (0, ""))
        for line in (
            r"Job +0007\n",
            r"Mode +E-mail, sent\n",
            r"To +b@bench.test \+1\n",
            r"Result +NG #806 destination refused\n",
            r"Reason +550 Nobody\n",
            r"Pages +2\n",
            r"Size +1.0 kB\n",
            r"Started +2026-11-20 \d\d:15:00 \S+\n",
            r"Ended +2026-11-20 \d\d:15:02 \S+\n",
            r"Sessions +3 4\n",
            r"b@bench.test +--",
            r"c@bench.test +NG #806 destination refused +550 Nobody\n",
        ):
            self.assertRegex(told.out, line)
        self.assertEqual(json.loads(self.call("job", "7", "--json").out), SENT)

    def test_received_job(self) -> None:
        """A received job shows its sender, and one under way that it has not ended."""
        body = {**JOB, "result": "waiting", "ended": None}
        self.machine.answers["GET /api/jobs/5001"] = Answer(body=body)
        out = self.call("job", "5001").out
        for line in (r"From +scanner@bench.test\n", r"Result +waiting\n", r"Ended +not yet\n"):
            self.assertRegex(out, line)

    def test_no_such_job(self) -> None:
        """An unknown number is a refusal; text that is no number is wrong use."""
        self.assertEqual(self.call("job", "4999").status, 1)
        for wrong in ("12345", "x", "-1", ""):
            self.assertEqual(self.call("job", "--", wrong).status, 2, wrong)

    def test_no_jobs(self) -> None:
        """No jobs are a sentence for people and an empty array for programs."""
        self.machine.answers["GET /api/jobs"] = Answer(body=[])
        self.assertEqual(self.call("jobs").out, "No jobs yet.\n")
        self.assertEqual(json.loads(self.call("jobs", "--json").out), [])

    def test_report(self) -> None:
        """The report is printed as it was served, in the requested format."""
        self.assertIn("COMMUNICATION REPORT\n", self.call("report").out)
        self.assertTrue(self.call("report", "--format", "csv").out.startswith("number"))

    def test_report_in_utc(self) -> None:
        """With IRSEND_UTC or --utc the report too is in UTC; without it the machine's own clock holds."""
        self.call("report", IRSEND_UTC="1")
        self.call("report", "--utc")
        self.call("report")
        asked = [one.query for one in self.machine.asked if one.path == "/api/report"]
        utc, local = {"format": "text", "clock": "utc"}, {"format": "text"}
        self.assertEqual(asked, [utc, utc, local])

    def test_utc(self) -> None:
        """With --utc, before a command or behind it, times are UTC and say so; else they are local."""
        use_zone(self, "<+0530>-5:30")
        self.machine.answers["GET /api/jobs/0007"] = Answer(body=SENT)
        for arguments in (("--utc", "job", "0007"), ("job", "0007", "--utc")):
            self.assertIn("Started   2026-11-20 09:15:00 UTC\n", self.call(*arguments).out)
        shown = self.call("job", "0007").out
        self.assertIn("Started   2026-11-20 14:45:00 UTC+0530\n", shown)

    def test_report_as_pdf(self) -> None:
        """A PDF comes out of a pipe octet for octet, and with --save in a file; none goes to a terminal."""
        pdf = REPORT["pdf"].encode("latin-1")
        running = subprocess.run(
            command("report", "--format", "pdf"),
            env=environment(self.machine.url),
            capture_output=True,
            timeout=PATIENCE,
        )
        self.assertEqual((running.returncode, running.stdout, running.stderr), (0, pdf, b""))
        file = Path(self.mktemp())
        told = self.call("report", "--format", "pdf", "--save", str(file))
        self.assertEqual((told.status, told.out), (0, f"Saved {file}\n"))
        self.assertEqual(file.read_bytes(), pdf)
        told = self.call("report", "--format", "pdf", FORCE_COLOR="1")
        self.assertEqual((told.status, told.out), (2, ""))
        self.assertIn("--save FILE", told.err)

    def test_report_is_not_written_over(self) -> None:
        """Another file of that name stays as it is, and the exit status is 2."""
        file = Path(self.mktemp())
        file.write_text("mine", "utf-8")
        told = self.call("report", "--format", "csv", "--save", str(file))
        self.assertEqual((told.status, file.read_text("utf-8")), (2, "mine"))
        self.assertIn("is there already", told.err)

    def test_report_for_programs(self) -> None:
        """With --json the report is its jobs as data."""
        self.assertEqual(json.loads(self.call("report", "--json").out), [JOB])


class SessionsTests(CallCase):
    """`sessions` and `transcript`."""

    def test_sessions(self) -> None:
        """A session's row has its result, its text on the status line, and the reason."""
        out = self.call("sessions").out
        self.assertRegex(out, r"12  .* smtp-receive +192\.0\.2\.17 +1\.2 +48\.2 kB +OK\n")
        self.assertRegex(
            out, r"NG: SSL Error \(SMTP RX Reject\); the peer sent MAIL in plain text"
        )

    def test_eighty_columns(self) -> None:
        """In 80 columns no line is longer, and the text of the status line is not folded."""
        out = self.call("sessions", COLUMNS="80").out
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        self.assertIn("SSL Error (SMTP RX Reject); the peer", out)

    def test_filters(self) -> None:
        """Filters are asked of the machine, the code with its sign, the result in capitals."""
        self.call(
            *("sessions", "--kind", "pop-receive", "--peer", "192.0.2.1", "--result", "ng"),
            *("--code", "810", "--limit", "3"),
        )
        self.assertEqual(
            self.machine.last("GET", "/api/sessions").query,
            {
                "kind": "pop-receive",
                "peer": "192.0.2.1",
                "result": "NG",
                "code": "#810",
                "limit": "3",
            },
        )

    def test_unknown_kind(self) -> None:
        """A kind that there is not is wrong use, and those that there are are named."""
        ended = self.call("sessions", "--kind", "fax")
        self.assertEqual(ended.status, 2)
        self.assertIn("pop-receive", ended.err)

    def test_newest(self) -> None:
        """A table has the newest 20 and says so; --json has all that the machine gives."""
        many = [{**SESSION, "id": 100 - at} for at in range(30)]
        self.machine.answers["GET /api/sessions"] = Answer(body=many)
        ended = self.call("sessions")
        self.assertEqual(len(ended.out.splitlines()), 22)
        self.assertIn("newest 20", ended.err)
        self.assertEqual(len(json.loads(self.call("sessions", "--json").out)), 30)

    def test_transcript(self) -> None:
        """Each line has its time and speaker; from where TLS begins a bar runs beside them."""
        out = self.call("transcript", "12").out
        self.assertRegex(out, r"\d\d:\d\d:00\.010    C: STARTTLS\n")
        self.assertRegex(out, r"\d\d:\d\d:00\.010 ┏━ -- TLS 1\.2 ECDHE-RSA")
        self.assertRegex(out, r"\d\d:\d\d:00\.010 ┃  C: EHLO")

    def test_terminal_is_not_steered(self) -> None:
        """A control character that a peer sent is shown as an escape, never written."""
        out = self.call("transcript", "12").out
        self.assertIn(r"\x1b[2J", out)
        self.assertNotIn("\x1b", out)

    def test_plain(self) -> None:
        """--plain prints the transcript as the machine serves it as text."""
        self.assertEqual(
            self.call("transcript", "12", "--plain").out,
            "S: 220 ir2270.bench.test ESMTP ready\nC: EHLO scanner.bench.test\n",
        )

    def test_unknown_session(self) -> None:
        """A session that there is not ends with 1."""
        self.assertEqual(self.call("transcript", "99").status, 1)

    def test_malformed_session(self) -> None:
        """A session's id that is no number is wrong use."""
        self.assertEqual(self.call("transcript", "last").status, 2)


class KeyTests(CallCase):
    """`key show`."""

    def test_certificate(self) -> None:
        """A certificate is shown with its names and its end, in either form of the answer."""
        for body in (KEY, {"certificate": KEY}):
            self.machine.answers["GET /api/key"] = Answer(body=body)
            out = self.call("key", "show").out
            self.assertIn("localhost, 127.0.0.1", out)
            self.assertRegex(out, r"Not after +2036-11-")

    def test_no_certificate(self) -> None:
        """A machine without a certificate is a sentence."""
        self.machine.answers["GET /api/key"] = Answer(body={"certificate": None})
        self.assertIn("no certificate", self.call("key", "show").out)

    def test_rejected_session_is_whole(self) -> None:
        """--json prints every member of a session."""
        rows = json.loads(self.call("sessions", "--json").out)
        self.assertEqual(rows, [SESSION, REJECTED])
