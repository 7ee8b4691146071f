"""`irsendctl probe`: its arguments, its exit statuses and its output, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SynchronousTestCase, TestCase

import irsend
from tests.ctl.calls import Ended, call
from tests.live.programs import Program
from tests.live.waiting import wait_until
from tests.probe.servers import PASSWORD, USER, POPSession, Script, SMTPSession, serve

_URL = "smtp://127.0.0.1:1"
_TO = ("--to", "me@bench.test")


class WrongUseTests(SynchronousTestCase):
    """What cannot be done is refused before anything connects."""

    def refused(self, *arguments: str, said: tuple[str, ...], **env: str) -> None:
        """Call it; it is wrong use, and the error has these words."""
        ended = call("probe", *arguments, url="http://127.0.0.1:1", **env)
        self.assertEqual((ended.status, ended.out), (2, ""), ended)
        for words in said:
            self.assertIn(words, ended.err)
        self.assertNotIn("Traceback", ended.err)

    def test_url(self) -> None:
        """A URL that is none is named, with what is allowed."""
        self.refused("http://relay", *_TO, said=("'http://relay'", "smtp://HOST[:PORT]"))

    def test_password_in_url(self) -> None:
        """A password in the URL is not repeated."""
        ended = call("probe", f"smtp://me:{PASSWORD}@relay", *_TO, url="http://127.0.0.1:1")
        self.assertEqual(ended.status, 2)
        self.assertNotIn(PASSWORD, ended.err)

    def test_missing(self) -> None:
        """A relay needs a recipient, a POP server a user, a user a password."""
        self.refused(_URL, said=("--to: is missing",))
        self.refused("pop3://127.0.0.1:1", said=("--user: is missing",))
        self.refused(_URL, *_TO, "--user", USER, said=("--password-file", "IRSEND_SECRET"))

    def test_addresses(self) -> None:
        """An address that is none is named."""
        self.refused(_URL, "--to", "nobody", said=("'nobody'", "e-mail address"))
        self.refused(_URL, *_TO, "--from", "a b@c", said=("'a b@c'",))

    def test_model(self) -> None:
        """A model that there is not is named, with those that there are."""
        self.refused(_URL, *_TO, "--model", "ir9999", said=("'ir9999'", "ir2270"))

    def test_settings(self) -> None:
        """A key or value that is none is named; a secret is no argument, and is not repeated."""
        for assignment, words in (
            ("nonsense", "KEY=VALUE"),
            ("email_ifax.nonsense=1", "email_ifax.nonsense"),
            ("authent_encryption.allow_ssl_smtp_send=maybe", "maybe"),
            ("email_ifax.maximum_data_size=1000", "1000"),
            ("service_mode.smtp_tx_port=2525", "the URL says it"),
            ("email_ifax.email_address=a@b.test", "the sender says it"),
        ):
            self.refused(_URL, *_TO, "--setting", assignment, said=(words,))
        secret = f"authent_encryption.password={PASSWORD}"
        ended = call("probe", _URL, *_TO, "--setting", secret, url="http://127.0.0.1:1")
        self.assertEqual(ended.status, 2)
        self.assertNotIn(PASSWORD, ended.err)

    def test_password_file(self) -> None:
        """A password file that is missing or empty is named; too long a password is not repeated."""
        path = Path(self.mktemp())
        self.refused(
            _URL,
            *_TO,
            "--user",
            USER,
            "--password-file",
            str(path),
            said=(str(path), "No such"),
        )
        path.write_text("\n")
        self.refused(
            _URL, *_TO, "--user", USER, "--password-file", str(path), said=(str(path), "empty")
        )
        path.write_text(PASSWORD * 5)
        ended = call(
            "probe", _URL, *_TO, "--user", USER, "--password-file", str(path),
            url="http://127.0.0.1:1",
        )  # fmt: skip
        self.assertEqual(ended.status, 2)
        self.assertIn("32 characters", ended.err)
        self.assertNotIn(PASSWORD, ended.err)

    def test_page(self) -> None:
        """--html does not replace a file."""
        path = Path(self.mktemp())
        path.write_text("mine")
        self.refused(_URL, *_TO, "--html", str(path), said=(str(path), "there already"))
        self.assertEqual(path.read_text(), "mine")


class StatusTests(TestCase):
    """Exit status and output."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process."""
        return {
            **os.environ,
            "PYTHONPATH": str(Path(irsend.__file__).parents[1]),
            "IRSEND_SECRET": PASSWORD,
        }

    async def probe(self, *arguments: str, **env: str) -> Ended:
        """Run irsendctl probe in a process of its own."""
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            ["-m", "irsend.ctl", "probe", *arguments, "--pause", "0"],
            env={**self.environment, **env},
        )
        return Ended(status, out.decode(), err.decode())

    def relay(self, **script: object) -> tuple[str, Script]:
        """Let a relay listen; return its URL and script."""
        found = Script(**script)  # type: ignore[arg-type]
        return f"smtp://127.0.0.1:{serve(self, SMTPSession, found)}", found

    async def test_all_pass(self) -> None:
        """0 where every model passes; the table has each model, year, TLS, mechanism and result."""
        url, script = self.relay()
        ended = await self.probe(url, *_TO, "--user", USER, "--dry-run", "--model", "ir2270")
        self.assertEqual((ended.status, ended.err), (0, ""), ended)
        for words in ("Canon imageRUNNER 2270", "2004", "TLS 1.0 AES", "PLAIN", "OK"):
            self.assertIn(words, ended.out)
        self.assertEqual(script.mails, [])

    async def test_one_fails(self) -> None:
        """1 where one model does not pass, and the advice says what to change."""
        url, _ = self.relay(replies={"AUTH": "535 No"}, plain=("STARTTLS",))
        ended = await self.probe(
            url, *_TO, "--user", USER, "--model", "ir2270",
            "--setting", "authent_encryption.allow_ssl_smtp_send=on",
        )  # fmt: skip
        self.assertEqual(ended.status, 1, ended)
        self.assertIn("NG #839", ended.out)
        self.assertIn("Check --user", ended.out)

    async def test_no_server(self) -> None:
        """3 where no server is."""
        ended = await self.probe(_URL, *_TO)
        self.assertEqual((ended.status, ended.out), (3, ""), ended)
        self.assertIn(f"no mail server at {_URL}: Connection refused", ended.err)

    async def test_files(self) -> None:
        """--html and --json have the report, and the password nowhere."""
        script = Script(
            greeting="+OK ready <1.2@bench.test>",
            plain=("STLS", "USER"),
            secured=("USER",),
            replies={"PASS": f"-ERR {PASSWORD} is wrong"},
        )
        port = serve(self, POPSession, script)
        path = Path(self.mktemp()).absolute()
        secret = Path(self.mktemp()).absolute()
        secret.write_text(f"{PASSWORD}\n")
        ended = await self.probe(
            f"pop3://127.0.0.1:{port}", "--user", USER, "--password-file", str(secret),
            "--model", "ir2270", "--json", "--html", str(path), "--allow-clear",
        )  # fmt: skip
        document = json.loads(ended.out)
        self.assertEqual((ended.status, document["passes"]), (0, True), ended)
        self.assertIn(f"PASS {PASSWORD}", script.said)
        page = path.read_text("utf-8")
        self.assertIn("irsend probe of pop3://127.0.0.1", page)
        self.assertFalse(PASSWORD in page + ended.out + ended.err)

    async def test_interrupted(self) -> None:
        """Ctrl-C ends it at once with 130, between connections and in one, and leaves no directory."""
        for script in (Script(replies={"EHLO": None}), Script()):
            url = f"smtp://127.0.0.1:{serve(self, SMTPSession, script)}"
            program = Program(
                reactor,
                [sys.executable, "-m", "irsend.ctl", "probe", url, *_TO, "--pause", "3600"],
                environment=self.environment,
            )
            self.addCleanup(program.stop)
            await wait_until(reactor, lambda one=script: one.sessions, "a session", 20)  # type: ignore[misc]
            program.send_signal("INT")
            self.assertEqual(await program.end(10), 130, program.output)
            self.assertNotIn("Traceback", program.output)
            left = Path("/dev/shm").glob(f"irsend-{program.pid}-*")
            self.assertEqual(list(left), [])

    async def test_narrow(self) -> None:
        """In 80 columns no line is longer, and the advice stands below the table."""
        url, _ = self.relay(replies={"AUTH": "535 No"}, plain=("STARTTLS",))
        ended = await self.probe(url, *_TO, "--user", USER, COLUMNS="80")
        self.assertLessEqual(max(map(len, ended.out.splitlines())), 80)
        self.assertIn("Check --user", " ".join(ended.out.split()))
