"""The access token for XOAUTH2: from a file, or from a command that prints it.

It is read at each login, since tokens live for an hour. Neither it nor what a
command prints stands in a log or an error; what a failing command says on its
standard error does.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IDelayedCall, IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from irsend.configuration_sections import Sending
from irsend.services.reactor import IReactor
from irsend.store.group_commit import InThread

_LONGEST = 16_384
_PATIENCE = 30
# How long the output of a command that has ended may stay open: by what it has left running.
_LAST_WORDS = 1


class TokenUnavailable(Exception):
    """There is no token; says why."""


def token_configured(options: Sending) -> bool:
    """Say whether there is something to read a token from."""
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
        # The path is looked through, as a shell would.
        reactor.spawnProcess(command, arguments[0], arguments, env=dict(os.environ))
    except OSError as error:
        return fail(TokenUnavailable(f"the token command {arguments[0]}: {error.strerror}"))
    command.limit = reactor.callLater(_PATIENCE, command.take_too_long)
    return command.token


def _of_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return _checked(file.read(_LONGEST + 1), f"the token file {path}")
    except OSError as error:
        raise TokenUnavailable(f"the token file {path}: {error.strerror}") from None


def _checked(said: bytes, whose: str) -> bytes:
    token = said.strip().partition(b"\n")[0].strip()
    if not token or len(said) > _LONGEST:
        what = "is empty" if not token else f"has more than {_LONGEST} octets"
        raise TokenUnavailable(f"{whose} {what}")
    return token


class _Command(ProcessProtocol):
    """The command, from its start to its end."""

    transport: IProcessTransport | None

    def __init__(self, name: str, reactor: IReactor) -> None:
        self._name = f"the token command {name}"
        self._reactor = reactor
        self._exit: Failure | None = None
        self._said = b""
        self._complaint = b""
        self.limit: IDelayedCall | None = None
        self.token: Deferred[bytes] = Deferred(lambda _: self._let_go())

    def outReceived(self, data: bytes) -> None:
        """Take what it prints."""
        self._said += data
        if len(self._said) > _LONGEST:
            self._fail(f"has more than {_LONGEST} octets")

    def errReceived(self, data: bytes) -> None:
        """Keep the end of its complaints."""
        self._complaint = (self._complaint + data)[-1000:]

    def take_too_long(self) -> None:
        """Give up on it."""
        self._fail(f"takes longer than {_PATIENCE} seconds")

    def _fail(self, why: str) -> None:
        self._let_go()
        if not self.token.called:
            self.token.errback(TokenUnavailable(f"{self._name} {why}"))

    def _let_go(self) -> None:
        """Kill it, and do not wait for what it may have started."""
        self._stop_waiting()
        if self.transport is not None:
            if self.transport.pid is not None:
                self.transport.signalProcess("KILL")
            self.transport.loseConnection()

    def _stop_waiting(self) -> None:
        if self.limit is not None and self.limit.active():
            self.limit.cancel()

    def processExited(self, reason: Failure) -> None:
        """Hear that it has ended; what it has said may still be on its way."""
        self._exit = reason
        if not self.token.called:
            self._stop_waiting()
            self.limit = self._reactor.callLater(_LAST_WORDS, self._decide)

    def processEnded(self, reason: Failure) -> None:
        """Hear that all that it has said is here."""
        self._decide()

    def _decide(self) -> None:
        """Give the token, or say why there is none."""
        self._let_go()
        if self.token.called or self._exit is None:
            return
        if not self._exit.check(ProcessDone):
            words = self._complaint.decode("utf-8", "replace").strip().splitlines()
            said = f": {words[-1]}" if words else ""
            ended = self._exit.value
            status = getattr(ended, "exitCode", None)
            signal = getattr(ended, "signal", None)
            how = f"signal {signal}" if status is None else f"status {status}"
            self._fail(f"ended with {how}{said}")
            return
        try:
            self.token.callback(_checked(self._said, self._name))
        except TokenUnavailable as why:
            self.token.errback(why)
