"""The man page of irsendctl, read by man and checked by mandoc."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.live.case import LiveTestCase

_PAGE = str(Path(__file__).parents[2] / "etc" / "irsendctl.1")


class ManualTests(LiveTestCase):
    """etc/irsendctl.1."""

    programs = ("man", "mandoc")

    def read(self, *words: str) -> str:
        """Return what a program says of the page."""
        ended = subprocess.run(
            [*words, _PAGE],
            env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ended.stdout

    def test_lint(self) -> None:
        """Mandoc finds nothing wrong but that it has no date, man nothing."""
        said = self.read("mandoc", "-T", "lint").splitlines()
        self.assertEqual([one for one in said if "missing date" not in one], [])
        page = self.read("man", "--warnings", "-l")
        self.assertNotIn("warning", page.lower())
        self.assertIn("irsendctl factory-reset [OPTIONS]", page)
