"""Orders for the worker that prints, and its answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.imaging.workers import warm_worker


class WorkerCase(SynchronousTestCase):
    """Gives orders to a worker: the warm one, or one that ends with its orders."""

    def setUp(self) -> None:
        """Make a directory."""
        self.into = Path(self.mktemp()).resolve()
        self.into.mkdir()

    def order(self, octets: bytes, name: str = "1", **more: Any) -> dict[str, Any]:
        """Return an order to print a mail."""
        (self.into / name).write_bytes(octets)
        into = self.into / f"out-{name}"
        into.mkdir()
        return {"print": {"files": [str(self.into / name)], "into": str(into), **more}}

    def answers(self, *orders: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what the warm worker says to orders."""
        worker, _ = warm_worker()
        return [answer for order in orders for answer in worker.answers(order)]

    def answers_to_the_end(self, *orders: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what a worker of its own says to orders, until it ends."""
        self.process = subprocess.run(
            [sys.executable, "-m", "irsend.imaging.print_worker"],
            input="".join(json.dumps(order) + "\n" for order in orders),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return [json.loads(line) for line in self.process.stdout.splitlines()]
