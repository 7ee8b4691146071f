"""The faults of the machine itself, and orders by the configuration and by HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial import unittest

from irsend.configuration import configuration
from irsend.errors import ConfigurationError
from irsend.testing import PrinterMixin
from tests.services.faults.clients import Seen, smtp_session


class _TestCase(PrinterMixin, unittest.TestCase):
    """A printer, its HTTP interface and sessions of SMTP."""

    def setUp(self) -> None:
        """Start it."""
        self.printer = self.start_printer()

    def smtp(self, **more: Any) -> Deferred[Seen]:
        """Return what smtplib sees."""
        return deferToThread(smtp_session, self.printer.smtp, **more)

    def ask(self, method: str, path: str, body: object = None) -> Deferred[tuple[int, Any]]:
        """Fire with status and JSON of an answer."""
        request = urllib.request.Request(
            self.printer.panel + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )

        def talk() -> tuple[int, Any]:
            try:
                with urllib.request.urlopen(request) as answer:
                    octets = answer.read()
                    return answer.status, json.loads(octets) if octets else None
            except urllib.error.HTTPError as error:
                return error.code, json.loads(error.read())

        return deferToThread(talk)


class MachineTests(_TestCase):
    """Memory, paper, clock and restart."""

    async def test_memory_full(self) -> None:
        """A full memory refuses mail with 452, until the order is taken back."""
        with self.printer.faults("memory-full"):
            self.assertEqual((await self.smtp()).end, "mail: 452 4.3.1 Insufficient memory")
        self.assertEqual((await self.smtp()).end, "done")

    async def test_paper_out(self) -> None:
        """Without paper the machine says so, and with it again when the order is taken back."""
        await self.printer.load_paper()
        with self.printer.faults("paper-out"):
            self.assertIs((await self.ask("GET", "api/status"))[1]["paper"], False)
        self.assertIs((await self.ask("GET", "api/status"))[1]["paper"], True)

    async def test_clock(self) -> None:
        """A clock that is ten years behind dates the journal's sessions so."""
        with self.printer.faults("clock-behind-315360000"):
            await self.smtp()
        await self.smtp()
        _, [now, then] = await self.ask("GET", "api/sessions")
        years = int(now["started"][:4]) - int(then["started"][:4])
        self.assertIn(years, (9, 10, 11))

    async def test_restart(self) -> None:
        """A restart in the middle of the content resets the session; later the machine takes mail again."""
        with self.printer.faults("restart-0.1-content scope=next"):
            self.assertEqual((await self.smtp()).end.rpartition(": ")[2], "RST")
        self.assertEqual(self.printer.mails, [])
        while True:
            try:
                address = self.printer.smtp
            except AssertionError:
                # It does not listen yet; the reactor runs meanwhile.
                await self.printer.sessions()
            else:
                break
        self.assertEqual((await deferToThread(smtp_session, address)).end, "done")

    async def test_restart_of_others(self) -> None:
        """A restart resets the sessions that other clients have."""
        with self.printer.faults("delay-9-data scope=next"):
            other = self.smtp(patience=9)
            while "fault: delay-9-data" not in "".join(await self.printer.transcripts()):
                pass
        with self.printer.faults("restart-0.1-rcpt scope=next"):
            self.assertEqual((await self.smtp()).end, "rcpt: RST")
        self.assertEqual((await other).end, "data: RST")


class ConfigurationTests(unittest.TestCase):
    """[faults] in the configuration."""

    def test_orders(self) -> None:
        """Orders are read into their own form."""
        read = configuration(faults={"orders": ["451", "drop-after-rcpt scope=1"]})
        self.assertEqual(read.faults.orders, ("451-rcpt", "drop-after-rcpt scope=next"))

    def test_wrong(self) -> None:
        """A wrong order is refused with its key, and the nearest right one."""
        error = self.assertRaises(
            ConfigurationError, configuration, faults={"orders": ["451-dat"]}
        )
        self.assertIn("faults.orders", str(error))
        self.assertIn("did you mean 451-data?", str(error))


class ConfiguredTests(PrinterMixin, unittest.TestCase):
    """A machine with orders in its configuration."""

    async def test_in_force(self) -> None:
        """They are in force from the start."""
        printer = self.start_printer(faults={"orders": ["451-data scope=next"]})
        for end in ("data: 451 Fault on purpose", "done"):
            self.assertEqual((await deferToThread(smtp_session, printer.smtp)).end, end)


class APITests(_TestCase):
    """/api/faults."""

    async def test_add(self) -> None:
        """One order is added to those in force; the same order is begun anew."""
        await self.ask("PUT", "api/faults", {"order": "451-data"})
        await self.ask("PUT", "api/faults", {"order": "delay-0.1", "scope": "next"})
        _, answer = await self.ask("PUT", "api/faults", {"order": "451-data"})
        self.assertEqual(
            [(one["order"], one["sessions_left"]) for one in answer["faults"]],
            [("delay-0.1-rcpt scope=next", 1), ("451-data", None)],
        )
        self.assertEqual((await self.smtp()).end, "data: 451 Fault on purpose")
        _, answer = await self.ask("GET", "api/faults")
        self.assertEqual(
            [(one["order"], one["happened"]) for one in answer["faults"]], [("451-data", 1)]
        )

    async def test_replace(self) -> None:
        """A list is what is in force, and nothing else."""
        await self.ask("PUT", "api/faults", {"order": "451-data"})
        orders = ["550-rcpt", {"order": "silence-end", "times": 3}]
        status, answer = await self.ask("PUT", "api/faults", {"faults": orders})
        self.assertEqual(status, 200)
        self.assertEqual(
            [one["order"] for one in answer["faults"]], ["550-rcpt", "silence-end times=3"]
        )

    async def test_take_back(self) -> None:
        """All orders are taken back, or one by its number."""
        _, answer = await self.ask("PUT", "api/faults", {"faults": ["550-rcpt", "451-data"]})
        first = answer["faults"][0]["number"]
        self.assertEqual((await self.ask("DELETE", f"api/faults/{first}"))[0], 204)
        self.assertEqual((await self.ask("DELETE", f"api/faults/{first}"))[0], 404)
        _, answer = await self.ask("GET", "api/faults")
        self.assertEqual([one["order"] for one in answer["faults"]], ["451-data"])
        self.assertEqual((await self.ask("DELETE", "api/faults"))[0], 204)
        self.assertEqual((await self.smtp()).end, "done")

    async def test_wrong(self) -> None:
        """A wrong order is refused with a sentence, and nothing is ordered."""
        for body, key, words in (
            ({"order": "451-dat"}, "order", "did you mean 451-data?"),
            ({"faults": ["451-data", "dely-30"]}, "faults[1]", "did you mean delay-30?"),
            ({"faults": "451-data"}, "faults", "allowed: a list"),
            ({"order": "451-data", "scop": "next"}, "order", "did you mean scope?"),
            ({}, "order", "is missing"),
        ):
            status, problem = await self.ask("PUT", "api/faults", body)
            self.assertEqual(status, 422)
            self.assertEqual(problem["errors"][0]["key"], key)
            self.assertIn(words, problem["errors"][0]["problem"])
        self.assertEqual((await self.ask("GET", "api/faults"))[1]["faults"], [])

    async def test_authority(self) -> None:
        """The authority of wrong certificates can be had, so that a client can trust it."""
        self.assertIsNone((await self.ask("GET", "api/faults"))[1]["authority"])
        await self.ask("PUT", "api/faults", {"order": "certificate-expired"})
        _, answer = await self.ask("GET", "api/faults")
        self.assertIn("BEGIN CERTIFICATE", answer["authority"])
