"""The Containerfile: what it sets is the configuration of a machine that can be reached."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from irsend.assembly import check
from irsend.configuration import read_configuration
from irsend.sample_configuration import BENCH

_FILE = Path(__file__).resolve().parent.parent / "Containerfile"


class ContainerTests(SynchronousTestCase):
    """The instructions of the last stage."""

    def setUp(self) -> None:
        """Read the file."""
        text = _FILE.read_text("utf-8").replace("\\\n", " ")
        stage = text.rpartition("\nFROM ")[2]
        self.instructions = dict(re.findall(r"(?m)^([A-Z]+) (.*)$", stage))

    def test_environment(self) -> None:
        """Its variables are keys of the configuration, and all that listens can be reached at its ports."""
        environment = dict(one.split("=", 1) for one in shlex.split(self.instructions["ENV"]))
        read = read_configuration(environment=environment, without_file=BENCH)
        check(read, reactor)
        self.assertTrue(read.state.startswith(self.instructions["WORKDIR"]))
        self.assertEqual(
            json.loads(self.instructions["VOLUME"]), [self.instructions["WORKDIR"]]
        )
        listens = (read.listen.smtp, read.listen.panel, read.mailhost.smtp, read.mailhost.pop3)
        self.assertEqual(
            list(listens), [f"tcp:{port}" for port in self.instructions["EXPOSE"].split()]
        )
        self.assertEqual(len(read.variables), 5)

    def test_program(self) -> None:
        """It runs irsend-machine, not as root."""
        self.assertEqual(json.loads(self.instructions["ENTRYPOINT"]), ["irsend-machine"])
        self.assertRegex(self.instructions["USER"], r"\A[1-9][0-9]+\Z")
