"""`set`: settings, and secrets that are not on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ctl.calls import CallCase, Ended, environment
from tests.ctl.stand_in import problem
from tests.ctl.terminals import Terminal

PASSWORD = "email_ifax.pop_password"


class SetTests(CallCase):
    """`set`."""

    def test_values(self) -> None:
        """Values go to the machine in one request, as the texts that were given."""
        ended = self.call(
            "set",
            "email_ifax.pop=on",
            "settings.email_ifax.pop_interval=5",
            "email_ifax.pop_server=",
        )
        self.assertEqual(ended.status, 0)
        self.assertEqual(
            self.machine.last("PATCH", "/api/settings").json(),
            {
                "email_ifax.pop": "on",
                "email_ifax.pop_interval": "5",
                "email_ifax.pop_server": "",
            },
        )

    def test_value_with_equals_sign(self) -> None:
        """Only the first = parts key and value."""
        self.call("set", "email_ifax.pop_password=a=b")
        sent = self.machine.last("PATCH", "/api/settings").json()
        self.assertEqual(sent, {"email_ifax.pop_password": "a=b"})

    def test_what_the_machine_holds(self) -> None:
        """The values shown are those that the machine has afterwards, and never a secret."""
        self.machine.answers["GET /api/settings"].body["windows"][0]["items"][0]["value"] = True
        ended = self.call("set", "email_ifax.pop=YES", "email_ifax.pop_password=hunter2")
        self.assertEqual(ended.out, "email_ifax.pop = on\nemail_ifax.pop_password = ••••••\n")

    def test_refused(self) -> None:
        """Each key that the machine refuses is named with its problem; the status is 1."""
        errors = [
            {"key": "email_ifax.pop", "problem": "'maybe' is not allowed; allowed: on or off"},
            {"key": "x.y", "problem": "there is no such key"},
        ]
        self.machine.answers["PATCH /api/settings"] = problem(422, "No", errors=errors)
        ended = self.call("set", "email_ifax.pop=maybe", "x.y=1")
        self.assertEqual((ended.status, ended.out), (1, ""))
        self.assertEqual(
            ended.err,
            "email_ifax.pop: 'maybe' is not allowed; allowed: on or off\n"
            "x.y: there is no such key\n",
        )
        as_json = self.call("set", "--json", "email_ifax.pop=maybe")
        self.assertEqual((as_json.status, json.loads(as_json.out)["errors"]), (1, errors))

    def test_wrong_use(self) -> None:
        """No assignment, one without =, a key given twice are wrong use; nothing is sent."""
        wrong = ([], ["email_ifax.pop"], ["=on"], ["a.b=1", "settings.a.b=2"])
        self.assertEqual([self.call("set", *each).status for each in wrong], [2] * 4)
        self.assertEqual(self.machine.asked, [])

    def test_without_equals_sign(self) -> None:
        """A key and a value with a space between them are refused with what is meant."""
        self.assertIn(
            "'email_ifax.pop' is not allowed; allowed: KEY=VALUE; did you mean email_ifax.pop=on?\n",
            self.call("set", "email_ifax.pop", "on").err,
        )


class SecretTests(CallCase):
    """`set --set-secret`."""

    def secret(self, *arguments: str, **given: str) -> Ended:
        """Set the POP password."""
        return self.call("set", "--set-secret", PASSWORD, *arguments, **given)

    def assert_set(self, ended: Ended, value: str) -> None:
        """Check that the machine was given this, and that it is nowhere in the output."""
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertEqual(ended.out, f"{PASSWORD} = ••••••\n")
        self.assertEqual(self.machine.last("PATCH", "/api/settings").json(), {PASSWORD: value})

    def test_environment(self) -> None:
        """It is taken from IRSEND_SECRET, as it stands there."""
        self.assert_set(self.secret(IRSEND_SECRET=" hunter 2=ä "), " hunter 2=ä ")

    def test_file(self) -> None:
        """A file wins over the environment; the end of its line, LF or CR LF, is not part of it."""
        file = Path(self.mktemp())
        for octets, value in ((b"s3cret", "s3cret"), (b"a b \n", "a b "), (b"x\r\n", "x")):
            file.write_bytes(octets)
            ended = self.secret("--secret-file", str(file), IRSEND_SECRET="other")
            self.assert_set(ended, value)

    def test_wrong_file(self) -> None:
        """A file that is missing, has two lines, or is no text is named and not repeated."""
        file = Path(self.mktemp())
        for octets in (b"s3cret\nmore\n", b"s3cret\xff", b"s3cret" * 1000):
            file.write_bytes(octets)
            ended = self.secret("--secret-file", str(file))
            self.assertEqual(ended.status, 2)
            self.assertIn(
                f"{file}: this is not allowed; allowed: the secret on one line", ended.err
            )
            self.assertNotIn("s3cret", ended.err)
        ended = self.secret("--secret-file", f"{file}.txt")
        self.assertEqual(ended.status, 2)
        self.assertIn(f"--secret-file: {file}.txt: No such file or directory", ended.err)

    def test_empty(self) -> None:
        """An empty file is refused, with how to take a password away; nothing is changed."""
        file = Path(self.mktemp())
        file.write_text("\n")
        ended = self.secret("--secret-file", str(file))
        self.assertEqual(ended.status, 2)
        self.assertIn(
            f"{PASSWORD}: nothing was given; `irsendctl set {PASSWORD}=` takes the password away\n",
            ended.err,
        )
        self.assert_nothing_changed()

    def test_together(self) -> None:
        """Secrets and other settings are changed in one request."""
        self.secret("email_ifax.pop=on", IRSEND_SECRET="x")
        self.assertEqual(
            self.machine.last("PATCH", "/api/settings").json(),
            {"email_ifax.pop": "on", PASSWORD: "x"},
        )

    def test_no_terminal(self) -> None:
        """Without file, environment and terminal it is refused, with the ways there are."""
        ended = self.secret()
        self.assertEqual(ended.status, 2)
        self.assertIn(
            f"POP Password ({PASSWORD}) cannot be asked for, as there is no terminal; give it by "
            "--secret-file FILE or in the environment (IRSEND_SECRET)\n",
            ended.err,
        )
        self.assert_nothing_changed()

    def test_no_secret(self) -> None:
        """A key that is no secret is refused with those that are; one that there is not, with the nearest."""
        for key, said in (
            (
                "email_ifax.pop",
                "email_ifax.pop is no secret: set it by KEY=VALUE; allowed for --set-secret: "
                f"{PASSWORD}\n",
            ),
            (
                "pop_pasword",
                f"pop_pasword: there is no such setting; did you mean {PASSWORD}?\n",
            ),
            ("password", f"password: there is no such setting; did you mean {PASSWORD}?\n"),
            ("colour", f"colour: there is no such setting; secrets are {PASSWORD}\n"),
        ):
            ended = self.call("set", "--set-secret", key, IRSEND_SECRET="x")
            self.assertEqual(ended.status, 2)
            self.assertIn(said, ended.err)
        self.assert_nothing_changed()

    def test_wrong_use(self) -> None:
        """A secret given twice, and a file without or for two secrets, are wrong use; nothing is asked."""
        file = Path(self.mktemp())
        file.write_text("x")
        for arguments, said in (
            ((PASSWORD + "=x", "--set-secret", PASSWORD), f"{PASSWORD} is given twice"),
            (("--set-secret", PASSWORD) * 2, f"{PASSWORD} is given twice"),
            (("a.b=1", "--secret-file", str(file)), "goes with one --set-secret KEY"),
            (
                ("--set-secret", "a.b", "--set-secret", "c.d", "--secret-file", str(file)),
                "goes with one --set-secret KEY",
            ),
        ):
            ended = self.call("set", *arguments, IRSEND_SECRET="x")
            self.assertEqual(ended.status, 2)
            self.assertIn(said, ended.err)
        self.assertEqual(self.machine.asked, [])

    def test_typed(self) -> None:
        """At a terminal it is asked for, by label and key, and not shown."""
        terminal = self.terminal()
        terminal.until(f"POP Password ({PASSWORD}): ")
        terminal.type("hunter2\n")
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn("hunter2", terminal.written)
        sent = self.machine.last("PATCH", "/api/settings").json()
        self.assertEqual(sent, {PASSWORD: "hunter2"})

    def test_not_typed(self) -> None:
        """Ctrl-C, Ctrl-D and an empty line change nothing; the terminal shows what is typed again."""
        for key, status in (("\x03", 130), ("\x04", 1), ("\n", 2)):
            terminal = self.terminal()
            terminal.until("POP Password")
            terminal.type(key)
            self.assertEqual(terminal.wait(), status, terminal.written)
            self.assertEqual(terminal.now, terminal.before)
        self.assert_nothing_changed()

    def terminal(self) -> Terminal:
        """Set the POP password at a terminal."""
        arguments = ("set", "--set-secret", PASSWORD)
        terminal = Terminal(arguments, environment(self.machine.url), (80, 24))
        self.addCleanup(terminal.end)
        return terminal

    def assert_nothing_changed(self) -> None:
        """Check that the machine was not told to change anything."""
        self.assertEqual([one.method for one in self.machine.asked if one.method != "GET"], [])
