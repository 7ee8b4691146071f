"""irsendctl send: what goes to the machine, what is said of the job, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.ctl.calls import CallCase, Ended
from tests.ctl.stand_in import Answer, problem

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

    def send(self, *arguments: str) -> Ended:
        """Send the file."""
        return self.call("send", str(self.file), *arguments)

    def test_form(self) -> None:
        """Files and words go as a form; what was not said is not in it."""
        told = self.send(
            "--to", "b@bench.test", "--to", "c@bench.test", "--subject", "Grüße", "--ifax",
            "--full", "--format", "tiff", "--smtp-user", "tim",
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
                ('name="user"', "tim"),
                (f'name="page"; filename="{self.file.name}"', "%PDF-1.4 a page"),
            ],
        )

    def test_handed_over(self) -> None:
        """A mail that the server took is told so, and the exit status is 0."""
        told = self.send("--to", "b@bench.test")
        self.assertEqual((told.status, told.err), (0, ""))
        self.assertEqual(told.out, "Job 0007: --, 2 pages, handed to the server\n")

    def test_failed(self) -> None:
        """NG is told with code and reason, for each of several recipients; the status is 1."""
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

    def test_no_wait(self) -> None:
        """With --no-wait the job is told as it was accepted."""
        told = self.send("--to", "b@bench.test", "--no-wait")
        self.assertEqual((told.status, told.out), (0, "Job 0007: waiting, 2 pages\n"))

    def test_json(self) -> None:
        """With --json the job is printed as it ended."""
        told = self.send("--to", "b@bench.test", "--json")
        self.assertEqual(json.loads(told.out), ended("--"))

    def test_refused(self) -> None:
        """What the machine refuses is told in its words; the status is 1."""
        self.machine.answers["POST /api/send"] = problem(422, "x.pdf is encrypted")
        told = self.send("--to", "b@bench.test")
        self.assertEqual((told.status, told.err), (1, "x.pdf is encrypted\n"))

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
        """Ctrl-C while it waits says that the job goes on, and how to cancel it."""
        self.machine.answers["GET /api/jobs/0007"] = Answer(200, JOB)
        running = self.start("send", str(self.file.absolute()), "--to", "b@bench.test")
        self.assertTrue(self.machine.listening.acquire(timeout=20))
        told = running.interrupt()
        self.assertIn("irsendctl cancel 0007", told.err)
        self.assertEqual(told.status, 130)

    def test_no_machine(self) -> None:
        """Without a machine the status is 3."""
        self.machine.stop()
        self.assertEqual(self.send("--to", "b@bench.test").status, 3)
