"""The runners of tests: trial, unittest and pytest, each as a process of its own."""

from __future__ import annotations

import re
import sys
import unittest as standard
from collections import Counter
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial import unittest

from irsend.testing import PrinterMixin
from tests.testing import ends

_REPOSITORY = Path(__file__).parents[2]


def failing() -> list[str]:
    """Return the names of the tests that fail, in alphabetical order."""
    cases = (ends.Failing, ends.FailingInSetUp, ends.FailingInTearDown)
    return sorted(name for case in cases for name in dir(case) if name.startswith("test_"))


class RunnerTests(unittest.TestCase):
    """The same test cases under each runner: tests/testing/ends.py."""

    timeout = 120

    async def said(self, *arguments: str) -> str:
        """Run Python to its end, which says that tests have failed; return what it said."""
        directory = Path(self.mktemp())
        directory.mkdir()
        output, errors, status = await getProcessOutputAndValue(
            sys.executable,
            ["-m", *arguments],
            env={"PYTHONPATH": str(_REPOSITORY), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            path=str(directory),
        )
        said = (output + errors).decode("utf-8")
        self.assertEqual(status, 1, said)
        return said

    def assert_shown(self, said: str) -> None:
        """Each failure is shown with its own transcript, once, and no other test with one."""
        senders = Counter(re.findall(r"(?i)C: mail from:<(\w+)@bench\.test>", said))
        self.assertEqual(senders, Counter(failing()), said)
        self.assertEqual(said.count("S: 250 2.6.0 Message accepted"), len(failing()))

    async def test_trial(self) -> None:
        """Trial shows the transcripts at each failure, and counts each end of a test."""
        said = await self.said("twisted.trial", "tests.testing.ends")
        self.assert_shown(said)
        self.assertIn(
            "(skips=1, expectedFailures=1, failures=4, errors=9, unexpectedSuccesses=1, successes=1)",
            said,
        )

    async def test_trial_with_workers(self) -> None:
        """Trial shows the transcripts of tests that its workers have run, too."""
        # Not `Expected`: Twisted's own workers cannot report tests marked as todo.
        cases = [f"tests.testing.ends.{case}" for case in ("Failing", "Passing")]
        cases += [
            f"tests.testing.ends.{case}" for case in ("FailingInSetUp", "FailingInTearDown")
        ]
        said = await self.said("twisted.trial", "-j", "2", *cases)
        self.assert_shown(said)
        self.assertIn("(skips=1, failures=4, errors=9, successes=1)", said)

    async def test_unittest(self) -> None:
        """Unittest shows the transcripts at each failure, and counts each end of a test."""
        said = await self.said("unittest", "tests.testing.ends")
        self.assert_shown(said)
        self.assertIn(
            "(failures=4, errors=9, skipped=1, expected failures=1, unexpected successes=1)",
            said,
        )

    async def test_pytest(self) -> None:
        """Pytest shows the transcripts at each failure, and counts each end of a test."""
        await self.assert_pytest()

    async def test_pytest_with_workers(self) -> None:
        """Pytest shows the transcripts of tests that the workers of pytest-xdist have run, too."""
        await self.assert_pytest("-n", "2")

    async def assert_pytest(self, *options: str) -> None:
        """Pytest shows what it must with these options."""
        file = str(_REPOSITORY / "tests" / "testing" / "ends.py")
        said = await self.said(
            "pytest", "-p", "no:cacheprovider", "-p", "no:twisted", *options, file
        )
        self.assert_shown(said)
        self.assertIn("14 failed, 1 passed, 1 skipped, 1 xfailed", said)


class OtherTestCasesTests(unittest.SynchronousTestCase):
    """Test cases in which no reactor runs."""

    def assert_refused(self, *bases: type) -> None:
        """A class with these bases is refused with a sentence that says how to write it."""
        error = self.assertRaises(TypeError, type, "MailerTests", bases, {})
        names = ", ".join(f"{base.__module__}.{base.__qualname__}" for base in bases)
        self.assertIn(f"MailerTests({names})", str(error))
        self.assertIn("MailerTests(PrinterMixin, twisted.trial.unittest.TestCase)", str(error))

    def test_unittest(self) -> None:
        """A test case of unittest is refused."""
        self.assert_refused(PrinterMixin, standard.TestCase)

    def test_asyncio(self) -> None:
        """A test case of unittest that runs asyncio is refused."""
        self.assert_refused(PrinterMixin, standard.IsolatedAsyncioTestCase)

    def test_synchronous(self) -> None:
        """Twisted's synchronous test case is refused."""
        self.assert_refused(PrinterMixin, unittest.SynchronousTestCase)

    def test_order(self) -> None:
        """A test case that stands before the mixin is refused."""
        self.assert_refused(unittest.TestCase, PrinterMixin)

    def test_mixin(self) -> None:
        """A mixin of one's own may stand between, and a test case below."""
        own = type("Own", (PrinterMixin,), {})
        case = type("Case", (own, unittest.TestCase), {})
        self.assertTrue(issubclass(type("Below", (case,), {}), PrinterMixin))
