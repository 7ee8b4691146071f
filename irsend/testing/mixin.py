"""A mixin for Twisted's test cases: starts printers, and stops them when the test ends."""

from __future__ import annotations

import unittest
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.trial.unittest import TestCase

from irsend.configuration_sections import IN_MEMORY
from irsend.testing.failures import FailuresWithTranscripts
from irsend.testing.printer import Printer

if TYPE_CHECKING:
    _TestCase = TestCase
else:
    _TestCase = object


class PrinterMixin(_TestCase):
    """Mix it in before `twisted.trial.unittest.TestCase`, and call `start_printer`.

    trial, unittest and pytest run such a test case. Raises TypeError where a class mixes
    it into another test case: no reactor runs there.
    """

    _printers: list[Printer]

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        bases = cls.__mro__
        if not issubclass(cls, unittest.TestCase):
            return
        if TestCase not in bases or bases.index(TestCase) < bases.index(PrinterMixin):
            given = ", ".join(
                f"{base.__module__}.{base.__qualname__}" for base in cls.__bases__
            )
            raise TypeError(
                f"{cls.__name__}({given}): PrinterMixin needs the reactor of Twisted's test case. "
                f"Write {cls.__name__}(PrinterMixin, twisted.trial.unittest.TestCase), in this "
                "order; trial, unittest and pytest run it."
            )

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
        hostnames: Sequence[str] = ("localhost", "127.0.0.1"),
        assignments: Sequence[str] = (),
        **settings: object,
    ) -> Printer:
        """Return a running printer on free ports, with SMTP Receive on.

        It keeps everything in RAM, unless `state` names a directory. Settings are
        given as `window__item=value`. `assignments` are KEY=VALUE as `--set` takes
        them. `accounts` (address and password) puts a mail host beside it, whose
        first account it polls. It is stopped when the test ends; if the test
        failed, the transcripts of its sessions stand in the report.
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
            assignments=assignments,
            **settings,  # type: ignore[arg-type]  # no setting is called as an option
        )
        printer.start()
        if not self._printers:
            self.addCleanup(lambda: Deferred.fromCoroutine(self._stop_printers()))
        self._printers.append(printer)
        return printer

    def run(self, result: Any = None) -> Any:
        """Run the test; its failures are shown with the transcripts of its printers."""
        result = self.defaultTestResult() if result is None else result
        failures = FailuresWithTranscripts(result, self._transcripts)
        self._printers = []
        try:
            return super().run(failures)
        finally:
            # Where the run was interrupted, the end of the test was not reported.
            failures.pass_on()
            self._printers = []

    async def _stop_printers(self) -> None:
        stopped = [printer.stop() for printer in self._printers]
        await DeferredList(stopped, fireOnOneErrback=True)

    def _transcripts(self) -> str:
        texts = [text for printer in self._printers for text in printer.last_transcripts]
        return "\n" + "\n\n".join(texts) if texts else ""
