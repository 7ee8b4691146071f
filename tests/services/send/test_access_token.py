"""The access token for XOAUTH2: from a file or a command, and why there is none."""

from __future__ import annotations

import os
import shlex
import sys

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial import unittest

from irsend.configuration_sections import Sending
from irsend.services.send.access_token import TokenUnavailable, read_token, token_configured
from tests.parts import at_once


class _Waits:
    """A reactor whose clock is the test's."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.callLater = self.clock.callLater
        self.spawnProcess = reactor.spawnProcess  # type: ignore[attr-defined]


class AccessTokenTests(unittest.TestCase):
    """Reading it."""

    timeout = 30

    def token(self, **options: str) -> Deferred[bytes]:
        """Read one."""
        return read_token(Sending(**options), reactor, at_once)

    def command(self, program: str) -> str:
        """Return a command that runs a line of Python."""
        return shlex.join([sys.executable, "-c", program])

    async def test_file(self) -> None:
        """The file's first line is the token, whatever white space is around it."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("  ya29.x \n\nmore\n")
        self.assertEqual((await self.token(token_file=path)), b"ya29.x")

    async def test_command(self) -> None:
        """What a command prints is the token; it is run without a shell."""
        command = self.command("import sys; print(sys.argv[1])") + " '$HOME;x'"
        self.assertEqual((await self.token(token_command=command)), b"$HOME;x")

    async def test_none(self) -> None:
        """A missing or empty file, a failing, silent or endless command: each says which it is."""
        empty = self.mktemp()
        open(empty, "w").close()
        for options, why in (
            ({"token_file": "missing/x"}, "missing/x: No such file"),
            ({"token_file": empty}, "is empty"),
            ({"token_command": "'"}, "cannot be read"),
            ({}, "set sending.token_file"),
            ({"token_command": "/nonexistent/program"}, "program: No such file"),
            ({"token_command": self.command("import sys; sys.exit('no luck')")}, "no luck"),
            ({"token_command": self.command("pass")}, "is empty"),
            ({"token_command": self.command("print('x' * 20000)")}, "more than"),
        ):
            failure = await self.assertFailure(self.token(**options), TokenUnavailable)
            self.assertIn(why, str(failure))

    async def test_something_left_running(self) -> None:
        """What a command leaves running, its output still open, is not waited for."""
        leaving = (
            "import subprocess, sys; "
            "subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], "
            "stdin=open(sys.argv[1])); print('token')"
        )
        fifo = self.mktemp()
        os.mkfifo(fifo)
        held = os.open(fifo, os.O_RDWR)
        self.addCleanup(os.close, held)
        waits = _Waits()
        options = Sending(token_command=f"{self.command(leaving)} {fifo}")
        token = read_token(options, waits, at_once)
        # From the command's end on its output has a second.
        while [call.getTime() for call in waits.clock.getDelayedCalls()] != [1]:
            await deferLater(reactor, 0.01)
        self.assertNoResult(token)
        waits.clock.advance(1)
        self.assertEqual(await token, b"token")

    async def test_given_up(self) -> None:
        """A request for the token that is cancelled ends at once, and the command is killed."""
        token = self.token(token_command=self.command("import sys; sys.stdin.read()"))
        token.cancel()
        await self.assertFailure(token, CancelledError)

    async def test_not_in_errors(self) -> None:
        """What a failing command printed stands in no error."""
        command = self.command("import sys; print('marked'); sys.exit(3)")
        failure = await self.assertFailure(self.token(token_command=command), TokenUnavailable)
        self.assertNotIn("marked", str(failure))
        self.assertIn("status 3", str(failure))

    def test_configured(self) -> None:
        """There is something to read from where either is set."""
        self.assertFalse(token_configured(Sending()))
        self.assertTrue(token_configured(Sending(token_file="x")))
        self.assertTrue(token_configured(Sending(token_command="x")))
