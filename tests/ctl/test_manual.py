"""The man page, etc/irsendctl.1."""

from __future__ import annotations

import re
from pathlib import Path

import click
from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl.manual import manual
from irsend.ctl.program import irsendctl
from tests.ctl.test_help import options_of
from tests.ctl.test_usage import all_commands

_SHIPPED = Path(__file__).parents[2] / "etc" / "irsendctl.1"


class ManualTests(SynchronousTestCase):
    """The page beside the help texts that it is made from."""

    def test_shipped(self) -> None:
        """The shipped page is what `make man` makes."""
        self.assertEqual(_SHIPPED.read_text("utf-8"), manual())

    def test_whole(self) -> None:
        """Each command is in it with each option of its help, and its help's words."""
        sections = re.split(r"(?m)^\.SS ", manual().replace("\\-", "-"))
        by_command = {one.partition("\n")[0]: one for one in sections}
        for name, command in all_commands(irsendctl):
            section = by_command[f"irsendctl {name}"]
            for option in options_of(command, hidden=False):
                self.assertRegex(section, rf"(?m)^\.B .*{option}\b", name)
            self.assertIn((command.help or "").split()[0], section)

    def test_text_is_no_request(self) -> None:
        """No line of text is taken for a request of man, and no backslash for an escape."""

        @click.command(help="Begin.\n\n.SH this is text of \\fB mine, and 'so on'.")
        def strange() -> None:
            """Do nothing."""

        group = click.Group("irsendctl", commands={"strange": strange}, help="A group.")
        page = manual(group)
        self.assertIn("\n\\&.SH this is text of \\efB mine, and \\(aqso on\\(aq.\n", page)
