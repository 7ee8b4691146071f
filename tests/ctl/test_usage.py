"""Wrong use: each sentence, and that none of click's own is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from irsend.ctl.command import Command, Commands
from irsend.ctl.parameter_types import Moment, ReadableFile, Seconds, WholeNumber, Word
from irsend.ctl.program import irsendctl
from tests.ctl.calls import CallCase

FILE_NEEDED = "allowed: a file that can be read, or - for standard input"

SENTENCES: dict[tuple[str, ...], str] = {
    ("stauts",): "stauts: there is no such command; did you mean status?",
    ("help",): "help: there is no such command; did you mean --help?",
    ("version",): "version: there is no such command; did you mean --version?",
    ("reset",): "reset: there is no such command; did you mean factory-reset?",
    ("generate",): "generate: there is no such command; did you mean key generate?",
    ("key", "shwo"): "shwo: there is no such command; did you mean show?",
    ("key", "colour"): "colour: there is no such command; commands are: show, generate, import",
    ("jobs", "--lmit", "5"): "--lmit: there is no such option; did you mean --limit?",
    ("jobs", "--passwrd", "x"): "--passwrd: there is no such option; did you mean --password?",
    ("clear", "--colour"): "--colour: there is no such option; options are: "
    "--url, --password, --password-file, --json, --utc, --timeout, --help",
    ("--png", "tray"): "--png is an option of tray: it stands behind the command, "
    "as in irsendctl tray --png",
    ("--limt", "tray"): "--limt: there is no such option; options are: "
    "--version, --url, --password, --password-file, --json, --utc, --timeout, --help",
    ("jobs", "--limit"): "--limit needs a value; allowed: a whole number from 1 to 10000",
    ("sessions", "--peer"): "--peer needs a value; allowed: TEXT",
    ("status", "--url"): "--url needs a value; allowed: URL",
    ("status", "--json=yes"): "--json takes no value",
    ("jobs", "--limit", "x"): "--limit: 'x' is not allowed; "
    "allowed: a whole number from 1 to 10000",
    ("jobs", "--limit", "0"): "--limit: '0' is not allowed; "
    "allowed: a whole number from 1 to 10000",
    ("tray", "--limit", "10001"): "--limit: '10001' is not allowed; "
    "allowed: a whole number from 1 to 10000",
    ("tray", "--dots", "1.5"): "--dots: '1.5' is not allowed; "
    "allowed: a whole number from 10 to 600",
    ("transcript", "٣"): "ID: '٣' is not allowed; allowed: a whole number from 0 on",
    ("status", "--timeout", "soon"): "--timeout: 'soon' is not allowed; "
    "allowed: a number of seconds above 0, up to 86400",
    ("sessions", "--kind", "smtp-recieve"): "--kind: 'smtp-recieve' is not allowed; "
    "allowed: smtp-receive, pop-receive or smtp-send; did you mean smtp-receive?",
    ("sessions", "--result", "good"): "--result: 'good' is not allowed; allowed: OK or NG",
    ("report", "--format", "txt"): "--format: 'txt' is not allowed; "
    "allowed: text, csv or pdf; did you mean text?",
    ("paper", "inn"): "'inn' is not allowed; allowed: in or out; did you mean in?",
    ("job",): "NUMBER is missing; usage: irsendctl job [OPTIONS] NUMBER",
    ("job", "first"): "NUMBER: 'first' is not allowed; "
    "allowed: a number of up to four digits, such as 0001",
    ("cancel", "12345"): "NUMBER: '12345' is not allowed; "
    "allowed: a number of up to four digits, such as 0001",
    ("job", "1", "2"): "'2' is one too many; usage: irsendctl job [OPTIONS] NUMBER",
    ("status", "history"): "'history' is one too many; did you mean --history?",
    ("send", "--to", "b@bench.test"): "FILE is missing; "
    "usage: irsendctl send --to ADDRESS [OPTIONS] FILE...",
    ("send", "-"): "--to ADDRESS is missing; "
    "usage: irsendctl send --to ADDRESS [OPTIONS] FILE...",
    ("send", "leter.pdf"): "FILE: leter.pdf: No such file or directory; "
    f"{FILE_NEEDED}; did you mean letter.pdf?",
    ("send", "."): f"FILE: .: it is a directory; {FILE_NEEDED}",
    ("send", "letter.pdf/x"): f"FILE: letter.pdf/x: Not a directory; {FILE_NEEDED}",
    ("send", "nothing"): f"FILE: nothing: No such file or directory; {FILE_NEEDED}",
    ("send", "letter.pdf", "--to", "b", "--paper", "A44"): "--paper: 'A44' is not allowed; "
    "allowed: auto, A4, A3, A5, B4, B5, LTR, LGL or 11X17; did you mean A4?",
    (
        "send",
        "letter.pdf",
        "--to",
        "b",
        "--resolution",
        "300x30",
    ): "--resolution: '300x30' is not "
    "allowed; allowed: 100x100, 150x150, 200x100, 200x200, 200x400, 300x300, 400x400 or 600x600, "
    "where one number stands for both; did you mean 300x300?",
    ("report", "--save", "."): "--save: file '.' is a directory",
    ("set",): "nothing is to be set; allowed: KEY=VALUE, or --set-secret KEY",
    ("set", "email_ifax.pop"): "'email_ifax.pop' is not allowed; allowed: KEY=VALUE",
}


class SentenceTests(CallCase):
    """What is said about wrong use."""

    def setUp(self) -> None:
        """Have a file letter.pdf in the current directory."""
        super().setUp()
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "letter.pdf").touch()
        before = Path.cwd()
        self.addCleanup(lambda: os.chdir(before))
        os.chdir(directory)

    def test_sentences(self) -> None:
        """What was given, what is allowed, and what may be meant; then the help that says more."""
        for arguments, sentence in SENTENCES.items():
            ended = self.call(*arguments)
            self.assertEqual((ended.status, ended.out), (2, ""), arguments)
            said, see = ended.err.splitlines()
            self.assertEqual(said, sentence)
            self.assertRegex(see, r"^See: irsendctl( \w+)* --help$")
        self.assertEqual(self.machine.asked, [])

    def test_no_command(self) -> None:
        """Without a command the help is printed, and the status is 2."""
        for arguments in ((), ("key",), ("wait",), ("--json",)):
            ended = self.call(*arguments)
            self.assertEqual((ended.status, ended.out), (2, ""))
            self.assertIn("Commands:\n", ended.err)

    def test_terminal_is_not_steered(self) -> None:
        """No control character of an argument reaches the terminal."""
        for arguments in (("\x1b[2J",), ("jobs", "--limit", "\x1b[2J"), ("jobs", "--\x1b[2J")):
            self.assertNotIn("\x1b", self.call(*arguments).err)

    def test_every_type(self) -> None:
        """Every argument and option is text or a flag, or of a type with sentences of its own."""
        ours = (Word, WholeNumber, Seconds, Moment, ReadableFile)
        for name, command in all_commands(irsendctl):
            self.assertIsInstance(command, (Command, Commands), name)
            for one in command.params:
                plain = isinstance(one.type, (click.types.StringParamType, click.Path))
                flag = isinstance(one, click.Option) and one.is_flag
                self.assertTrue(plain or flag or isinstance(one.type, ours), (name, one.name))


def all_commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Yield all commands of a group with their names as they are typed."""
    for name, command in group.commands.items():
        yield name, command
        if isinstance(command, click.Group):
            for inner, one in all_commands(command):
                yield f"{name} {inner}", one
