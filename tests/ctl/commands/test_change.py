"""The commands that make the machine do something."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ctl.calls import CallCase
from tests.ctl.stand_in import RECEIVED, Answer, problem

PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


class ReceiveTests(CallCase):
    """`receive`."""

    def test_received(self) -> None:
        """Received messages are counted, and their jobs are shown."""
        ended = self.call("receive")
        self.assertEqual(ended.status, 0)
        self.assertIn("OK: 1 message received (session 12)\n", ended.out)
        self.assertIn("5001", ended.out)

    def test_ng(self) -> None:
        """An NG ends with 1 and prints its code and the reason, in either form."""
        answer = {
            **RECEIVED,
            "result": "NG",
            "code": "#813",
            "received": 0,
            "reason": "no login",
        }
        self.machine.answers["POST /api/receive"] = Answer(body=answer)
        ended = self.call("receive")
        self.assertEqual(ended.status, 1)
        self.assertEqual(ended.out, "NG #813: 0 messages received; no login (session 12)\n")
        as_json = self.call("receive", "--json")
        self.assertEqual((as_json.status, json.loads(as_json.out)), (1, answer))

    def test_refused(self) -> None:
        """A reception that the machine does not begin ends with 1 and its sentence."""
        self.machine.answers["POST /api/receive"] = problem(409, "POP is off")
        ended = self.call("receive")
        self.assertEqual((ended.status, ended.err), (1, "POP is off\n"))


class KeyTests(CallCase):
    """`key generate` and `key import`."""

    def test_generate(self) -> None:
        """A new certificate is described."""
        self.assertIn("CN=localhost", self.call("key", "generate").out)

    def test_import(self) -> None:
        """Both files go to the machine as they are."""
        certificate, key = Path(self.mktemp()), Path(self.mktemp())
        certificate.write_text(PEM)
        key.write_text(PEM.replace("CERTIFICATE", "PRIVATE KEY"))
        self.assertEqual(self.call("key", "import", str(certificate), str(key)).status, 0)
        self.assertEqual(
            self.machine.last("POST", "/api/key/import").json(),
            {"certificate": certificate.read_text(), "key": key.read_text()},
        )

    def test_no_pem(self) -> None:
        """A file that is missing, or no PEM, is wrong use and is named; nothing is sent."""
        path = Path(self.mktemp())
        path.write_bytes(b"\x30\x82\x01")
        for given in (str(path), f"{path}.missing"):
            ended = self.call("key", "import", given, given)
            self.assertEqual(ended.status, 2)
            self.assertIn(given, ended.err)
        self.assertEqual(self.machine.asked, [])


class CancelTests(CallCase):
    """`cancel`."""

    def test_cancel(self) -> None:
        """A job is cancelled by its number; one that there is not is a refusal."""
        self.assertEqual(self.call("cancel", "5001").out, "Job 5001 is cancelled.\n")
        self.machine.last("DELETE", "/api/jobs/5001")
        self.assertEqual(self.call("cancel", "5999").status, 1)

    def test_number(self) -> None:
        """Leading zeros may be left out; text that is no number is wrong use."""
        self.assertEqual(self.call("cancel", "1").status, 1)
        self.machine.last("DELETE", "/api/jobs/0001")
        self.assertEqual(self.call("cancel", "first").status, 2)


class ResetTests(CallCase):
    """`clear` and `factory-reset`."""

    def test_clear(self) -> None:
        """The status line is cleared; for programs the answer is still JSON."""
        self.assertEqual(self.call("clear").out, "The status line is clear.\n")
        self.assertEqual(json.loads(self.call("clear", "--json").out), {})
        self.machine.last("DELETE", "/api/status")

    def test_asks(self) -> None:
        """A factory reset asks, with the machine's URL, and is done after a yes."""
        ended = self.call("factory-reset", stdin="y\n")
        self.assertEqual(ended.status, 0)
        self.assertIn(f"at {self.machine.url}?", ended.err)
        self.machine.last("POST", "/api/factory-reset")

    def test_not_done(self) -> None:
        """After a no, and with nobody to ask, nothing is sent and the status is 1."""
        for stdin in ("n\n", ""):
            self.assertEqual(self.call("factory-reset", stdin=stdin).status, 1)
        self.assertEqual(self.machine.asked, [])

    def test_yes(self) -> None:
        """--yes skips the question."""
        ended = self.call("factory-reset", "--yes")
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.machine.last("POST", "/api/factory-reset")
