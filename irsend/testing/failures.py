"""What a test shows when it fails: its failures, each with the transcripts of the test's printers.

The transcripts are a note on the exception (PEP 678), so that no runner must be known:
unittest and pytest show notes, and `_NotedFailure` shows them in trial's reports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python import log
from twisted.python.failure import Failure
from twisted.trial.itrial import IReporter
from twisted.trial.unittest import PyUnitResultAdapter
from zope.interface import directlyProvides, providedBy

from irsend.testing.errors import NotInTime


class FailuresWithTranscripts:
    """The result of one test; it passes everything on to the runner's own result.

    Failures are held until the test has ended: a result of unittest formats a failure
    at once, and the transcripts are complete when the printers have stopped.
    """

    def __init__(self, result: Any, transcripts: Callable[[], str]) -> None:
        self._result = result if IReporter.providedBy(result) else _PlainResult(result)
        self._transcripts = transcripts
        self._held: list[tuple[Callable[..., None], Any, Any]] = []
        directlyProvides(self, IReporter, providedBy(self._result))

    def addFailure(self, test: Any, failure: Any) -> None:
        """Hold a failed assertion."""
        self._held.append((self._result.addFailure, test, failure))

    def addError(self, test: Any, error: Any) -> None:
        """Hold an error; a wait that was in vain is a failed assertion."""
        in_vain = isinstance(error, Failure) and isinstance(error.value, NotInTime)
        add = self._result.addFailure if in_vain else self._result.addError
        self._held.append((add, test, error))

    def stopTest(self, test: Any) -> None:
        """Pass on what was held, while the result still counts it to this test."""
        self.pass_on()
        self._result.stopTest(test)

    def pass_on(self) -> None:
        """Pass on what is held, with the transcripts."""
        held, self._held = self._held, []
        for add, test, failure in held:
            _add_note(failure, self._transcripts())
            add(test, failure)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)


class _PlainResult(PyUnitResultAdapter):
    """A result of unittest or pytest; trial's adapter refuses expected failures and has no `stop`."""

    def addExpectedFailure(self, test: Any, error: Failure, todo: object = None) -> None:
        """Report a failure of a test that is marked `todo`."""
        self.original.addExpectedFailure(test, self._exc_info(error))

    def addUnexpectedSuccess(self, test: Any, todo: object = None) -> None:
        """Report that a test passed that is marked `todo`."""
        self.original.addUnexpectedSuccess(test)

    def stop(self) -> None:
        """End the run: the test was interrupted by the keyboard."""
        self.original.stop()


class _NotedFailure(Failure):
    """A failure whose text ends with the notes of its exception; Twisted's own shows none."""

    def getErrorMessage(self) -> str:
        """Return the text for trial's workers (`trial -j`)."""
        return "\n".join([super().getErrorMessage(), *_notes(self.value)])

    def printTraceback(
        self, file: Any = None, elideFrameworkCode: bool = False, detail: str = "default"
    ) -> None:
        """Write the text for trial's reports."""
        written = log.logerr if file is None else file
        super().printTraceback(written, elideFrameworkCode, detail)
        for note in _notes(self.value):
            written.write(f"{note}\n")


def _notes(error: BaseException | None) -> list[str]:
    return getattr(error, "__notes__", [])


def _add_note(failure: Any, text: str) -> None:
    """Add a note to a failure, or to an exception as `sys.exc_info` has it; once to each exception."""
    if isinstance(failure, Failure):
        # The same object: pytest has put a mark on it.
        failure.__class__ = _NotedFailure
    error = failure.value if isinstance(failure, Failure) else failure[1]
    if error is not None and text and text not in _notes(error):
        error.add_note(text)
