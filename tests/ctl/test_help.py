"""--help: the options of irsendctl once, whole sentences, and examples that are right."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import click

from irsend.ctl.command import Command
from irsend.ctl.program import irsendctl
from tests.ctl.calls import CallCase
from tests.ctl.test_usage import all_commands

SHARED = ("--url", "--password", "--password-file", "--json", "--timeout")
WHERE_SHARED = (
    "Options of irsendctl: --url, --password, --json, --timeout: see irsendctl --help\n"
)
WHERE_SHARED_OF_WAIT = WHERE_SHARED.replace(", --timeout", "")
"""`wait` has a --timeout of its own."""


class HelpTests(CallCase):
    """The help of irsendctl and of each command."""

    def help(self, name: str = "") -> str:
        """Return a help text in 80 columns."""
        ended = self.call(*name.split(), "--help", COLUMNS="80")
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertLessEqual(max(map(len, ended.out.splitlines())), 80, name)
        return ended.out

    def test_shared_options(self) -> None:
        """The options of irsendctl are in its own help, and in that of a command named on one line."""
        whole = self.help()
        for option in SHARED:
            self.assertRegex(whole, rf"(?m)^  {option} ")
        self.assertNotIn("Options of irsendctl", whole)
        for name, _ in all_commands(irsendctl):
            said = self.help(name)
            waits = name.partition(" ")[0] == "wait"
            where = WHERE_SHARED_OF_WAIT if waits else WHERE_SHARED
            self.assertEqual(said.count(where), 1, name)
            for option in SHARED[:-1] if waits else SHARED:
                self.assertNotRegex(said, rf"(?m)^  {option}\b", name)

    def test_taken_behind_a_command(self) -> None:
        """Each command takes the options of irsendctl all the same."""
        for name, command in all_commands(irsendctl):
            options = {one for param in command.params for one in param.opts}
            self.assertLessEqual(set(SHARED), options, name)

    def test_summaries(self) -> None:
        """Each command stands in the list with the whole first sentence of its help."""
        listed = " ".join(f"{self.help()} {self.help('key')} {self.help('wait')}".split())
        for name, command in all_commands(irsendctl):
            (sentence,) = re.findall(r"^.*?\.(?= |$)", " ".join((command.help or "").split()))
            self.assertIn(f" {name.split()[-1]} {sentence}", listed)
        self.assertNotIn("...", listed.replace("[ARGS]...", ""))

    def test_examples(self) -> None:
        """Each example of a help text is a command line that is taken."""
        directory = Path(self.mktemp())
        directory.mkdir()
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(directory)
        examples = [
            example
            for _, command in all_commands(irsendctl)
            if isinstance(command, Command)
            for example in command.examples
        ]
        self.assertGreater(len(examples), 10)
        for example in examples:
            arguments = shlex.split(example.rpartition("| ")[2].partition(" > ")[0])
            for word in arguments:
                if re.fullmatch(r"\w+\.(?:pdf|jpg|tiff|pem|txt)", word):
                    Path(word).touch()
            self.assertEqual(arguments.pop(0), "irsendctl")
            command: click.Command = irsendctl
            context = click.Context(command)
            while isinstance(command, click.Group):
                name = arguments.pop(0)
                command = command.commands[name]
            # Raises where it is not taken.
            command.make_context(name, arguments, parent=context)
