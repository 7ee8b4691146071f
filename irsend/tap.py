"""`twistd irsend`: from the command line to the service.

The only module that knows the reactor by name, beside `testing.mixin`. The machine is
imported when it is made, not here: twistd imports this module to print its help.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.application.service import IService, MultiService
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger
from twisted.python import usage

import irsend
from irsend.errors import IrsendError

if TYPE_CHECKING:
    from irsend.assembly import Assembly
    from irsend.configuration import Configuration
    from irsend.protocols.listen_failures import CannotListen


_LONGEST_WORD = 100
"""Octets that twistd reads of why a process in the background could not start."""
_ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104


class Options(usage.Options):
    """The command line."""

    synopsis = "[options]"
    longdesc = (
        "An office printer as mail servers meet it, without the printer. "
        "Without --config it runs the bench that `irsendctl sample` prints: "
        "a machine that receives, polls and sends, and a mail host beside it."
    )
    optParameters = [
        [
            "config",
            None,
            None,
            "The configuration, a TOML file (`irsendctl sample` prints one).",
        ],
        ["model", None, None, "The printer: a name from `irsendctl models`, or a model file."],
        ["state", None, None, "The state directory."],
    ]
    optFlags = [
        [
            "bare",
            None,
            "The machine's factory state instead of the bench: no mail host either.",
        ],
        ["check", None, "Read everything, say what would be done, and end with 0 or 1."],
        [
            "print-config",
            None,
            "Print the configuration in force as TOML, and where each value is from.",
        ],
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

    def parseArgs(self, *arguments: str) -> None:
        """Refuse what is no option; UsageError."""
        if arguments:
            raise usage.UsageError(f"{arguments[0]!r} is not allowed; allowed: options only")

    @property
    def source(self) -> str:
        """Where the configuration comes from, for log and --check."""
        if self["config"] is not None:
            return str(self["config"])
        if self["bare"]:
            return "the factory state (--bare)"
        return "the bench of `irsendctl sample` (no --config)"

    def postOptions(self) -> None:
        """Read the configuration before anything else happens; end with 1 where it is wrong."""
        if self["bare"] and self["config"] is not None:
            raise usage.UsageError(
                "--bare and --config exclude each other: --bare is the factory state, without a file"
            )
        from twisted.internet import reactor

        from irsend.assembly import check

        try:
            self.configuration = self.read()
            check(self.configuration, reactor)
            if self["print-config"]:
                from irsend.effective_configuration import effective

                print(effective(self.configuration))
                sys.exit(0)
            if self["check"]:
                print(_plan(self.configuration, self.source))
                sys.exit(0)
        except IrsendError as error:
            _refuse(error)

    def read(self) -> Configuration:
        """Read the configuration that the command line names; ConfigurationError."""
        from irsend.configuration import read_configuration
        from irsend.sample_configuration import BENCH

        return read_configuration(
            self["config"],
            without_file={} if self["bare"] else BENCH,
            model=self["model"],
            state=self["state"],
            sets=self["sets"],
            environment=os.environ,
        )


class Irsend(MultiService):
    """What the process runs: the machine with panel and mail host; signals; a refusal to start."""

    log = Logger()

    def __init__(self, assembly: Assembly, options: Options, reactor: Any) -> None:
        MultiService.__init__(self)
        self._options = options
        self._reactor = reactor
        self.assembly = assembly
        self.assembly.setServiceParent(self)

    def startService(self) -> None:
        """Start; an address in use or a state directory in use ends the process with 1."""
        from irsend.protocols.listen_failures import CannotListen

        # Now, and again when the reactor runs: it sets handlers of its own as it starts.
        self._install_signal_handlers()
        self.log.info(
            "Configuration: {source}", source=self._options.source, log_system="irsend"
        )
        variables = self._options.configuration.variables
        if variables:
            self.log.info(
                "Environment: {names}", names=", ".join(variables), log_system="irsend"
            )
        new = not Path(self._options.configuration.state).exists()
        try:
            MultiService.startService(self)
        except CannotListen as error:
            self._refuse_to_start(f"{error}{_consequence(error, self._options.configuration)}")
        except IrsendError as error:
            self._refuse_to_start(str(error))
        self._reactor.callWhenRunning(self._install_signal_handlers)
        if new:
            from irsend.next_steps import next_steps

            for sentence in next_steps(self.assembly):
                self.log.info("{sentence}", sentence=sentence, log_system="irsend")

    def _refuse_to_start(self, sentence: str) -> NoReturn:
        """End the process with 1; where twistd has gone to the background, its first process too.

        That one waits for a word by a pipe, which twistd itself writes for an Exception only,
        and prints the beginning of it.
        """
        # First into the log: once the first process has ended, people read it.
        _say(sentence)
        twistd: Mapping[str, Any] = self._options.parent or {}
        pipe = twistd.get("statusPipe")
        if pipe is not None:
            word = f"1 {sentence.partition(chr(10))[0]}"
            os.write(pipe, word.encode("ascii", "backslashreplace")[:_LONGEST_WORD])
            os.close(pipe)
            Path(twistd["pidfile"]).unlink(missing_ok=True)
        raise SystemExit(1)

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
            self.assembly.reload(self._options.read())
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
    return Irsend(assembly, options, reactor)


def _say(sentence: str) -> None:
    for line in sentence.splitlines():
        print(f"irsend: {line}", file=sys.stderr)


def _refuse(error: Exception) -> NoReturn:
    _say(str(error))
    raise SystemExit(1)


def _consequence(error: CannotListen, configuration: Configuration) -> str:
    """Return what else must change with the port of the remedy; empty for nothing."""
    another = error.another_port
    if another is None:
        return ""
    if error.key == "listen.panel":
        host = error.interface if error.interface not in _ANY_ADDRESS else "127.0.0.1"
        host = f"[{host}]" if ":" in host else host
        return f"\nirsendctl finds the panel there with --url http://{host}:{another}"
    setting = {"mailhost.smtp": "smtp_tx_port", "mailhost.pop3": "pop3_port"}.get(error.key)
    whole = f"service_mode.{setting}"
    settings = {**configuration.settings, **configuration.overrides}
    if settings.get(whole) != error.port:
        return ""
    return f"\nthe machine finds the mail host there with --set settings.{whole}={another}"


def _plan(configuration: Configuration, source: str) -> str:
    listen, mailhost = configuration.listen, configuration.mailhost
    smtp = f"{listen.smtp} (while SMTP Receive is on)" if listen.smtp else "nothing (off)"
    lines = [
        f"configuration: {source}",
        *(f"environment: {one}" for one in [", ".join(configuration.variables)] if one),
        f"model: {configuration.model.called}",
        f"state directory: {configuration.state}",
        f"SMTP would listen on: {smtp}",
        f"panel would listen on: {listen.panel or 'nothing (off)'}",
    ]
    if mailhost.enabled:
        lines.append(f"mail host: SMTP {mailhost.smtp or 'off'}, POP3 {mailhost.pop3 or 'off'}")
    lines += [f"warning: {one}" for one in configuration.warnings]
    return "\n".join(lines)
