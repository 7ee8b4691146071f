"""A mixin for trial test cases: starts printers, and stops them when the test ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

from irsend.configuration_sections import IN_MEMORY
from irsend.testing.printer import Printer

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as _TestCase
else:
    _TestCase = object


class PrinterMixin(_TestCase):
    """Mix it in before `twisted.trial.unittest.TestCase`, and call `start_printer`."""

    _printers: list[Printer]

    def start_printer(
        self,
        *,
        state: str = IN_MEMORY,
        model: str = "ir2270",
        accounts: dict[str, str] | None = None,
        limits: dict[str, object] | None = None,
        sending: dict[str, object] | None = None,
        link: dict[str, object] | None = None,
        printing: dict[str, object] | None = None,
        hostnames: tuple[str, ...] = ("localhost", "127.0.0.1"),
        **settings: object,
    ) -> Printer:
        """Return a running printer on free ports, with SMTP Receive on.

        It keeps everything in RAM, unless `state` names a directory. Settings are
        given as `window__item=value`. `accounts` (address and
        password) puts a mail host beside it, whose first account it polls.
        It is stopped when the test ends; if the test failed, the transcripts of
        its sessions stand in the report.
        """
        from twisted.internet import reactor

        printer = Printer(
            reactor,
            state=state,
            model=model,
            accounts=accounts,
            limits=limits,
            sending=sending,
            link=link,
            printing=printing,
            hostnames=hostnames,
            **settings,
        )
        printer.start()
        if not hasattr(self, "_printers"):
            self._printers = []
            self.addCleanup(lambda: Deferred.fromCoroutine(self._stop_printers()))
        self._printers.append(printer)
        return printer

    def run(self, result: Any = None) -> Any:
        """Run the test, and keep its failures: they are shown with the transcripts."""
        self._recorder = _FailureRecorder(
            result if result is not None else self.defaultTestResult()
        )
        return super().run(self._recorder)

    async def _stop_printers(self) -> None:
        printers, self._printers = self._printers, []
        try:
            for failure in self._recorder.failures:
                transcripts: list[str] = []
                for printer in printers:
                    transcripts += await printer.transcripts()
                _append(failure, "\n\n".join(transcripts))
        finally:
            stopped = [printer.stop() for printer in printers]
            await DeferredList(stopped, fireOnOneErrback=True)


class _FailureRecorder:
    """A test result that keeps its failures; everything else is the result's own."""

    def __init__(self, result: Any) -> None:
        self._result = result
        self.failures: list[Failure] = []
        directlyProvides(self, providedBy(result))

    def addFailure(self, test: Any, failure: Any, *rest: Any) -> None:
        self._keep(failure)
        self._result.addFailure(test, failure, *rest)

    def addError(self, test: Any, error: Any, *rest: Any) -> None:
        self._keep(error)
        self._result.addError(test, error, *rest)

    def _keep(self, failure: Any) -> None:
        self.failures.append(failure if isinstance(failure, Failure) else Failure(failure[1]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)


class _WithTranscripts(Exception):
    """An exception whose text ends with the transcripts."""

    def __init__(self, error: BaseException | None, transcripts: str) -> None:
        super().__init__(f"{error}\n\n{transcripts}")


def _append(failure: Failure, text: str) -> None:
    """Put a text after that of a failure: both are shown when the run is over."""
    failure.value = _WithTranscripts(failure.value, text)
