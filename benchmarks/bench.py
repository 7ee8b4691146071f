"""The bench of one run: a private directory on the disk to be measured, and its sizes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path


class Failed(Exception):
    """A side could not do its work; the sentence says why."""


class Bench:
    """Where a run's servers live, and how large its loads are."""

    def __init__(self, directory: Path, scale: float = 1.0, quiet: bool = False) -> None:
        self.scale = scale
        self.quiet = quiet
        self.directory = Path(tempfile.mkdtemp(prefix="irsend-bench-", dir=directory))
        # Dovecot and Postfix leave root behind and still have to come this far.
        self.directory.chmod(0o711)

    def place(self, name: str) -> Path:
        """Make a new directory for one server or client."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))

    def count(self, full: int, least: int = 1) -> int:
        """Return how many of something there are at this run's scale."""
        return max(least, round(full * self.scale))

    def say(self, text: str) -> None:
        """Tell the one who waits what is being done; never part of the result."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def clear_away(self) -> None:
        """Remove everything this run has written."""
        shutil.rmtree(self.directory, ignore_errors=True)


def empty(directory: Path) -> None:
    """Delete the files below a directory and keep its directories."""
    for folder, _, files in os.walk(directory):
        for name in files:
            os.unlink(os.path.join(folder, name))


def files_below(directory: Path) -> int:
    """Count the files below a directory."""
    return sum(len(files) for _, _, files in os.walk(directory))
