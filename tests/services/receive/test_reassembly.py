"""Divided mails: the parts wait for each other, whatever order and way they come in."""

from __future__ import annotations

import io
import os
import resource
from collections.abc import Sequence
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from irsend.message.fragments import fragmented
from tests.imaging.originals import text_page
from tests.imaging.received import mail, tiff
from tests.services.printing import PrintingMachineCase

_HOUR = 3600


def parts_of(content: bytes, limit: int = 200_000) -> list[bytes]:
    """Divide a mail as machines do."""
    content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    message = io.BytesIO(content)
    parts = fragmented(message, len(content), limit)
    return [one.head + content[one.start : one.start + one.length] for one in parts]


def part(number: int, *parameters: str) -> bytes:
    """Return a part of a short mail."""
    of_type = "; ".join(("message/partial", "id=x", f"number={number}", *parameters))
    outer = f"Content-Type: {of_type}\r\nSubject: x ({number})\r\n\r\n"
    return f"{outer}Content-Type: text/plain\r\n\r\nText {number}.\r\n".encode()


class ReassemblyTests(PrintingMachineCase):
    """Parts that come to a machine."""

    def setUp(self) -> None:
        """Divide a mail into three parts."""
        super().setUp()
        octets = tiff(text_page(1728, 2292), compression="raw")
        self.parts = parts_of(mail("Good morning.", (octets, "image/tiff", "a.tif")))
        self.assertGreaterEqual(len(self.parts), 3)

    async def receive_all(self, parts: Sequence[bytes]) -> Any:
        """Receive parts; return their jobs in the order of coming."""
        jobs = []
        for one in parts:
            jobs.append(await self.receive(one))
        return jobs

    def dispatched(self) -> Deferred[None]:
        """Wait until `dispatch` has passed on all that was received."""
        return self.until(lambda: not self.machine.dispatch._undecided)

    async def test_any_order(self) -> None:
        """In whatever order the parts come they are one document, of the first part's number."""
        jobs = await self.receive_all(self.parts[::-1])
        first = await self.ended(jobs[-1].number)
        self.assertEqual((first.result, first.pages, first.kind), ("OK", 2, "ifax"))
        (document,) = await self.printed()
        self.assertEqual((document.number, document.pages), (first.number, 2))
        self.assertEqual(document.subject, "Minutes of the meeting on the third floor")
        self.assertIn("Good morning.", self.text(first.number))
        for job in jobs[:-1]:
            other = await self.machine.control.job(job.number)
            self.assertEqual(
                (other.result, other.reason),
                ("OK", f"a part of what was printed as {first.number}"),
            )
        self.assertEqual(self.machine.control.memory()[0], 0)

    async def test_waits(self) -> None:
        """While a part is missing the others wait in memory, and nothing is printed."""
        jobs = await self.receive_all(self.parts[:-1])
        await self.dispatched()
        other = await self.receive(mail("Another."))
        await self.ended(other.number)
        for job in jobs:
            self.assertEqual((await self.machine.control.job(job.number)).result, "waiting")
        self.assertGreater(self.machine.control.memory()[0], 0)

    async def test_over_a_restart(self) -> None:
        """Parts that came before the machine was switched off are joined with those after."""
        await self.move_to_disk()
        (last,) = await self.receive_all(self.parts[-1:])
        await self.machine.stopService()
        self.switch_on()
        jobs = await self.receive_all(self.parts[:-1])
        await self.ended(jobs[0].number)
        self.assertEqual((await self.machine.control.job(last.number)).result, "OK")

    async def test_twice(self) -> None:
        """A part that comes twice is printed once, and both are out of memory then."""
        jobs = await self.receive_all([self.parts[1], *self.parts])
        await self.ended(jobs[1].number)
        await self.printed()
        for job in jobs:
            self.assertEqual((await self.machine.control.job(job.number)).result, "OK")
        self.assertEqual(self.machine.control.memory()[0], 0)

    async def test_too_late(self) -> None:
        """A part that does not come within the time of the model makes #848 of the others, on paper too."""
        jobs = await self.receive_all([part(1, "total=3"), part(2)])
        await self.dispatched()
        (divided,) = self.machine.reassembly._waiting.values()
        left = divided.timer.getTime() - reactor.seconds()
        self.assertTrue(23.9 * _HOUR < left <= 24 * _HOUR, left)
        divided.timer.reset(0)
        for job in jobs:
            ended = await self.ended(job.number)
            self.assertEqual((ended.result, ended.code), ("NG", "#848"))
            self.assertEqual(
                ended.reason,
                "A divided mail could not be joined: part 3 of 3 did not come within 24 hours.",
            )
        text = self.text(jobs[0].number)
        self.assertIn("Subject: x (1)", text)
        self.assertIn("part 3 of 3 did not come", text)
        self.assertEqual(self.machine.control.memory()[0], 0)

    async def test_time_goes_on_while_switched_off(self) -> None:
        """The time of the first part counts also while the machine is switched off."""
        await self.move_to_disk()
        (job,) = await self.receive_all([part(1, "total=2")])
        await self.machine.stopService()
        self.later = 25 * _HOUR
        self.switch_on()
        ended = await self.ended(job.number)
        self.assertEqual(ended.code, "#848")

    async def test_contradiction(self) -> None:
        """Parts that say otherwise how many there are, or go behind the last, are #848 at once."""
        for parts in ([part(1, "total=2"), part(2, "total=3")], [part(3), part(2, "total=2")]):
            jobs = await self.receive_all(parts)
            for job in jobs:
                ended = await self.ended(job.number)
                self.assertEqual(ended.code, "#848")

    async def test_no_number(self) -> None:
        """A part that does not say which it is is #848 by itself."""
        (job,) = await self.receive_all([part(0)])
        ended = await self.ended(job.number)
        self.assertEqual((ended.result, ended.code), ("NG", "#848"))

    async def test_cancelled(self) -> None:
        """A part can be cancelled; the others wait on, and another of its kind takes its place."""
        jobs = await self.receive_all([part(1, "total=2"), part(1, "total=2")])
        await self.dispatched()
        await self.machine.control.cancel_job(jobs[0].number)
        (second,) = await self.receive_all([part(2)])
        ended = await self.ended(jobs[1].number)
        self.assertEqual(ended.result, "OK")
        self.assertEqual((await self.machine.control.job(jobs[0].number)).code, "#995")
        self.assertEqual((await self.machine.control.job(second.number)).result, "OK")

    async def test_cancelled_whole(self) -> None:
        """With one part of a mail that waits for paper go the others."""
        self.machine.control.change_paper(False)
        jobs = await self.receive_all(self.parts)
        await self.until(lambda: self.machine.print_queue._waiting)
        await self.machine.control.cancel_job(jobs[1].number)
        for job in jobs:
            self.assertEqual((await self.machine.control.job(job.number)).code, "#995")
        self.assertEqual(self.machine.control.memory()[0], 0)

    async def test_text_twice(self) -> None:
        """What a part says stands on paper once, however often the part came."""
        jobs = await self.receive_all([part(1, "total=2"), part(1, "total=2"), part(2)])
        await self.ended(jobs[0].number)
        self.assertEqual(self.text(jobs[0].number).count("Text 1."), 1)

    async def test_more_doubles_than_open_files(self) -> None:
        """More copies of a part than a process may have files open keep nothing from being printed."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 100, hard))
        await self.receive_all([part(1, "total=2")] * (highest + 150))
        (last,) = await self.receive_all([part(2)])
        ended = await self.ended(last.number)
        self.assertEqual(ended.result, "OK")
        self.assertEqual(self.machine.control.memory()[0], 0)

    async def test_part_deleted_by_another_program(self) -> None:
        """Where another program has deleted a part from memory the others are #848, on paper too."""
        self.machine.control.change_paper(False)
        jobs = await self.receive_all([part(1, "total=2"), part(2)])
        await self.until(lambda: self.machine.print_queue._waiting)
        self.machine.storage.memory.path(jobs[1].mail_file).unlink()
        self.machine.control.change_paper(True)
        ended = await self.ended(jobs[0].number)
        self.assertEqual(ended.code, "#848")
        self.assertIn("Subject: x (1)", self.text(jobs[0].number))

    async def test_whole_before_its_time(self) -> None:
        """A mail that was whole in time is joined, however long it waits for paper, over a restart too."""
        await self.move_to_disk()
        self.machine.control.change_paper(False)
        (first,) = await self.receive_all([part(1, "total=2")])
        await gatherResults(self.receive(mail(f"Text {number}.")) for number in range(120))
        (last,) = await self.receive_all([part(2)])
        await self.dispatched()
        await self.machine.stopService()
        self.later = 25 * _HOUR
        self.switch_on()
        await self.dispatched()
        (order,) = [
            one for one in self.machine.print_queue._waiting if one.job.serial == first.serial
        ]
        self.assertIsNone(order.instead)
        self.assertEqual([one.job.serial for one in order.mails], [first.serial, last.serial])

    async def test_again_and_again(self) -> None:
        """A part that comes thousands of times is #848 with all that came: one document ends few jobs."""
        orders: list[Any] = []
        self.machine.print_queue.enqueue_parts = lambda *given, instead: orders.append(
            (*given, instead)
        )
        await self.receive_all([part(1, "total=2")])
        await self.dispatched()
        (divided,) = self.machine.reassembly._waiting.values()
        for _ in range(2001):
            self.machine.reassembly.add(divided.parts[1], divided.parts[1].fragment)
        ((parts, doubles, problem),) = orders
        self.assertEqual((len(parts), len(doubles), problem.code), (1, 2001, "#848"))
