"""The plugin for pytest, by its own tests: pytester_cases.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

_REPOSITORY = Path(__file__).parents[2]
_CASES = Path(__file__).with_name("pytester_cases.py")
_OPTIONS = ["-p", "pytester", "-p", "no:twisted", "-p", "no:cacheprovider", "-q"]


class PluginTests(TestCase):
    """Pytest, with the plugin as it finds it where irsend is installed."""

    timeout = 300

    async def test_cases(self) -> None:
        """All its tests pass, and none is skipped."""
        directory = Path(self.mktemp())
        directory.mkdir()
        output, errors, status = await getProcessOutputAndValue(
            sys.executable,
            ["-m", "pytest", *_OPTIONS, str(_CASES)],
            env={**os.environ, "PYTHONPATH": str(_REPOSITORY)},
            path=str(directory),
        )
        said = (output + errors).decode("utf-8")
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"(?m)^\d+ passed(, \d+ warnings)? in ")
