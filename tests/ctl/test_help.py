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
ASK_NO_MACHINE = ("probe", "explain", "sample", "completion", "run")
"""Commands that take no URL and no password."""


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
        self.assertEqual(
            where_shared(irsendctl.commands["jobs"]),
            "Options of irsendctl: --url, --password, --json, --timeout: see irsendctl --help\n",
        )
        for name, command in all_commands(irsendctl):
            said = self.help(name)
            shared = said.count("Options of irsendctl:")
            self.assertEqual(shared, 1 if options_of(command, hidden=True) else 0, name)
            self.assertIn(where_shared(command) if shared else "", said, name)
            for option in options_of(command, hidden=True):
                self.assertNotRegex(said, rf"(?m)^  {option}\b", name)

    def test_taken_behind_a_command(self) -> None:
        """Each command takes the options of irsendctl all the same; `wait` has a --timeout of its own."""
        for name, command in all_commands(irsendctl):
            hidden = options_of(command, hidden=True)
            missing = {one for one in SHARED if one not in hidden}
            if name.partition(" ")[0] == "wait":
                self.assertEqual(missing, {"--timeout"}, name)
                self.assertIn("--timeout", options_of(command, hidden=False))
            elif name not in ASK_NO_MACHINE:
                self.assertEqual(missing, set(), name)

    def test_summaries(self) -> None:
        """Each command stands in the list with the whole first sentence of its help."""
        groups = [name for name, one in all_commands(irsendctl) if isinstance(one, click.Group)]
        listed = " ".join(" ".join(self.help(name) for name in ["", *groups]).split())
        for name, command in all_commands(irsendctl):
            (sentence,) = re.findall(r"^.*?\.(?= |$)", " ".join((command.help or "").split()))
            self.assertIn(f" {name.split()[-1]} {sentence}", listed)
        self.assertNotIn("...", listed.replace("[ARGS]...", "").replace("COMMAND ...", ""))

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
                if re.fullmatch(r"\w+\.(?:pdf|jpg|tiff|pem|txt|toml)", word):
                    Path(word).touch()
            self.assertEqual(arguments.pop(0), "irsendctl")
            command: click.Command = irsendctl
            context = click.Context(command)
            while isinstance(command, click.Group):
                name = arguments.pop(0)
                command = command.commands[name]
            # Raises where it is not taken.
            command.make_context(name, arguments, parent=context)


def options_of(command: click.Command, *, hidden: bool) -> list[str]:
    """Return the options of a command that its help shows, or those that it does not."""
    options = [one for one in command.params if isinstance(one, click.Option)]
    return [max(one.opts, key=len) for one in options if one.hidden is hidden]


def where_shared(command: click.Command) -> str:
    """Return the line that names the options of irsendctl which a command takes."""
    hidden = options_of(command, hidden=True)
    names = [one for one in SHARED if one in hidden and one != "--password-file"]
    return f"Options of irsendctl: {', '.join(names)}: see irsendctl --help\n"
