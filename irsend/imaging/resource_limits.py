"""Resource limits that a worker sets on itself: a hostile file breaks one process at most."""

from __future__ import annotations

import resource
import signal
import sys

MEMORY = 3_000_000_000


def limit_process() -> None:
    """Limit memory, and allow no core dump, for the whole life of the process."""
    # The parent may have ignored this signal, which is inherited; then nothing would end the process.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    limit(resource.RLIMIT_AS, MEMORY)
    limit(resource.RLIMIT_CORE, 0)
    # The limit on files holds for compiled modules too: Python would leave half of one in its cache.
    sys.dont_write_bytecode = True


def limit_document(seconds: int, most_octets: int) -> None:
    """Limit the next document: seconds of CPU from now on, and the size of each file.

    SIGPROF ends the process when they are over, also within a decoder.
    """
    # Not RLIMIT_CPU, which counts from the start of the process: the kernel compares it with its
    # ticks, which run ahead of getrusage the further the longer the process lives, so that at
    # some time an innocent document would end the process.
    signal.setitimer(signal.ITIMER_PROF, 1 + seconds)
    _limit_softly(resource.RLIMIT_FSIZE, most_octets)


def limit(what: int, most: int) -> None:
    """Set a limit for good; a narrower one that the host has set stays."""
    _, narrowest = resource.getrlimit(what)
    if narrowest != resource.RLIM_INFINITY:
        most = min(most, narrowest)
    resource.setrlimit(what, (most, most))


def _limit_softly(what: int, most: int) -> None:
    _, narrowest = resource.getrlimit(what)
    if narrowest != resource.RLIM_INFINITY:
        most = min(most, narrowest)
    resource.setrlimit(what, (most, narrowest))
