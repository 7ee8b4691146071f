"""Divided mails: the parts wait for each other, whatever order and way they come in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks

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
    """Return a part of a mail about nothing."""
    told = "; ".join(("message/partial", "id=x", f"number={number}", *parameters))
    outer = f"Content-Type: {told}\r\nSubject: x ({number})\r\n\r\n"
    return f"{outer}Content-Type: text/plain\r\n\r\nText {number}.\r\n".encode()


class JoiningTests(PrintingMachineCase):
    """Parts that come to a machine."""

    def setUp(self) -> None:
        """Have a mail in three parts."""
        super().setUp()
        octets = tiff(text_page(1728, 2292), compression="raw")
        self.parts = parts_of(mail("Good morning.", (octets, "image/tiff", "a.tif")))
        self.assertGreaterEqual(len(self.parts), 3)

    @inlineCallbacks
    def receive_all(self, parts: Sequence[bytes]) -> Any:
        """Receive parts; return their jobs in the order of coming."""
        jobs = []
        for one in parts:
            jobs.append((yield self.receive(one)))
        return jobs

    def sorted(self) -> Any:
        """Wait until all that was received is where it is to wait."""
        return self.until(lambda: not self.machine.dispatch._undecided)

    @inlineCallbacks
    def test_any_order(self) -> Any:
        """In whatever order the parts come they are one document, of the first part's number."""
        jobs = yield self.receive_all(self.parts[::-1])
        first = yield self.ended(jobs[-1].number)
        self.assertEqual((first.result, first.pages, first.kind), ("OK", 2, "ifax"))
        (document,) = yield self.printed()
        self.assertEqual((document.number, document.pages), (first.number, 2))
        self.assertEqual(document.subject, "Minutes of the meeting on the third floor")
        self.assertIn("Good morning.", self.text(first.number))
        for job in jobs[:-1]:
            other = yield self.machine.control.job(job.number)
            self.assertEqual(
                (other.result, other.reason),
                ("OK", f"a part of what was printed as {first.number}"),
            )
        self.assertEqual(self.machine.control.memory()[0], 0)

    @inlineCallbacks
    def test_waits(self) -> Any:
        """While a part is missing the others wait in memory, and nothing is printed."""
        jobs = yield self.receive_all(self.parts[:-1])
        yield self.sorted()
        other = yield self.receive(mail("Another."))
        yield self.ended(other.number)
        for job in jobs:
            self.assertEqual((yield self.machine.control.job(job.number)).result, "waiting")
        self.assertGreater(self.machine.control.memory()[0], 0)

    @inlineCallbacks
    def test_over_a_restart(self) -> Any:
        """Parts that came before the machine was switched off are joined with those after."""
        (last,) = yield self.receive_all(self.parts[-1:])
        yield self.machine.stopService()
        self.switch_on()
        jobs = yield self.receive_all(self.parts[:-1])
        yield self.ended(jobs[0].number)
        self.assertEqual((yield self.machine.control.job(last.number)).result, "OK")

    @inlineCallbacks
    def test_twice(self) -> Any:
        """A part that comes twice is printed once, and both are out of memory then."""
        jobs = yield self.receive_all([self.parts[1], *self.parts])
        yield self.ended(jobs[1].number)
        yield self.printed()
        for job in jobs:
            self.assertEqual((yield self.machine.control.job(job.number)).result, "OK")
        self.assertEqual(self.machine.control.memory()[0], 0)

    @inlineCallbacks
    def test_too_late(self) -> Any:
        """A part that does not come within the time of the model makes #848 of the others, on paper too."""
        jobs = yield self.receive_all([part(1, "total=3"), part(2)])
        yield self.sorted()
        (divided,) = self.machine.reassembly._waiting.values()
        left = divided.timer.getTime() - reactor.seconds()
        self.assertTrue(23.9 * _HOUR < left <= 24 * _HOUR, left)
        divided.timer.reset(0)
        for job in jobs:
            ended = yield self.ended(job.number)
            self.assertEqual((ended.result, ended.code), ("NG", "#848"))
            self.assertEqual(
                ended.reason,
                "A divided mail could not be joined: part 3 of 3 did not come within 24 hours.",
            )
        text = self.text(jobs[0].number)
        self.assertIn("Subject: x (1)", text)
        self.assertIn("part 3 of 3 did not come", text)
        self.assertEqual(self.machine.control.memory()[0], 0)

    @inlineCallbacks
    def test_time_goes_on_while_switched_off(self) -> Any:
        """The time of the first part counts also while the machine is switched off."""
        (job,) = yield self.receive_all([part(1, "total=2")])
        yield self.machine.stopService()
        self.later = 25 * _HOUR
        self.switch_on()
        ended = yield self.ended(job.number)
        self.assertEqual(ended.code, "#848")

    @inlineCallbacks
    def test_contradiction(self) -> Any:
        """Parts that say otherwise how many there are, or go behind the last, are #848 at once."""
        for parts in ([part(1, "total=2"), part(2, "total=3")], [part(3), part(2, "total=2")]):
            jobs = yield self.receive_all(parts)
            for job in jobs:
                ended = yield self.ended(job.number)
                self.assertEqual(ended.code, "#848")

    @inlineCallbacks
    def test_no_number(self) -> Any:
        """A part that does not say which it is is #848 by itself."""
        (job,) = yield self.receive_all([part(0)])
        ended = yield self.ended(job.number)
        self.assertEqual((ended.result, ended.code), ("NG", "#848"))

    @inlineCallbacks
    def test_cancelled(self) -> Any:
        """A part can be cancelled; the others wait on, and another of its kind takes its place."""
        jobs = yield self.receive_all([part(1, "total=2"), part(1, "total=2")])
        yield self.sorted()
        yield self.machine.control.cancel_job(jobs[0].number)
        (second,) = yield self.receive_all([part(2)])
        ended = yield self.ended(jobs[1].number)
        self.assertEqual(ended.result, "OK")
        self.assertEqual((yield self.machine.control.job(jobs[0].number)).code, "#995")
        self.assertEqual((yield self.machine.control.job(second.number)).result, "OK")

    @inlineCallbacks
    def test_cancelled_whole(self) -> Any:
        """With one part of a mail that waits for paper go the others."""
        self.machine.control.change_paper(False)
        jobs = yield self.receive_all(self.parts)
        yield self.until(lambda: self.machine.print_queue._waiting)
        yield self.machine.control.cancel_job(jobs[1].number)
        for job in jobs:
            self.assertEqual((yield self.machine.control.job(job.number)).code, "#995")
        self.assertEqual(self.machine.control.memory()[0], 0)

    @inlineCallbacks
    def test_text_twice(self) -> Any:
        """What a part says stands on paper once, however often the part came."""
        jobs = yield self.receive_all([part(1, "total=2"), part(1, "total=2"), part(2)])
        yield self.ended(jobs[0].number)
        self.assertEqual(self.text(jobs[0].number).count("Text 1."), 1)

    @inlineCallbacks
    def test_more_doubles_than_open_files(self) -> Any:
        """More copies of a part than a process may have files open keep nothing from being printed."""
        yield self.receive_all([part(1, "total=2")] * 1100)
        (last,) = yield self.receive_all([part(2)])
        ended = yield self.ended(last.number)
        self.assertEqual(ended.result, "OK")
        self.assertEqual(self.machine.control.memory()[0], 0)

    @inlineCallbacks
    def test_part_taken_by_somebody_else(self) -> Any:
        """Where somebody has deleted a part from memory the others are #848, on paper too."""
        self.machine.control.change_paper(False)
        jobs = yield self.receive_all([part(1, "total=2"), part(2)])
        yield self.until(lambda: self.machine.print_queue._waiting)
        self.machine.storage.memory.path(jobs[1].mail_file).unlink()
        self.machine.control.change_paper(True)
        ended = yield self.ended(jobs[0].number)
        self.assertEqual(ended.code, "#848")
        self.assertIn("Subject: x (1)", self.text(jobs[0].number))

    @inlineCallbacks
    def test_whole_before_its_time(self) -> Any:
        """A mail that was whole in time is joined, however long it waits for paper, over a restart too."""
        self.machine.control.change_paper(False)
        (first,) = yield self.receive_all([part(1, "total=2")])
        for number in range(120):
            yield self.receive(mail(f"Text {number}."))
        (last,) = yield self.receive_all([part(2)])
        yield self.sorted()
        yield self.machine.stopService()
        self.later = 25 * _HOUR
        self.switch_on()
        yield self.sorted()
        (order,) = [
            one for one in self.machine.print_queue._waiting if one.job.serial == first.serial
        ]
        self.assertIsNone(order.instead)
        self.assertEqual([one.job.serial for one in order.mails], [first.serial, last.serial])

    @inlineCallbacks
    def test_again_and_again(self) -> Any:
        """A part that comes thousands of times is #848 with all that came: one document ends few jobs."""
        orders: list[Any] = []
        self.machine.print_queue.enqueue_parts = lambda *given, instead: orders.append(
            (*given, instead)
        )
        yield self.receive_all([part(1, "total=2")])
        yield self.sorted()
        (divided,) = self.machine.reassembly._waiting.values()
        for _ in range(2001):
            self.machine.reassembly.add(divided.parts[1], divided.parts[1].fragment)
        ((parts, doubles, problem),) = orders
        self.assertEqual((len(parts), len(doubles), problem.code), (1, 2001, "#848"))
