"""Test cases that end in each way that a test can, for the runners that test_runners starts.

Each of them delivers a mail, whose sender is the test's name: it stands in the transcript.
"""

from __future__ import annotations

import smtplib
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.trial import unittest

from irsend.testing import PrinterMixin


class Delivering(PrinterMixin, unittest.TestCase):
    async def delivered(self) -> None:
        self.printer = self.start_printer()

        def talk() -> None:
            with smtplib.SMTP(*self.printer.smtp, timeout=10) as client:
                sender = f"{self._testMethodName}@bench.test"
                client.sendmail(sender, ["fax@localhost"], "Subject: it\r\n\r\nit\r\n")

        await deferToThread(talk)
        await self.printer.wait_for_mail()


class Failing(Delivering):
    async def test_assertion(self) -> None:
        await self.delivered()
        self.assertEqual("one", "other")

    async def test_assert_statement(self) -> None:
        await self.delivered()
        assert self.printer.mails == []

    async def test_exception(self) -> None:
        await self.delivered()
        raise KeyError("name")

    def test_deferred(self) -> Deferred[None]:
        delivered = Deferred.fromCoroutine(self.delivered())
        return delivered.addCallback(lambda _: self.fail("in a callback"))

    async def test_wait(self) -> None:
        await self.delivered()
        await self.printer.wait_for_mail(2, timeout=0)

    async def test_timeout(self) -> None:
        await self.delivered()
        await Deferred[None]()

    # So that it ends before another test would.
    test_timeout.timeout = 1  # type: ignore[attr-defined]

    async def test_subtest(self) -> None:
        await self.delivered()
        with self.subTest(part=2):
            self.fail("in a part")

    async def test_cleanup_after_the_printers(self) -> None:
        self.addCleanup(self.fail, "in a clean-up")
        await self.delivered()

    async def test_cleanup_before_the_printers(self) -> None:
        await self.delivered()
        self.addCleanup(self.fail, "in a clean-up")

    async def test_logged(self) -> None:
        await self.delivered()
        try:
            raise ValueError("logged")
        except ValueError:
            Logger().failure("It went wrong.")

    async def test_unclean(self) -> None:
        await self.delivered()
        later: Any = reactor
        later.callLater(1000, lambda: None)


class FailingInSetUp(Delivering):
    async def setUp(self) -> None:
        await self.delivered()
        self.fail("in setUp")

    def test_set_up(self) -> None:
        pass


class FailingInTearDown(Delivering):
    def tearDown(self) -> None:
        self.fail("in tearDown")

    async def test_tear_down(self) -> None:
        await self.delivered()


class Passing(Delivering):
    async def test_passing(self) -> None:
        await self.delivered()

    async def test_skipped(self) -> None:
        await self.delivered()
        raise unittest.SkipTest("not here")


class Expected(Delivering):
    async def test_expected_failure(self) -> None:
        await self.delivered()
        self.fail("as ever")

    test_expected_failure.todo = "to be done"  # type: ignore[attr-defined]

    async def test_unexpected_success(self) -> None:
        await self.delivered()

    test_unexpected_success.todo = "to be done"  # type: ignore[attr-defined]
