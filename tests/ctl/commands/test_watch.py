"""`watch` and `sessions --follow`, in threads; where a signal ends it, in a process."""

from __future__ import annotations

import json

from tests.ctl.calls import PATIENCE, CallCase
from tests.ctl.stand_in import (
    BROKEN,
    DOCUMENT,
    JOB,
    REJECTED,
    SESSION,
    STATUS,
    Answer,
)


class FollowingCase(CallCase):
    """A test that waits for an irsendctl to listen."""

    def wait_until_listened_to(self) -> None:
        """Wait until the event stream is open."""
        self.assertTrue(self.machine.listening.acquire(timeout=PATIENCE))


class WatchTests(FollowingCase):
    """`watch`."""

    def test_lines(self) -> None:
        """Status, sessions, jobs and settings are lines with their times, secrets as dots."""
        watch = self.start("watch")
        self.assertRegex(watch.line(), r"^\d\d:\d\d:\d\d  status   ready, status line empty$")
        self.wait_until_listened_to()
        self.machine.tell(1, "session", {**SESSION, "result": None, "ended": None, "tls": None})
        self.machine.tell(2, "session", REJECTED)
        self.machine.tell(3, "status", {**STATUS, "status_line": "SSL Error (POP)"})
        self.machine.tell(4, "job", JOB)
        self.machine.tell(5, "setting", {"changes": {"a.b": True, "a.password": None}})
        lines = [watch.line() for _ in range(6)]
        for line, said in zip(
            lines,
            (
                "session  12 smtp-receive 192.0.2.17 began",
                "session  11 smtp-receive 192.0.2.17 NG: SSL Error (SMTP RX Reject); ",
                "status   ready, on the status line: SSL Error (POP)",
                'job      5001 email from scanner@bench.test "Attached Image" OK',
                "setting  a.b = on",
                "setting  a.password = ••••••",
            ),
            strict=True,
        ):
            self.assertIn(said, line)

    def test_pages(self) -> None:
        """The pages of a scan are one line, when the last is scanned."""
        watch = self.start("watch")
        watch.line()
        self.wait_until_listened_to()
        for number, (page, pages) in enumerate([(1, 3), (2, 3), (3, 3), (1, 1)], 1):
            told = {"direction": "tx", "page": page, "pages": pages}
            self.machine.tell(number, "page", told)
        self.assertIn("page     3 pages scanned", watch.line())
        self.assertIn("page     1 page scanned", watch.line())

    def test_tray(self) -> None:
        """A document is one line when it is printed, with its codes, and one when it is removed."""
        watch = self.start("watch")
        watch.line()
        self.wait_until_listened_to()
        for page in (1, 2):
            told = {"direction": "rx", "number": "5001", "page": page, "pages": None}
            self.machine.tell(page, "page", told)
        self.machine.tell(3, "tray", {"document": DOCUMENT, "removed": None})
        self.machine.tell(4, "tray", {"document": BROKEN, "removed": None})
        why = "there are more than 500 documents"
        self.machine.tell(5, "tray", {"document": DOCUMENT, "removed": why})
        sender = '"Scanner" <scanner@bench.test>'
        for said in (
            f'tray     5001 printed, 2 pages from {sender} "Attached Image"',
            f"tray     5002 printed, 1 page from {sender} "
            "#827 unsupported MIME type received; #822 received image cannot be decoded",
            f"tray     5001 removed: {why}",
        ):
            self.assertTrue(watch.line().endswith(f"  {said}"), said)

    def test_paper(self) -> None:
        """Paper out is printed once, and paper in again; the state printing is not printed."""
        watch = self.start("watch")
        watch.line()
        self.wait_until_listened_to()
        for number, changes in enumerate(
            ({"paper": False}, {"paper": False, "state": "printing"}, {"paper": True}), 1
        ):
            self.machine.tell(number, "status", {**STATUS, **changes})
        for said in ("ready, no paper, status line empty", "ready, paper is in again, status"):
            self.assertIn(f"status   {said}", watch.line())

    def test_unknown_events(self) -> None:
        """An unknown event is a line of its members, or nothing; those after it are printed."""
        watch = self.start("watch")
        watch.line()
        self.wait_until_listened_to()
        self.machine.tell(1, "toner", {"left": {"black": 0.5}, "of": [1, None]})
        for number, value in enumerate(("text", None, [1], 7), 2):
            self.machine.tell(number, "stapler", value)
        self.machine.tell(6, "tray", {"sheets": 3})
        self.machine.tell(7, "page", {"direction": "rx"})
        self.machine.tell(8, "job", JOB)
        self.assertIn("  toner    left ", watch.line())
        self.assertIn("  tray     sheets 3", watch.line())
        self.assertIn("  job      5001 ", watch.line())

    def test_unchanged_status(self) -> None:
        """A status event that changes neither text nor state is not printed."""
        watch = self.start("watch")
        watch.line()
        self.wait_until_listened_to()
        self.machine.tell(1, "status", STATUS)
        self.machine.tell(2, "setting", {"changes": {"a.b": False}})
        self.assertIn("a.b = off", watch.line())

    def test_json(self) -> None:
        """For programs each event is one line of JSON with its name and id."""
        watch = self.start("watch", "--json")
        self.assertEqual(
            json.loads(watch.line()), {"event": "status", "id": None, "data": STATUS}
        )
        self.wait_until_listened_to()
        self.machine.tell(8, "job", JOB)
        self.assertEqual(json.loads(watch.line()), {"event": "job", "id": "8", "data": JOB})

    def test_gone_and_back(self) -> None:
        """The loss of a machine and its return are printed; events go on after the last one."""
        watch = self.start("watch")
        self.wait_until_listened_to()
        self.machine.tell(41, "setting", {"changes": {"a.b": True}})
        watch.line_with("a.b = on")
        self.machine.stop()
        self.assertIn("machine  The machine is gone", watch.line())
        self.restart()
        self.assertIn("is back", watch.line())
        self.wait_until_listened_to()
        self.assertEqual(self.machine.last("GET", "/api/events").headers["last-event-id"], "41")

    def test_interrupted(self) -> None:
        """Ctrl-C ends it with 130 and no message."""
        watch = self.start_process("watch")
        watch.line()
        self.wait_until_listened_to()
        ended = watch.interrupt()
        self.assertEqual((ended.status, ended.out, ended.err), (130, "", ""))


class SessionsFollowTests(FollowingCase):
    """`sessions --follow`."""

    def test_ended(self) -> None:
        """The last sessions come first, oldest first; then each as it ends, none twice."""
        follow = self.start("sessions", "--follow", "--json")
        self.assertEqual([json.loads(follow.line())["id"] for _ in range(2)], [11, 12])
        self.wait_until_listened_to()
        self.machine.tell(1, "session", SESSION)
        self.machine.tell(2, "session", {**SESSION, "id": 13, "result": None, "ended": None})
        self.machine.tell(3, "session", {**SESSION, "id": 13})
        self.assertEqual(json.loads(follow.line())["id"], 13)

    def test_limit(self) -> None:
        """--limit is the number of past sessions that are shown."""
        follow = self.start("sessions", "--follow", "--limit", "1")
        self.assertIn("   12  smtp-receive", follow.line())
        self.wait_until_listened_to()
        self.machine.tell(1, "session", {**SESSION, "id": 13})
        self.assertIn("   13  smtp-receive", follow.line())

    def test_filtered(self) -> None:
        """Filters hold for events, too."""
        self.machine.answers["GET /api/sessions"] = Answer(body=[])
        follow = self.start("sessions", "--follow", "--result", "NG")
        self.wait_until_listened_to()
        self.machine.tell(1, "session", SESSION)
        self.machine.tell(2, "session", {**REJECTED, "id": 14})
        self.assertIn("   14  smtp-receive", follow.line())

    def test_missed(self) -> None:
        """A session that ended while the machine was gone is shown when it is back."""
        follow = self.start("sessions", "--follow", "--json")
        self.assertEqual([json.loads(follow.line())["id"] for _ in range(2)], [11, 12])
        self.wait_until_listened_to()
        self.machine.stop()
        self.machine.answers["GET /api/sessions"].body.insert(0, {**SESSION, "id": 13})
        self.restart(answers=self.machine.answers)
        self.assertEqual(json.loads(follow.line())["id"], 13)
