"""Failures of work in the background: what was not foreseen is logged with its traceback.

A disk that fails is: `irsend.store.disk_health` tells of it, once for all.
"""

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure


def log_unexpected(log: Logger, words: str, failure: Failure | None = None) -> None:
    """Log a failure, by default the exception being handled, unless it is the disk's."""
    failure = failure or Failure()
    if not failure.check(OSError):
        log.failure(words, failure)
