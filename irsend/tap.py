"""`twistd irsend`: from the command line to the service.

The only module that knows the reactor by name, beside `testing.mixin`. The machine is
imported when it is made, not here: twistd imports this module to print its help.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.application.service import IService, MultiService
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.logger import Logger
from twisted.python import usage

import irsend
from irsend.errors import IrsendError

if TYPE_CHECKING:
    from irsend.assembly import Assembly
    from irsend.configuration import Configuration


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
        from twisted.internet import reactor

        from irsend.assembly import check

        try:
            self.configuration = self.read()
            check(self.configuration, reactor)
            if self["check"]:
                print(_plan(self.configuration))
                sys.exit(0)
        except IrsendError as error:
            _refuse(error)

    def read(self) -> Configuration:
        """Read the configuration that the command line names; ConfigurationError."""
        from irsend.configuration import read_configuration

        return read_configuration(
            self["config"], model=self["model"], state=self["state"], sets=self["sets"]
        )


class Irsend(MultiService):
    """What the process runs: the machine with panel and mail host; signals; a refusal to start."""

    log = Logger()

    def __init__(
        self, assembly: Assembly, read: Callable[[], Configuration], reactor: Any
    ) -> None:
        MultiService.__init__(self)
        self._read = read
        self._reactor = reactor
        self.assembly = assembly
        self.assembly.setServiceParent(self)

    def startService(self) -> None:
        """Start; an address in use or a state directory in use ends the process with 1."""
        # Now, and again when the reactor runs: it sets handlers of its own as it starts.
        self._install_signal_handlers()
        try:
            MultiService.startService(self)
        except (IrsendError, CannotListenError) as error:
            _refuse(error)
        self._reactor.callWhenRunning(self._install_signal_handlers)

    def _install_signal_handlers(self) -> None:
        for number, action in (
            (signal.SIGHUP, self._reload),
            (signal.SIGTERM, self._switch_off),
            (signal.SIGINT, self._switch_off),
        ):
            signal.signal(number, self._in_reactor(action))

    def _in_reactor(self, action: Callable[[], None]) -> Callable[..., None]:
        return lambda *_: self._reactor.callFromThread(action)

    def _switch_off(self) -> None:
        # Twisted's own handler lets the signal kill the process, so the status would not be 0.
        self.log.info("Switching off")
        with contextlib.suppress(ReactorNotRunning):
            self._reactor.stop()

    def _reload(self) -> None:
        try:
            self.assembly.reload(self._read())
        except IrsendError as error:
            self.log.error("SIGHUP: nothing was changed: {error}", error=str(error))


def makeService(options: Options) -> IService:
    """Make the service (called by twistd)."""
    from twisted.internet import reactor

    from irsend.assembly import Assembly

    try:
        assembly = Assembly(options.configuration, reactor, time.time)
    except IrsendError as error:
        _refuse(error)
    return Irsend(assembly, options.read, reactor)


def _refuse(error: Exception) -> NoReturn:
    sentence = str(error)
    if isinstance(error, CannotListenError):
        reason = getattr(error.socketError, "strerror", None) or error.socketError
        sentence = f"cannot listen on {error.interface or '*'}:{error.port}: {reason}"
    for line in sentence.splitlines():
        print(f"irsend: {line}", file=sys.stderr)
    raise SystemExit(1)


def _plan(configuration: Configuration) -> str:
    listen, mailhost = configuration.listen, configuration.mailhost
    lines = [
        f"model: {configuration.model.called}",
        f"state directory: {configuration.state}",
        f"SMTP would listen on: {listen.smtp or 'nothing (off)'}",
        f"panel would listen on: {listen.panel or 'nothing (off)'}",
    ]
    if mailhost.enabled:
        lines.append(f"mail host: SMTP {mailhost.smtp or 'off'}, POP3 {mailhost.pop3 or 'off'}")
    lines += [f"warning: {one}" for one in configuration.warnings]
    return "\n".join(lines)
