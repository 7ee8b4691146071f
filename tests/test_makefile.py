"""The Makefile: its help, what an installation says of itself, what is cleared away."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

_TOP = Path(__file__).resolve().parent.parent
_LEFT_BY_MACHINES = {"twistd.pid", "twistd.log", "var"}


class Case(SynchronousTestCase):
    """Runs make in a directory of its own, with the checkout's Makefile."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        for name in ("Makefile", "setup.cfg", "pyproject.toml"):
            shutil.copy(_TOP / name, self.directory)

    def make(self, *arguments: str) -> str:
        """Return what make prints; it must end with 0."""
        done = subprocess.run(
            # Not as a part of the make that may run this test.
            ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "make", *arguments],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout


class HelpTests(Case):
    """`make help`."""

    def test_every_target(self) -> None:
        """Each target that is no file stands in the help with a sentence, and nothing else does."""
        makefile = (_TOP / "Makefile").read_text("utf-8")
        match = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
        assert match
        shown = re.findall(r"^make (\w+) +\S.+$", self.make("help"), re.MULTILINE)
        self.assertEqual(shown, match[1].split())

    def test_default(self) -> None:
        """`make` alone prints the help, and starts nothing."""
        self.assertEqual(self.make(), self.make("help"))


class InstallTests(Case):
    """What is said while things are installed."""

    def test_said_before_each_step(self) -> None:
        """Before each installation stands a line with what is installed and how long it takes."""
        for target in ("run", "test", "live", "bench", "dev"):
            printed = self.make("-n", f".venv/.{target}")
            steps = re.findall(r"^.*(?:pip install|-m venv).*$", printed, re.MULTILINE)
            said = re.findall(
                r'^echo "[^"]+ (?:about a minute|a few seconds)\."\n(.+)$',
                printed,
                re.MULTILINE,
            )
            self.assertEqual(said, steps)
            self.assertGreaterEqual(len(steps), 2)


class CleanTests(Case):
    """`make clean` and `make distclean`."""

    def setUp(self) -> None:
        """Make all that git does not see, as if it had been built."""
        super().setUp()
        self.kept = set(self.names())
        ignored = (_TOP / ".gitignore").read_text("utf-8").split()
        self.made = {pattern.strip("/").replace("*", "x") for pattern in ignored}
        for place in (Path(), Path("tests/live")):
            for name in self.made:
                path = self.directory / place / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("")

    def names(self) -> list[str]:
        """Return what lies in the directory."""
        return [path.name for path in self.directory.iterdir()]

    def test_clean(self) -> None:
        """`make clean` deletes all that git does not see but what machines have left."""
        self.assertTrue(self.made >= _LEFT_BY_MACHINES - {"twistd.log"})
        self.make("clean")
        left = {name.removesuffix("x") for name in self.names()}
        self.assertEqual(left - self.kept - {"docs", "tests"}, _LEFT_BY_MACHINES)
        self.assertEqual(list((self.directory / "docs").iterdir()), [])
        built = {"__pycache__", "x.pyc", "dropin.cache"}
        self.assertTrue(built <= self.made)
        there = {path.name for path in (self.directory / "tests" / "live").iterdir()}
        self.assertEqual(there & built, set())

    def test_distclean(self) -> None:
        """`make distclean` deletes what machines have left too."""
        self.make("distclean")
        self.assertEqual(set(self.names()) - self.kept, {"docs", "tests"})
