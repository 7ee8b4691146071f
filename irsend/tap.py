"""`twistd irsend`: from the command line to the service.

The only module that knows the reactor by name, beside `testing.mixin`.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from twisted.application.service import IService, MultiService
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.logger import Logger
from twisted.python import usage

import irsend
from irsend.assembly import Assembly, check
from irsend.configuration import Configuration, read_configuration
from irsend.errors import IrsendError


class Options(usage.Options):
    """The command line."""

    synopsis = "[options]"
    longdesc = (
        "An office printer as mail servers meet it, without the printer. "
        "Without --config every default of etc/irsend.toml holds."
    )
    optParameters = [
        ["config", None, None, "The configuration, a TOML file (see etc/irsend.toml)."],
        ["model", None, None, "The printer: a name from `irsendctl models`, or a model file."],
        ["state", None, None, "The state directory."],
    ]
    optFlags = [
        ["check", None, "Read everything, say what would be done, and end with 0 or 1."]
    ]

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self["sets"] = []

    def opt_set(self, assignment: str) -> None:
        """Override one key: --set KEY=VALUE, such as settings.email_ifax.pop=on."""
        self["sets"].append(assignment)

    def opt_version(self) -> NoReturn:
        """Say which release this is."""
        print(f"irsend {irsend.__version__}")
        sys.exit(0)

    def postOptions(self) -> None:
        """Read the configuration before anything else happens; end with 1 where it is wrong."""
        try:
            self.configuration = self.read()
            from twisted.internet import reactor

            check(self.configuration, reactor)
            if self["check"]:
                print(_what_would_be_done(self.configuration))
                sys.exit(0)
        except IrsendError as error:
            _refuse(error)

    def read(self) -> Configuration:
        """Read the configuration that the command line names; ConfigurationError."""
        return read_configuration(
            self["config"], model=self["model"], state=self["state"], sets=self["sets"]
        )


class Irsend(MultiService):
    """The machine and its faces, as one service. What keeps it from starting is said in a sentence."""

    log = Logger()

    def __init__(self, options: Options, reactor: Any) -> None:
        MultiService.__init__(self)
        self._options = options
        self._reactor = reactor
        self.assembly = Assembly(options.configuration, reactor, time.time)
        self.assembly.setServiceParent(self)

    def startService(self) -> None:
        """Start; an address in use or a state directory in use ends the process with 1."""
        # Now, and again when the reactor runs: it sets handlers of its own as it starts.
        self._hear_signals()
        try:
            MultiService.startService(self)
        except (IrsendError, CannotListenError) as error:
            _refuse(error)
        self._reactor.callWhenRunning(self._hear_signals)

    def _hear_signals(self) -> None:
        for number, heard in (
            (signal.SIGHUP, self._read_again),
            (signal.SIGTERM, self._switch_off),
            (signal.SIGINT, self._switch_off),
        ):
            signal.signal(number, self._from_signal(heard))

    def _from_signal(self, heard: Callable[[], None]) -> Callable[..., None]:
        return lambda *_: self._reactor.callFromThread(heard)

    def _switch_off(self) -> None:
        # Twisted's own way ends the process by the signal, so not with status 0.
        self.log.info("Switching off")
        with contextlib.suppress(ReactorNotRunning):
            self._reactor.stop()

    def _read_again(self) -> None:
        try:
            self.assembly.reload(self._options.read())
        except IrsendError as error:
            self.log.error("SIGHUP: nothing was changed: {error}", error=str(error))


def makeService(options: Options) -> IService:
    """Make the service (called by twistd)."""
    from twisted.internet import reactor

    try:
        service: IService = Irsend(options, reactor)
    except IrsendError as error:
        _refuse(error)
    return service


def _refuse(error: Exception) -> NoReturn:
    sentence = str(error)
    if isinstance(error, CannotListenError):
        reason = getattr(error.socketError, "strerror", None) or error.socketError
        sentence = f"cannot listen on {error.interface or '*'}:{error.port}: {reason}"
    for line in sentence.splitlines():
        print(f"irsend: {line}", file=sys.stderr)
    raise SystemExit(1)


def _what_would_be_done(configuration: Configuration) -> str:
    listen, mailhost = configuration.listen, configuration.mailhost
    lines = [
        f"model: {configuration.model.called}",
        f"state directory: {configuration.state}",
        f"SMTP would listen on: {listen.smtp or 'nothing (off)'}",
        f"panel would listen on: {listen.panel or 'nothing (off)'}",
    ]
    if mailhost.enabled:
        lines.append(f"mail host: SMTP {mailhost.smtp or 'off'}, POP3 {mailhost.pop3 or 'off'}")
    return "\n".join(lines)
