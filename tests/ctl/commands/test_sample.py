"""`irsendctl sample`: the configuration that comes with irsend."""

from __future__ import annotations

import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.ctl.calls import PATIENCE, command, environment

_SHIPPED = Path(__file__).parents[3] / "etc" / "irsend.toml"


class SampleTests(SynchronousTestCase):
    """The command that prints a configuration."""

    def test_sample(self) -> None:
        """It prints etc/irsend.toml octet for octet in any locale, also where no machine is there."""
        for locale in ("C", "C.UTF-8"):
            ended = subprocess.run(
                command("sample"),
                env=environment("http://nowhere.invalid:1", LC_ALL=locale),
                capture_output=True,
                timeout=PATIENCE,
            )
            self.assertEqual((ended.returncode, ended.stderr), (0, b""))
            self.assertEqual(ended.stdout, _SHIPPED.read_bytes())

    def test_help(self) -> None:
        """Its help names no option that says which machine is asked."""
        ended = subprocess.run(
            command("sample", "--help"), capture_output=True, text=True, timeout=PATIENCE
        )
        self.assertIn("irsendctl sample > irsend.toml", ended.stdout)
        self.assertNotIn("Options of irsendctl", ended.stdout)
