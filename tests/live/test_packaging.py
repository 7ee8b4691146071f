"""The unit of systemd and the Containerfile, each read by the program that knows its language."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.live.case import LiveTestCase

_TOP = Path(__file__).parents[2]


class UnitTests(LiveTestCase):
    """etc/irsend.service."""

    programs = ("systemd-analyze",)

    def verify(self, unit: str) -> str:
        """Return what systemd says of a unit, with the program of this environment in its place."""
        file = self.directory / "irsend.service"
        program = self.directory / "twistd"
        if not program.exists():
            shutil.copy(sys.executable, program)
        file.write_text(unit.replace("/opt/irsend/bin", str(self.directory)), "utf-8")
        ended = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.stdout + ended.stderr

    def test_verify(self) -> None:
        """Systemd finds nothing to say of the unit, and something of one with a wrong word."""
        unit = (_TOP / "etc" / "irsend.service").read_text("utf-8")
        self.assertEqual(self.verify(unit), "")
        wrong = unit.replace("DynamicUser=yes", "DynamicUser=perhaps")
        self.assertIn("Failed to parse boolean value: perhaps", self.verify(wrong))


class ContainerfileTests(LiveTestCase):
    """Containerfile."""

    # Of irsend[live].
    programs = (str(Path(sys.executable).with_name("hadolint")),)

    def test_lint(self) -> None:
        """Hadolint finds nothing to say."""
        ended = subprocess.run(
            [*self.programs, str(_TOP / "Containerfile")],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((ended.stdout, ended.returncode), ("", 0))
