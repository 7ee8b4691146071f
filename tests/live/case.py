"""A test against real programs: what it needs, where its files are, what its failure shows."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.trial.unittest import SkipTest, TestCase

from tests.live.programs import Program, path_of
from tests.live.waiting import wait_until

_SHOWN = 6000
"""Characters of each program's last words in the report of a failure."""


class LiveTestCase(TestCase):
    """Skips, or fails under IRSEND_LIVE=required, where something that it needs is missing."""

    timeout = 120
    programs: ClassVar[tuple[str, ...]] = ()
    """What must be installed."""
    modules: ClassVar[tuple[str, ...]] = ()
    """Python's modules, of irsend's extras, that must be installed."""
    as_root = False
    """Whether a server among them can be started by root only."""

    def setUp(self) -> None:
        """Look for what the test needs, and make its directory."""
        self.reactor: Any = reactor
        self._evidence: list[tuple[str, Callable[[], str]]] = []
        missing = [name for name in self.programs if path_of(name) is None]
        missing += [name for name in self.modules if importlib.util.find_spec(name) is None]
        if missing:
            self.lacking(f"{' and '.join(missing)} must be installed for this test")
        if self.as_root and os.geteuid() != 0:
            self.lacking("this test starts a server that only root can start")
        # Not in trial's directory: servers that give up root must reach it from
        # the file system's root on, and the path of a Unix socket is short.
        self.directory = Path(tempfile.mkdtemp(prefix="irsend-live-"))
        self.directory.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        test = getattr(self, self._testMethodName)
        setattr(self, self._testMethodName, self._with_evidence(test))

    def lacking(self, sentence: str) -> None:
        """Skip the test for this reason, or fail it where skipping is not allowed."""
        if os.environ.get("IRSEND_LIVE") == "required":
            self.fail(sentence)
        raise SkipTest(sentence)

    def keep_evidence(self, title: str, source: Callable[[], str]) -> None:
        """Show this at the end of a failure's report."""
        self._evidence.append((title, source))

    def start(self, title: str, *arguments: str, **details: Any) -> Program:
        """Start a program that ends with the test at the latest."""
        program = Program(self.reactor, arguments, **details)
        self.addCleanup(program.stop)
        self.keep_evidence(title, lambda: program.output)
        return program

    async def until(
        self, condition: Callable[[], Any], meaning: str, within: float = 20.0
    ) -> Any:
        """Wait for a condition; the test fails with its meaning where it does not come."""
        return await wait_until(self.reactor, condition, meaning, within)

    def _with_evidence(self, test: Callable[[], Any]) -> Callable[[], Any]:
        @functools.wraps(test)
        async def with_evidence() -> None:
            try:
                await maybeDeferred(test)
            except SkipTest:
                raise
            except Exception as error:
                shown = [
                    f"=== {title}\n{source()[-_SHOWN:]}" for title, source in self._evidence
                ]
                error.args = ("\n".join([str(error) or repr(error), *shown]),)
                raise

        return with_evidence
