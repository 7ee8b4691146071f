"""`python -m irsend.testing.process_server FD`: the process in which machines of blocking tests run.

It carries out the calls that come on a socket, and ends with that socket. `calls`
has the form of calls and answers. All its machines share one reactor.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
from operator import attrgetter
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure

from irsend.errors import IrsendError
from irsend.testing.calls import Answer, Call, packed
from irsend.testing.errors import MachineGone
from irsend.testing.printer import Printer
from irsend.testing.shared_workers import SharedWorkers


class CallServer(Int32StringReceiver):
    """Carries out the calls of one test process."""

    MAX_LENGTH = 2**31 - 1

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._printers: dict[int, Printer] = {}
        self._workers = SharedWorkers()

    def stringReceived(self, string: bytes) -> None:
        """Carry out one call, beside those that have not ended."""
        call: Call = pickle.loads(string)  # noqa: S301 it comes from our own process
        Deferred.fromCoroutine(self._answer(call))

    async def _answer(self, call: Call) -> None:
        try:
            answer = Answer(call.number, await self._carry_out(call), None)
        except Exception as error:
            answer = Answer(call.number, None, error)
        if self.connected:
            self.sendString(_packed(answer))

    async def _carry_out(self, call: Call) -> object:
        if call.name == "start":
            self._start(call)
            return None
        printer = self._printers.get(call.machine)
        if printer is None:
            raise MachineGone("The machine is switched off.")
        if call.name == "stop":
            del self._printers[call.machine]
            await printer.stop()
            return printer.last_transcripts
        asked = attrgetter(call.name)(printer)
        found = asked(*call.arguments, **call.words) if callable(asked) else asked
        return await found if isinstance(found, Deferred) else found

    def _start(self, call: Call) -> None:
        # Paths that a test gives are relative to where it runs.
        (directory,) = call.arguments
        if directory:
            os.chdir(str(directory))
        words: dict[str, Any] = call.words
        printer = Printer(self._reactor, make_print_pool=self._workers.make_print_pool, **words)
        printer.start()
        self._printers[call.machine] = printer

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End with the test process."""
        Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        printers, self._printers = self._printers, {}
        try:
            await DeferredList([one.stop() for one in printers.values()], consumeErrors=True)
            await self._workers.stop()
        finally:
            self._reactor.stop()


def _packed(answer: Answer) -> bytes:
    """Return an answer as it is sent; of what cannot be sent, and of errors of irsend's own, the text."""
    error = answer.error
    if error is None or isinstance(error, (IrsendError, AssertionError, ValueError, OSError)):
        try:
            content = packed(answer)
            pickle.loads(content)  # noqa: S301 as above
            return content
        except Exception as not_sent:
            error = error or not_sent
    text = f"irsend failed:\n{Failure(error).getTraceback()}"
    return packed(Answer(answer.number, None, RuntimeError(text)))


def main() -> None:
    """Serve the socket whose descriptor is the argument, until the other end is closed."""
    from twisted.internet import reactor

    the_reactor: Any = reactor
    warnings = LogLevelFilterPredicate(LogLevel.warn)
    observer = FilteringLogObserver(textFileLogObserver(sys.stderr), [warnings])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    descriptor = int(sys.argv[1])
    factory = Factory.forProtocol(lambda: CallServer(the_reactor))
    the_reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, factory)
    os.close(descriptor)
    the_reactor.run()


if __name__ == "__main__":
    main()
