"""A job that is not OK says why, whatever made it so."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from irsend.device.codes import CODES
from irsend.device.device import Device
from irsend.device.events import Event, JobChanged
from irsend.device.jobs import Job, Recipient, with_reason
from irsend.device.local_time import LocalTime
from irsend.device.model import load_model
from irsend.device.report import as_csv, as_text

_JOB = Job(serial=1, number="5001", direction="rx", party="a@bench.test", started=1e9)


def ended(**fields: Any) -> Job:
    """Return a job with these fields as its observers have it."""
    return with_reason(evolve(_JOB, **fields))


class JobReasonTests(SynchronousTestCase):
    """Which reason a job has."""

    def test_own_words_first(self) -> None:
        """A reason that was given stays as it is."""
        for result in ("OK", "NG", "--", "waiting"):
            self.assertEqual(ended(result=result, reason="given", code="#818").reason, "given")

    def test_each_code(self) -> None:
        """A job with nothing but a code has the code's meaning for its reason."""
        for code, meaning in CODES.items():
            self.assertEqual(ended(result="NG", code=code).reason, meaning)

    def test_nothing_known(self) -> None:
        """Also a job without code and words says something: no job that has ended as NG or -- is silent."""
        for result in ("NG", "--"):
            self.assertNotEqual(ended(result=result).reason, "")

    def test_words_of_a_recipient(self) -> None:
        """A job has the reason of the first recipient that failed, and each of those has one."""
        fine = Recipient(address="a@bench.test", result="OK")
        bare = Recipient(address="b@bench.test", result="NG", code="#806")
        said = Recipient(address="c@bench.test", result="NG", reason="550 no")
        job = ended(result="NG", code="#806", recipients=(fine, said, bare))
        self.assertEqual(job.reason, "550 no")
        self.assertEqual([one.reason for one in job.recipients], ["", "550 no", CODES["#806"]])

    def test_ok_and_waiting(self) -> None:
        """A job that is OK, waits or runs needs no reason."""
        for result in ("OK", "waiting", "running"):
            self.assertEqual(ended(result=result).reason, "")

    def test_observers(self) -> None:
        """Every job that an observer of the device hears of has come through the rule."""
        events: list[Event] = []
        model = load_model("ir2270")
        device = Device(model=model, settings=model.initial_settings(), now=lambda: 1e9)
        device.observe(events.append)
        job = device.job_accepted("rx", "a@bench.test", result="NG", code="#813")
        device.job_changed(job, reason="", code="#995")
        device.printing_ended(job, reason="", code=None)
        reasons = [event.job.reason for event in events if isinstance(event, JobChanged)]
        self.assertEqual(reasons, [CODES["#813"], CODES["#995"], "no reason was given"])

    def test_report(self) -> None:
        """The report has the reason below the job's line, and the CSV in its column; none for OK."""
        failed = ended(
            result="NG", code="#810", reason="the server said\r\nthis, " + "word " * 30
        )
        text = as_text(
            [failed, ended(result="OK", reason="a notice")], title="x", clock=LocalTime(1e9)
        )
        lines = [line.strip() for line in text.splitlines()]
        self.assertIn("the server said  this, word word word word word word word", lines)
        self.assertNotIn("a notice", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 76)
        self.assertIn("the server said  this", as_csv([failed], clock=LocalTime(1e9)))
