"""Server-sent events, over real TCP."""

from __future__ import annotations

import json
import re
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from irsend.device.status import StatusText
from tests.panel.machine import NOW
from tests.panel.served import ServedPanel, Wire, read_answer
from tests.panel.test_tray import ORDER

FIRST = int(NOW * 1000)


def events_in(heard: bytes) -> list[tuple[int, str, Any]]:
    """Return number, name and data of each event of a stream."""
    return [
        (int(number), name.decode(), json.loads(data))
        for number, name, data in re.findall(rb"id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n", heard)
    ]


class EventTests(ServedPanel):
    """A stream of events."""

    async def listen(self, headers: str = "", method: str = "GET") -> Wire:
        """Open a stream."""
        wire = await self.connect()
        wire.transport.write(
            f"{method} /api/events HTTP/1.1\r\nHost: {self.where}\r\n{headers}\r\n".encode()
        )
        await wire.until(b"\r\n\r\n")
        return wire

    async def test_head_of_the_stream(self) -> None:
        """A stream begins with its headers and a retry time before any event."""
        wire = await self.listen()
        heard = await wire.until(b"retry: 2000\n\n")
        self.assertIn(b"HTTP/1.1 200 OK\r\n", heard)
        self.assertIn(b"Content-Type: text/event-stream; charset=utf-8\r\n", heard)
        self.assertEqual(events_in(heard), [])

    async def test_events(self) -> None:
        """Changes of settings, status line, sessions and jobs are events, numbered one by one."""
        wire = await self.listen()
        device = self.machine.device
        device.change_settings({"email_ifax.pop": True, "email_ifax.pop_password": "hidden"})
        device.job_accepted("rx", "a@bench.test")
        session = device.session_began("smtp-receive", "192.0.2.7")
        device.show_status(StatusText.SMTP_RX_REJECT, session.id)
        heard = await wire.until(b"RX Reject")
        events = events_in(heard)
        self.assertEqual([number for number, _, _ in events], list(range(FIRST, FIRST + 5)))
        self.assertEqual(
            [name for _, name, _ in events], ["setting", "job", "session", "status", "status"]
        )
        data = [value for _, _, value in events]
        self.assertEqual(
            data[0], {"changes": {"email_ifax.pop": True, "email_ifax.pop_password": None}}
        )
        self.assertEqual(data[1]["number"], "5001")
        self.assertEqual(data[2]["peer"], "192.0.2.7")
        self.assertEqual((data[3]["state"], data[3]["status_line"]), ("receiving", ""))
        self.assertEqual(data[4]["status_line"], "SSL Error (SMTP RX Reject)")
        self.assertNotIn(b"hidden", heard)

    async def test_printing(self) -> None:
        """Each printed page, the document, and its removal with the reason are events."""
        wire = await self.listen()
        device = self.machine.device
        job = device.printing_began(device.new_job("rx", "a@bench.test"))
        device.page_printed(job, 2)
        device.document_printed(ORDER)
        device.printing_ended(job, result="OK")
        device.document_removed(ORDER, "it was taken out")
        events = events_in(await wire.until(b"it was taken out"))
        self.assertEqual(
            [name for _, name, _ in events],
            ["job", "status", "page", "tray", "job", "status", "tray"],
        )
        data = [value for _, _, value in events]
        self.assertEqual([data[1]["state"], data[5]["state"]], ["printing", "ready"])
        self.assertEqual(
            data[2], {"direction": "rx", "number": "5001", "page": 2, "pages": None}
        )
        document = (await self.tray())[0]
        self.assertEqual(data[3], {"document": document, "removed": None})
        self.assertEqual(data[6], {"document": document, "removed": "it was taken out"})

    async def tray(self) -> Any:
        """Return the printed document as GET /api/tray gives it."""
        self.machine.tray = [ORDER]
        return (await self.ask("GET", "/api/tray")).json()

    async def test_paper(self) -> None:
        """A change of the paper is a status event; no change is none."""
        wire = await self.listen()
        device = self.machine.device
        device.change_paper(False)
        device.change_paper(False)
        device.change_paper(True)
        device.job_accepted("rx", "last@bench.test")
        events = events_in(await wire.until(b"last@bench.test"))
        self.assertEqual([name for _, name, _ in events], ["status", "status", "job"])
        self.assertEqual([shape["paper"] for _, _, shape in events[:2]], [False, True])

    async def test_resumed(self) -> None:
        """Last-Event-ID brings the events behind that one, and none twice."""
        for count in range(3):
            self.machine.device.job_accepted("rx", f"{count}@bench.test")
        wire = await self.listen(f"Last-Event-ID: {FIRST}\r\n")
        events = events_in(await wire.until(b"2@bench.test"))
        self.assertEqual([number for number, _, _ in events], [FIRST + 1, FIRST + 2])

    async def test_resumed_from_elsewhere(self) -> None:
        """An id of an earlier process brings the whole buffer."""
        self.machine.device.job_accepted("rx", "first@bench.test")
        for number in (FIRST - 50_000, FIRST + 99):
            wire = await self.listen(f"Last-Event-ID: {number}\r\n")
            self.assertEqual(len(events_in(await wire.until(b"first@bench.test"))), 1)
        wire = await self.listen("Last-Event-ID: yesterday\r\n")
        self.machine.device.job_accepted("rx", "second@bench.test")
        self.assertNotIn(b"first@", await wire.until(b"second@bench.test"))

    async def test_ring_is_bounded(self) -> None:
        """The buffer keeps only the last 500 events."""
        for count in range(600):
            self.machine.device.job_accepted("rx", f"{count}@bench.test")
        wire = await self.listen(f"Last-Event-ID: {FIRST}\r\n")
        events = events_in(await wire.until(b"599@bench.test"))
        self.assertEqual((len(events), events[0][0]), (500, FIRST + 100))

    async def test_keep_alive(self) -> None:
        """A quiet stream gets a comment every 15 seconds; without a stream no call is scheduled."""
        self.assertEqual(self.clock_calls(), 0)
        wire = await self.listen()
        await wire.until(b"retry")
        self.clock.advance(15)
        await wire.until(b": keep-alive\n\n")
        wire.transport.abortConnection()
        await wire.closed
        await self.until(lambda: self.clock_calls() == 0)

    async def test_slow_client(self) -> None:
        """A client that does not read is disconnected when its next event has left the buffer."""
        wire = await self.listen()
        wire.transport.pauseProducing()
        subject = "x" * 20_000
        for _ in range(2000):
            self.machine.device.job_accepted("rx", "a@bench.test", subject=subject)
            await deferLater(reactor, 0, lambda: None)
            if not self.site.channels:
                break
        self.assertEqual(self.site.channels, set())
        wire.transport.resumeProducing()
        await wire.closed

    async def test_sleeping_client(self) -> None:
        """A client that reads nothing for a minute is disconnected."""
        wire = await self.listen()
        wire.transport.pauseProducing()
        subject = "x" * 100_000
        for _ in range(200):
            self.machine.device.job_accepted("rx", "a@bench.test", subject=subject)
        self.clock.pump([15] * 3)
        self.assertTrue(self.site.channels)
        self.clock.advance(15)
        await self.until(lambda: not self.site.channels)
        wire.transport.resumeProducing()
        await wire.closed

    async def test_stop(self) -> None:
        """stop() ends every stream in order, closes idle connections, and stops observing."""
        stream, idle = await self.listen(), await self.connect()
        idle.transport.write(f"GET /healthz HTTP/1.1\r\nHost: {self.where}\r\n\r\n".encode())
        await idle.until(b"ok")
        self.site.stop()
        self.assertTrue((await stream.closed).endswith(b"\r\n0\r\n\r\n"))
        await idle.closed
        self.assertEqual(self.clock_calls(), 0)
        self.machine.device.job_accepted("rx", "a@bench.test")
        await self.site.stop()

    async def test_stop_of_a_slow_client(self) -> None:
        """stop() does not wait for a stream that is not read."""
        wire = await self.listen()
        wire.transport.pauseProducing()
        for _ in range(200):
            self.machine.device.job_accepted("rx", "a@bench.test", subject="x" * 100_000)
        await self.site.stop()
        self.assertEqual(self.site.channels, set())
        wire.transport.resumeProducing()
        await wire.closed

    async def test_stop_aborts(self) -> None:
        """A response that is not read delays stop() by one second."""
        for _ in range(2000):
            self.machine.device.job_accepted("rx", "a@bench.test", subject="x" * 10_000)
        wire = await self.connect()
        wire.transport.pauseProducing()
        ask = f"GET /api/jobs?limit=10000 HTTP/1.1\r\nHost: {self.where}\r\n\r\n"
        wire.transport.write(ask.encode())
        await self.until(lambda: self.site.channels)
        await self.ask("GET", "/healthz")
        stopped = self.site.stop()
        await self.ask("GET", "/healthz")
        self.assertNoResult(stopped)
        self.clock.advance(1)
        wire.transport.resumeProducing()
        await stopped
        await wire.closed

    async def test_too_many(self) -> None:
        """The sixty-first stream of an address is refused with a 503 and a sentence."""
        for _ in range(60):
            await self.listen()
        wire = await self.listen("Connection: close\r\n")
        answer = read_answer(await wire.closed)
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertEqual(
            answer.json()["detail"],
            "127.0.0.1 has 60 event streams open, and may have no more",
        )

    async def test_head(self) -> None:
        """HEAD opens no stream."""
        wire = await self.listen("Connection: close\r\n", method="HEAD")
        self.assertIn(b"text/event-stream", await wire.closed)

    async def test_failing_serializer(self) -> None:
        """An event that cannot be serialized is logged, and the device goes on."""
        await self.listen()
        self.machine.used = None
        self.machine.device.show_status(StatusText.SSL_ERROR_POP, None)
        self.assertEqual(self.machine.device.status.text, "SSL Error (POP)")
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def clock_calls(self) -> int:
        """Count the keep-alive calls that wait on the panel's clock."""
        return len([call for call in self.clock.getDelayedCalls() if call.getTime() % 15 == 0])
