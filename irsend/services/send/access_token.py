"""The access token for XOAUTH2: from a file, or from a command that prints it.

It is read at each login, since tokens are valid for an hour. No log and no error
shows it or the output of a command; they show the standard error of a command
that failed.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IProcessTransport, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from irsend.configuration_sections import Sending
from irsend.services.reactor import IReactor
from irsend.services.timer import Timer
from irsend.store.group_commit import InThread

_LONGEST = 16_384
_COMMAND_TIMEOUT = 30
# Seconds that a command's output may stay open after its exit, by a process that it has started.
_OUTPUT_TIMEOUT = 1


class TokenUnavailable(Exception):
    """There is no token; the text says why."""


def token_configured(options: Sending) -> bool:
    """Return whether a token file or command is configured."""
    return bool(options.token_file or options.token_command)


def read_token(
    options: Sending,
    reactor: IReactor,
    on_disk: InThread,
) -> Deferred[bytes]:
    """Fire with the token, of the file where both are set; fail with TokenUnavailable."""
    if options.token_file:
        return on_disk(lambda: _of_file(options.token_file))
    try:
        arguments = shlex.split(options.token_command)
    except ValueError as error:
        return fail(TokenUnavailable(f"sending.token_command cannot be read: {error}"))
    if not arguments:
        return fail(
            TokenUnavailable("no token: set sending.token_file or sending.token_command")
        )
    command = _Command(arguments[0], reactor)
    try:
        # The command is looked for in PATH, as by a shell.
        reactor.spawnProcess(command, arguments[0], arguments, env=dict(os.environ))
    except OSError as error:
        return fail(TokenUnavailable(f"the token command {arguments[0]}: {error.strerror}"))
    command.limit.start(_COMMAND_TIMEOUT, command.take_too_long)
    return command.token


def _of_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return _checked(file.read(_LONGEST + 1), f"the token file {path}")
    except OSError as error:
        raise TokenUnavailable(f"the token file {path}: {error.strerror}") from None


def _checked(output: bytes, whose: str) -> bytes:
    token = output.strip().partition(b"\n")[0].strip()
    if not token or len(output) > _LONGEST:
        what = "is empty" if not token else f"has more than {_LONGEST} octets"
        raise TokenUnavailable(f"{whose} {what}")
    return token


class _Command(ProcessProtocol):
    """The command, from its start to its end."""

    transport: IProcessTransport | None

    def __init__(self, name: str, clock: IReactorTime) -> None:
        self._name = f"the token command {name}"
        self._exit: Failure | None = None
        self._output = b""
        self._error_output = b""
        self.limit = Timer(clock)
        self.token: Deferred[bytes] = Deferred(lambda _: self._kill())

    def outReceived(self, data: bytes) -> None:
        """Collect its output."""
        self._output += data
        if len(self._output) > _LONGEST:
            self._fail(f"has more than {_LONGEST} octets")

    def errReceived(self, data: bytes) -> None:
        """Keep the end of its standard error."""
        self._error_output = (self._error_output + data)[-1000:]

    def take_too_long(self) -> None:
        """Kill it: its time is up."""
        self._fail(f"takes longer than {_COMMAND_TIMEOUT} seconds")

    def _fail(self, why: str) -> None:
        self._kill()
        if not self.token.called:
            self.token.errback(TokenUnavailable(f"{self._name} {why}"))

    def _kill(self) -> None:
        """Kill it, and do not wait for processes that it has started."""
        self.limit.cancel()
        if self.transport is not None:
            if self.transport.pid is not None:
                self.transport.signalProcess("KILL")
            self.transport.loseConnection()

    def processExited(self, reason: Failure) -> None:
        """Note its exit; output may still arrive."""
        self._exit = reason
        if not self.token.called:
            self.limit.start(_OUTPUT_TIMEOUT, self._decide)

    def processEnded(self, reason: Failure) -> None:
        """All output has arrived: decide."""
        self._decide()

    def _decide(self) -> None:
        """Fire with the token, or fail with the reason."""
        self._kill()
        if self.token.called or self._exit is None:
            return
        if not self._exit.check(ProcessDone):
            words = self._error_output.decode("utf-8", "replace").strip().splitlines()
            said = f": {words[-1]}" if words else ""
            ended = self._exit.value
            status = getattr(ended, "exitCode", None)
            signal = getattr(ended, "signal", None)
            how = f"signal {signal}" if status is None else f"status {status}"
            self._fail(f"ended with {how}{said}")
            return
        try:
            self.token.callback(_checked(self._output, self._name))
        except TokenUnavailable as why:
            self.token.errback(why)
