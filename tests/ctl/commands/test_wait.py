"""`wait`: exit status 0 when it is there, 1 when it does not come."""

from __future__ import annotations

import json

from tests.ctl.calls import CallCase
from tests.ctl.stand_in import BROKEN, DOCUMENT, JOB, MAIL, STATUS, Answer, problem


class WaitTests(CallCase):
    """What is asked, what is printed, and the exit status."""

    def test_there(self) -> None:
        """What is there is printed as its list is, and the status is 0."""
        for what, listed in (("mail", "mails"), ("job", "jobs"), ("document", "tray")):
            ended = self.call("wait", what)
            self.assertEqual((ended.status, ended.err), (0, ""))
            self.assertEqual(ended.out, self.call(listed).out)

    def test_filters(self) -> None:
        """Each filter goes to the machine by its name, with the time that is left."""
        for arguments, path, query in (
            (
                ("mail", "--to", "scan@", "--session", "3"),
                "/api/mails",
                {"to": "scan@", "session": "3"},
            ),
            (("job", "1"), "/api/jobs", {"number": "0001", "ended": "1"}),
            (("job", "--result", "ok"), "/api/jobs", {"result": "OK", "ended": "1"}),
            (("job", "--result", "--"), "/api/jobs", {"result": "--", "ended": "1"}),
            (("job", "--result", "waiting"), "/api/jobs", {"result": "waiting"}),
            (
                (
                    "job",
                    "--direction",
                    "tx",
                    "--party",
                    "b@",
                    "--code",
                    "806",
                    "--subject",
                    "x",
                ),
                "/api/jobs",
                {"direction": "tx", "party": "b@", "code": "806", "subject": "x", "ended": "1"},
            ),
            (
                ("document", "--from", "ann", "--subject", "x", "--code", "#827"),
                "/api/tray",
                {"from": "ann", "subject": "x", "code": "#827"},
            ),
        ):
            self.assertEqual(self.call("wait", *arguments).status, 0, arguments)
            asked = self.machine.last("GET", path).query
            self.assertGreater(float(asked.pop("wait")), 25)
            self.assertEqual(asked, {**query, "limit": "20"})

    def test_did_not_come(self) -> None:
        """What does not come in time is a sentence with the filters, and the status is 1."""
        for path in ("mails", "jobs", "tray"):
            self.machine.answers[f"GET /api/{path}"] = Answer(body=[])
        for arguments, said in (
            (("mail",), "No mail came within 0 s.\n"),
            (
                ("mail", "--to", "scan@", "--session", "3"),
                "No mail with to 'scan@', session 3 came within 0 s.\n",
            ),
            (("job", "17"), "No job 0017 ended within 0 s.\n"),
            (("job", "--result", "running"), "No job with result 'running' came within 0 s.\n"),
            (("document", "--from", "a"), "No document with from 'a' came within 0 s.\n"),
        ):
            ended = self.call("wait", *arguments, "--timeout", "0")
            self.assertEqual((ended.status, ended.out, ended.err), (1, "", said))

    def test_for_programs(self) -> None:
        """With --json the machine's answer is printed, also where it did not come."""
        ended = self.call("wait", "mail", "--json")
        self.assertEqual((ended.status, json.loads(ended.out)[0]), (0, MAIL))
        self.assertEqual(json.loads(self.call("wait", "job", "--json").out), [JOB])
        self.assertEqual(
            json.loads(self.call("wait", "document", "--json").out), [BROKEN, DOCUMENT]
        )
        self.machine.answers["GET /api/mails"] = Answer(body=[])
        ended = self.call("wait", "mail", "--json", "--timeout", "0")
        self.assertEqual((ended.status, json.loads(ended.out)), (1, []))

    def test_asks_again(self) -> None:
        """A machine that answers before the time is over is asked again, for the rest of it."""
        self.machine.answers["GET /api/mails"] = Answer(body=[])
        ended = self.call("wait", "mail", "--timeout", "0.2")
        self.assertEqual(ended.status, 1)
        times = [float(one.query["wait"]) for one in self.machine.asked]
        self.assertGreater(len(times), 1)
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertLessEqual(times[0], 0.2)

    def test_one_request_at_most(self) -> None:
        """One request waits a minute at most, however long the command waits."""
        self.call("wait", "mail", "--timeout", "86400")
        self.assertEqual(self.machine.last("GET", "/api/mails").query["wait"], "60.000")

    def test_timeout_of_wait(self) -> None:
        """--timeout of `wait` and behind it is the time that it waits; before it, that of the machine."""
        for arguments, least, most in (
            (("wait", "--timeout", "5", "mail"), 4, 5),
            (("wait", "--timeout", "5", "mail", "--timeout", "7"), 6, 7),
            (("--timeout", "5", "wait", "mail"), 29, 30),
        ):
            self.assertEqual(self.call(*arguments).status, 0)
            given = float(self.machine.last("GET", "/api/mails").query["wait"])
            self.assertTrue(least < given <= most, given)

    def test_refused(self) -> None:
        """A refusal of the machine ends with 1 and its sentence; no machine ends with 3."""
        self.machine.answers["GET /api/mails"] = problem(400, "session: no")
        ended = self.call("wait", "mail")
        self.assertEqual((ended.status, ended.err), (1, "session: no\n"))
        self.assertEqual(self.call("wait", "mail", url="http://127.0.0.1:1").status, 3)

    def test_wrong_use(self) -> None:
        """Wrong times, numbers and words are wrong use; nothing is asked."""
        for arguments, said in (
            (("mail", "--timeout", "-1"), "allowed: a number of seconds from 0 to 86400"),
            (("mail", "--timeout", "nan"), "allowed: a number of seconds from 0 to 86400"),
            (("job", "x"), "NUMBER: 'x' is not allowed"),
            (("job", "--result", "good"), "allowed: OK, NG, --, waiting or running"),
            (("status", "--state", "redy"), "did you mean ready?"),
            (("status", "x", "--clear"), "--clear does not go with 'x'"),
            (("mial",), "mial: there is no such command; did you mean mail?"),
        ):
            ended = self.call("wait", *arguments)
            self.assertEqual(ended.status, 2)
            self.assertIn(said, ended.err)
        self.assertEqual(self.machine.asked, [])


class StatusTests(CallCase):
    """`wait status`."""

    def shows(self, line: str, state: str = "ready") -> None:
        """Let the machine have this status."""
        body = {**STATUS, "status_line": line, "state": state}
        self.machine.answers["GET /api/status"] = Answer(body=body)

    def test_there(self) -> None:
        """A text anywhere on the line, an empty line, any line, a state: each is 0 when it is so."""
        for line, arguments, query in (
            ("SSL Error (POP)", ("ssl error",), {"text": "ssl error"}),
            ("SSL Error (POP)", (), {}),
            ("", ("--clear",), {"text": ""}),
            ("", ("--state", "ready"), {"state": "ready"}),
            ("SSL Error (POP)", ("POP", "--state", "ready"), {"text": "POP", "state": "ready"}),
        ):
            self.shows(line)
            ended = self.call("wait", "status", *arguments)
            self.assertEqual((ended.status, ended.err), (0, ""), arguments)
            self.assertEqual(ended.out, self.call("status").out)
            asked = [one.query for one in self.machine.asked if "wait" in one.query][-1]
            self.assertEqual({**asked, "wait": "x"}, {**query, "wait": "x"})

    def test_did_not_come(self) -> None:
        """What is not so is 1, with what was wanted and what is."""
        for line, arguments, said in (
            ("", ("SSL",), "'SSL' on the status line: the status line is empty"),
            ("Check", ("SSL",), "'SSL' on the status line: the status line is 'Check'"),
            ("", (), "a text on the status line: the status line is empty"),
            ("Check", ("--clear",), "an empty status line: the status line is 'Check'"),
            ("", ("--state", "sending"), "the state sending: the status line is empty"),
            (
                "Check",
                ("SSL", "--state", "sending"),
                "'SSL' on the status line and the state sending: the status line is 'Check'",
            ),
        ):
            self.shows(line)
            ended = self.call("wait", "status", *arguments, "--timeout", "0")
            self.assertEqual((ended.status, ended.out), (1, ""), arguments)
            self.assertEqual(
                ended.err, f"Waited 0 s in vain for {said}, and the machine is ready.\n"
            )

    def test_for_programs(self) -> None:
        """With --json the status is printed, whether it is as wanted or not."""
        for arguments, status in (((), 1), (("--clear",), 0)):
            ended = self.call("wait", "status", *arguments, "--json", "--timeout", "0")
            self.assertEqual((ended.status, json.loads(ended.out)), (status, STATUS))

    def test_no_status(self) -> None:
        """An answer that is no status is that of another program."""
        self.machine.answers["GET /api/status"] = Answer(body={"up": True})
        ended = self.call("wait", "status")
        self.assertEqual(ended.status, 3)
        self.assertIn("is no irsend: its status has no status line", ended.err)
