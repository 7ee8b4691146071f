"""`send`: the upload, the output about the job, and the exit status."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import threading
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl.commands.send import FORMATS, OPTIONS, PAPERS, RESOLUTIONS
from irsend.ctl.errors import FileChanged
from irsend.ctl.http_client import Machine
from irsend.ctl.input_files import open_original
from irsend.ctl.progress import Bar
from irsend.device.send_order import ORDER_ITEMS
from tests.ctl.calls import PATIENCE, CallCase, Ended, command, environment
from tests.ctl.stand_in import Answer, problem
from tests.ctl.terminals import Terminal

_ROOT = Path(__file__).parents[2]

JOB: dict[str, Any] = {
    "number": "0007",
    "direction": "tx",
    "kind": "email",
    "party": "b@bench.test",
    "subject": "Attached Image",
    "pages": 2,
    "result": "waiting",
    "code": None,
    "reason": "",
    "size": 1000,
    "recipients": [
        {"address": "b@bench.test", "result": "waiting", "code": None, "reason": ""}
    ],
    "sessions": [],
    "started": "2026-11-20T09:15:00.000+00:00",
    "ended": None,
}


def ended(result: str, **more: Any) -> dict[str, Any]:
    """Return the job as it ended."""
    recipients = [{**JOB["recipients"][0], "result": result}]
    at = "2026-11-20T09:15:02.000+00:00"
    return {**JOB, "result": result, "recipients": recipients, "ended": at, **more}


class SendTests(CallCase):
    """The command."""

    def setUp(self) -> None:
        """Make a file to send, and let the machine take it."""
        super().setUp()
        self.file = Path(self.mktemp())
        self.file.write_bytes(b"%PDF-1.4 a page")
        self.machine.answers["POST /api/send"] = Answer(202, JOB)
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, ended("--"))

    def send(self, *arguments: str, **env: str) -> Ended:
        """Send the file."""
        return self.call("send", str(self.file), *arguments, **env)

    def test_form(self) -> None:
        """Files and options go as a form, without the options that were not given."""
        told = self.send(
            "--to", "b@bench.test", "--to", "c@bench.test", "--subject", "Grüße", "--ifax",
            "--full", "--format", "TIFF", "--resolution", "300", "--paper", "a4",
            "--smtp-user", "tim",
        )  # fmt: skip
        self.assertEqual(told.status, 0)
        asked = self.machine.last("POST", "/api/send")
        self.assertTrue(asked.headers["content-type"].startswith("multipart/form-data"))
        parts = asked.body.split(b"Content-Disposition: form-data; ")[1:]
        fields = [part.partition(b"\r\n--")[0].split(b"\r\n\r\n", 1) for part in parts]
        said = [(head.partition(b"\r\n")[0].decode(), value.decode()) for head, value in fields]
        self.assertEqual(
            said,
            [
                ('name="to"', "b@bench.test"),
                ('name="to"', "c@bench.test"),
                ('name="kind"', "ifax"),
                ('name="full"', "on"),
                ('name="subject"', "Grüße"),
                ('name="format"', "tiff"),
                ('name="resolution"', "300x300"),
                ('name="paper"', "A4"),
                ('name="user"', "tim"),
                (f'name="page"; filename="{self.file.name}"', "%PDF-1.4 a page"),
            ],
        )

    def test_handed_over(self) -> None:
        """A mail that the server took is reported so, and the exit status is 0."""
        told = self.send("--to", "b@bench.test")
        self.assertEqual((told.status, told.err), (0, ""))
        self.assertEqual(told.out, "Job 0007: --, 2 pages, handed to the server\n")
        job = ended("--", reason="handed to the server; delivery is not confirmed")
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, job)
        self.assertEqual(
            self.send("--to", "b@bench.test").out,
            "Job 0007: --, 2 pages, handed to the server; delivery is not confirmed\n",
        )

    def test_failed(self) -> None:
        """NG is printed with code and reason, for each of several recipients; the status is 1."""
        recipients = [
            {"address": "b@bench.test", "result": "--", "code": None, "reason": ""},
            {"address": "c@bench.test", "result": "NG", "code": "#806", "reason": "550 Nobody"},
        ]
        job = ended("NG", code="#806", reason="550 Nobody.", recipients=recipients)
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, job)
        told = self.send("--to", "b@bench.test,c@bench.test")
        self.assertEqual(told.status, 1)
        self.assertIn("Job 0007: NG #806, 2 pages; 550 Nobody\n", told.out)
        self.assertRegex(told.out, r"c@bench.test +NG #806 +550 Nobody")

    def test_followed(self) -> None:
        """While the job runs its events are followed until it has ended."""
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, JOB)
        self.machine.tell(1, "job", {**JOB, "number": "0008", "ended": "x", "result": "NG"})
        self.machine.tell(2, "session", {"id": 1, "bytes": 500})
        self.machine.tell(3, "job", ended("OK"))
        told = self.send("--to", "b@bench.test")
        self.assertEqual((told.status, told.out), (0, "Job 0007: OK, 2 pages\n"))

    def test_what_it_waits_for(self) -> None:
        """Each change of the job's state or reason is a line on stderr, once; not for programs."""
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, JOB)
        reason = "attempt 1 of 3: Connection refused"
        for arguments, said in (
            (
                (),
                "Job 0007 is being sent\n"
                f"Job 0007 waits: {reason}\n"
                f"Job 0007 is being sent: {reason}\n",
            ),
            (("--json",), ""),
        ):
            self.machine.tell(1, "job", {**JOB, "result": "running"})
            self.machine.tell(2, "job", {**JOB, "result": "running", "sessions": [1]})
            self.machine.tell(3, "job", {**JOB, "reason": reason})
            self.machine.tell(4, "job", {**JOB, "result": "running", "reason": reason})
            self.machine.tell(5, "job", ended("OK"))
            told = self.send("--to", "b@bench.test", *arguments)
            self.assertEqual((told.status, told.err), (0, said))

    def test_switched_off(self) -> None:
        """A machine that is gone while its job is waited for ends it with 3, and names the job."""
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, JOB)
        running = self.start(
            "send", str(self.file.absolute()), "--to", "b@bench.test", "--timeout", "0.3"
        )
        self.assertTrue(self.machine.listening.acquire(timeout=PATIENCE))
        self.machine.stop()
        told = running.wait()
        self.assertEqual((told.status, told.out), (3, ""))
        self.assertIn("connection refused", told.err)
        self.assertIn("Job 0007 was accepted", told.err)

    def test_restarted(self) -> None:
        """The job is read again from a machine that comes back in time."""
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, JOB)
        running = self.start("send", str(self.file.absolute()), "--to", "b@bench.test")
        self.assertTrue(self.machine.listening.acquire(timeout=PATIENCE))
        self.restart(answers={"GET /api/jobs/0007": Answer(200, ended("OK"))})
        told = running.wait()
        self.assertEqual((told.status, told.out), (0, "Job 0007: OK, 2 pages\n"))

    def page(self) -> bytes:
        """Return name and content of the page as it came."""
        body = self.machine.last("POST", "/api/send").body
        return body.partition(b'name="page"; ')[2].rpartition(b"\r\n--")[0]

    def test_standard_input(self) -> None:
        """For - standard input is sent."""
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, ended("OK"))
        ran = subprocess.run(
            command("send", "-", "--to", "b@bench.test"),
            env=environment(self.machine.url),
            cwd=_ROOT,
            input=b"x" * 300_000,
            capture_output=True,
            timeout=PATIENCE,
        )
        self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        self.assertIn(b'filename="standard input"', self.page())
        self.assertTrue(self.page().endswith(b"\r\n\r\n" + b"x" * 300_000))

    def test_pipe(self) -> None:
        """A pipe is sent as a file is."""
        pipe = Path(self.mktemp())
        os.mkfifo(pipe)
        threading.Thread(target=pipe.write_bytes, args=(b"y" * 200_000,), daemon=True).start()
        self.assertEqual(self.call("send", str(pipe), "--to", "b@bench.test").status, 0)
        self.assertTrue(self.page().endswith(b"\r\n\r\n" + b"y" * 200_000))

    def test_endless(self) -> None:
        """An endless file is refused with a sentence."""
        with (
            self.assertRaises(click.UsageError) as refused,
            open_original(Path("/dev/zero"), 5_000_000),
        ):
            pass
        self.assertIn("zero: more than 5 MB come from it", str(refused.exception))

    def test_growing(self) -> None:
        """A file that grows is sent up to its first size; one that shrinks is an error."""
        with open_original(self.file) as page:
            with self.file.open("ab") as file:
                file.write(b"more")
            self.machine_of().send_form("/api/send", {}, [page], lambda *_: None)
        self.assertTrue(self.page().endswith(b"\r\n\r\n%PDF-1.4 a page"))
        with open_original(self.file) as page:
            os.truncate(self.file, 3)
            self.assertRaises(
                FileChanged,
                self.machine_of().send_form,
                "/api/send",
                {},
                [page],
                lambda *_: None,
            )

    def machine_of(self) -> Machine:
        """Return the machine as irsendctl speaks to it."""
        machine = Machine(self.machine.url)
        self.addCleanup(machine.close)
        return machine

    def test_name_in_no_utf8(self) -> None:
        """A file whose name is no UTF-8 is sent by as much of its name as is text."""
        path = os.fsencode(Path(self.mktemp()).absolute()) + b"-br\xfccke.pdf"
        Path(os.fsdecode(path)).write_bytes(b"%PDF-1.4")
        told = self.call("send", os.fsdecode(path), "--to", "b@bench.test")
        self.assertEqual((told.status, told.err), (0, ""))
        self.assertIn("-br\ufffdcke.pdf".encode(), self.page())

    def test_no_wait(self) -> None:
        """With --no-wait the job is printed as it was accepted."""
        told = self.send("--to", "b@bench.test", "--no-wait")
        self.assertEqual((told.status, told.out), (0, "Job 0007: waiting, 2 pages\n"))

    def test_json(self) -> None:
        """With --json the job is printed as it ended."""
        told = self.send("--to", "b@bench.test", "--json")
        self.assertEqual(json.loads(told.out), ended("--"))

    def test_refused(self) -> None:
        """A refusal is printed in the machine's words; the status is 1."""
        self.machine.answers["POST /api/send"] = problem(422, "x.pdf is encrypted")
        told = self.send("--to", "b@bench.test")
        self.assertEqual((told.status, told.err), (1, "x.pdf is encrypted\n"))

    def test_refused_options(self) -> None:
        """A refusal names the option, not the machine's name for it."""
        errors = [
            {"key": "to", "problem": "'x' is no e-mail address"},
            {"key": "user", "problem": "the machine does not ask for it"},
            {"key": "other", "problem": "is new"},
        ]
        self.machine.answers["POST /api/send"] = problem(422, "No", errors=errors)
        told = self.send("--to", "x")
        self.assertEqual(
            (told.status, told.err),
            (
                1,
                "--to: 'x' is no e-mail address\n"
                "--smtp-user: the machine does not ask for it\n"
                "other: is new\n",
            ),
        )

    def test_smtp_password(self) -> None:
        """The password of --smtp-user is taken from the option, a file, the environment, in this order."""
        file = Path(self.mktemp())
        file.write_text("of the file\n")
        in_file = ("--smtp-password-file", str(file))
        for arguments, env, password in (
            (
                ("--smtp-password", "of the option", *in_file),
                "of the variable",
                "of the option",
            ),
            (in_file, "of the variable", "of the file"),
            ((), "of the variable", "of the variable"),
            ((), "", None),
        ):
            self.send(
                *("--to", "b@bench.test", "--smtp-user", "ann", *arguments),
                IRSEND_SMTP_PASSWORD=env,
            )
            form = self.machine.last("POST", "/api/send").body.decode()
            sent = re.findall(r'name="password"\r\n\r\n(.*)\r\n', form)
            self.assertEqual(sent, [] if password is None else [password])

    def test_smtp_password_typed(self) -> None:
        """With --smtp-user alone a terminal is asked for it; an empty answer sends none."""
        for typed, sent in (("hunter2", ["hunter2"]), ("", [])):
            arguments = ("send", str(self.file), "--to", "b@bench.test", "--smtp-user", "ann")
            terminal = Terminal(arguments, environment(self.machine.url), (80, 24))
            self.addCleanup(terminal.end)
            terminal.until("Password for --smtp-user")
            terminal.type(typed + "\n")
            self.assertEqual(terminal.wait(), 0)
            self.assertNotIn("hunter2", terminal.written)
            form = self.machine.last("POST", "/api/send").body.decode()
            self.assertEqual(re.findall(r'name="password"\r\n\r\n(.*)\r\n', form), sent)

    def test_contradictions(self) -> None:
        """Options that contradict each other, or are none of the words, are wrong use; nothing is sent."""
        for arguments, said in (
            (("--full",), "--full needs --ifax"),
            (("--ifax", "--format", "pdf"), "an I-Fax is TIFF"),
            (("--ifax", "--format", "jpeg"), "needs --full"),
            (("--paper", "A9"), "allowed: auto, A4"),
            (("--resolution", "301"), "300x300"),
            (("--format", "gif"), "allowed: pdf, tiff or jpeg"),
        ):
            told = self.send("--to", "b@bench.test", *arguments)
            self.assertEqual(told.status, 2, arguments)
            self.assertIn(said, told.err)
        self.assertEqual(self.machine.asked, [])

    def test_help(self) -> None:
        """--help lists the allowed values."""
        out = " ".join(self.call("send", "--help").out.split())
        for word in ("600x600", "11X17", "jpeg"):
            self.assertIn(word, out)

    def test_words(self) -> None:
        """Every word of an order has its option, with the values that the machine takes."""
        self.assertEqual(set(OPTIONS), {"page", *ORDER_ITEMS})
        for key, known in (("format", FORMATS), ("resolution", RESOLUTIONS), ("paper", PAPERS)):
            self.assertEqual(list(known), ORDER_ITEMS[key][0].kind.constraint())

    def test_wrong_use(self) -> None:
        """No address, no file, a directory and a missing file are wrong use; nothing is sent."""
        for arguments in (
            ("send", str(self.file)),
            ("send", "--to", "b@bench.test"),
            ("send", str(self.file.parent), "--to", "b@bench.test"),
            ("send", "missing.pdf", "--to", "b@bench.test"),
        ):
            self.assertEqual(self.call(*arguments).status, 2, arguments)
        self.assertEqual(self.machine.asked, [])

    def test_interrupted(self) -> None:
        """Ctrl-C while it waits prints that the job goes on, and how to cancel it."""
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, JOB)
        running = self.start_process("send", str(self.file.absolute()), "--to", "b@bench.test")
        self.assertTrue(self.machine.listening.acquire(timeout=PATIENCE))
        told = running.interrupt()
        self.assertIn("irsendctl cancel 0007", told.err)
        self.assertEqual(told.status, 130)

    def test_no_machine(self) -> None:
        """Without a machine the status is 3."""
        self.machine.stop()
        self.assertEqual(self.send("--to", "b@bench.test").status, 3)


class BarTests(SynchronousTestCase):
    """The bar on a terminal."""

    def test_follows_the_job(self) -> None:
        """The bar shows the state of the job and why its last attempt failed, truncated to the terminal."""
        written = io.StringIO()
        bar = Bar(Console(file=written, force_terminal=True, width=120))
        self.addCleanup(bar.close)
        bar.accepted(JOB)
        waits = {**JOB, "reason": "attempt 1 of 3: Connection refused " + "x" * 100}
        for job, said in (
            (JOB, "Job 0007 waits "),
            ({**JOB, "result": "running"}, "Job 0007 is being sent "),
            (waits, "Job 0007 waits: attempt 1 of 3: Connection refused "),
        ):
            bar.sending(job)
            written.truncate(0)
            bar._bars.refresh()
            self.assertIn(said, written.getvalue())
        self.assertNotIn("x" * 50, written.getvalue())
