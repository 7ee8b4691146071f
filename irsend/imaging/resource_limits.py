"""Limits that a worker sets itself: a file made to break a decoder breaks one process and no more."""

from __future__ import annotations

import resource
import signal
import sys

MEMORY = 3_000_000_000


def limit_process() -> None:
    """Limit memory, and leave no core: for as long as the process lives."""
    # Who started it may have ignored this, and then nothing would end it.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    limit(resource.RLIMIT_AS, MEMORY)
    limit(resource.RLIMIT_CORE, 0)
    # A limit on files holds for what Python compiles too, and would leave half of it in its cache.
    sys.dont_write_bytecode = True


def limit_document(seconds: int, most_octets: int) -> None:
    """Limit the next document: so many seconds of CPU from now, and the size of each file.

    SIGPROF ends the process when they are over, also within a decoder.
    """
    # Not RLIMIT_CPU, which is of the whole life: the kernel holds that against its ticks, which
    # run ahead of what getrusage says, the further the longer a process lives. At some time
    # a document is hit that is innocent.
    signal.setitimer(signal.ITIMER_PROF, 1 + seconds)
    _limit_softly(resource.RLIMIT_FSIZE, most_octets)


def limit(what: int, most: int) -> None:
    """Set a limit; where the machine's own is narrower that holds, and cannot be widened."""
    _, narrowest = resource.getrlimit(what)
    if narrowest != resource.RLIM_INFINITY:
        most = min(most, narrowest)
    resource.setrlimit(what, (most, most))


def _limit_softly(what: int, most: int) -> None:
    _, narrowest = resource.getrlimit(what)
    if narrowest != resource.RLIM_INFINITY:
        most = min(most, narrowest)
    resource.setrlimit(what, (most, narrowest))
