"""Completion: bash itself offers commands, options, and values that irsend or the machine knows."""

from __future__ import annotations

from pathlib import Path

from irsend.device.model import model_names
from irsend.device.windows import ITEMS
from tests.ctl.calls import CallCase
from tests.ctl.completing import completions


class CompletionTests(CallCase):
    """The script of `irsendctl completion bash`, in bash."""

    def setUp(self) -> None:
        """Make a directory for the program."""
        super().setUp()
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()

    def offered(self, *words: str, url: str = "") -> list[str]:
        """Return what bash offers for the last of these words."""
        return completions(self.directory, "bash", *words, url=url)

    def test_commands_and_options(self) -> None:
        """Commands, also those of a group, and options are offered; with one letter those that begin so."""
        self.assertEqual(self.offered("fac"), ["factory-reset"])
        self.assertEqual(self.offered("key", ""), ["show", "generate", "import"])
        self.assertIn("--subject", self.offered("send", "--s"))
        self.assertEqual(self.offered("report", "--format", ""), ["text", "csv", "pdf"])

    def test_models(self) -> None:
        """Names of models are offered where one may stand."""
        names = model_names()
        self.assertEqual(self.offered("probe", "smtp://h", "--model", ""), names)
        self.assertEqual(
            self.offered("models", "ir"), [one for one in names if one.startswith("ir")]
        )

    def test_settings(self) -> None:
        """A key ends in =, and behind it stand its words, however the shell splits the line."""
        self.assertEqual(self.offered("set", ""), [f"{key}=" for key in ITEMS])
        key = "authent_encryption.allow_ssl_smtp_receive"
        self.assertEqual(self.offered("set", key), [f"{key}="])
        self.assertEqual(self.offered("set", f"{key}=o"), [f"{key}=off", f"{key}=on"])
        # As bash splits it by COMP_WORDBREAKS.
        self.assertEqual(self.offered("set", key, "=", ""), ["off", "on", "ssl"])
        self.assertEqual(self.offered("set", key, "=", "s"), ["ssl"])
        self.assertEqual(
            self.offered("set", f"{key}=on", "email_ifax.pop_i"), ["email_ifax.pop_interval="]
        )
        self.assertEqual(
            self.offered("set", "--set-secret", ""),
            [k for k, one in ITEMS.items() if one.secret],
        )
        self.assertIn("receiving_mac_address", self.offered("settings", "rec"))

    def test_numbers(self) -> None:
        """Numbers of jobs, sessions, documents and mails are those that the machine has."""
        for words, path, number in (
            (("job", ""), "/api/jobs", "number"),
            (("transcript", ""), "/api/sessions", "id"),
            (("tray", ""), "/api/tray", "number"),
            (("mail", ""), "/api/mails", "id"),
        ):
            rows = self.machine.answers[f"GET {path}"].body
            expected = [str(row[number]) for row in rows]
            self.assertTrue(expected)
            self.assertEqual(self.offered(*words, url=self.machine.url), expected)

    def test_without_machine(self) -> None:
        """Where no machine is, no number is offered, and nothing is printed."""
        self.assertEqual(self.offered("job", ""), [])
        self.assertEqual(self.offered("job", "--url", "nonsense", ""), [])

    def test_password(self) -> None:
        """A machine whose password is not given is asked, and the terminal is not."""
        self.restart(password="secret")
        self.assertEqual(self.offered("job", "", url=self.machine.url), [])
        self.assertTrue(self.offered("--password", "secret", "job", "", url=self.machine.url))

    def test_unknown_shell(self) -> None:
        """A shell that is not known is refused with those that are."""
        ended = self.call("completion", "ksh")
        self.assertEqual(ended.status, 2)
        self.assertIn("'ksh' is not allowed; allowed: bash, zsh or fish", ended.err)
