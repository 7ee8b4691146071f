"""POST /api/send: a form of originals, which is written to the disk as it arrives."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import deferLater

from irsend.errors import MemoryFull, ScanRefused
from irsend.panel import PanelOptions
from irsend.panel.uploads import Upload
from tests.panel.served import Answer, ServedPanel, read_answer
from tests.store.shortage import no_file_larger_than

TYPE = "multipart/form-data; boundary=B"


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    """Return a form: name, file name or None, content of each part."""
    written = b""
    for name, filename, content in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        head = f'--B\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        written += head.encode() + content + b"\r\n"
    return written + b"--B--\r\n"


PAGE = ("page", "a.pdf", b"%PDF-1.4 --B\r\n-B\n--B no boundary\r\n")
TO = ("to", None, b"b@bench.test")


class SendTests(ServedPanel):
    """The route."""

    def setUp(self) -> None:
        """Serve; remove the machine's directory behind the test."""
        super().setUp()
        self.addCleanup(shutil.rmtree, self.machine.directory)

    async def post(self, *parts: Any, path: str = "/api/send", **more: Any) -> Answer:
        """Post a form."""
        headers = {"Content-Type": TYPE, **more}
        return await self.ask("POST", path, form(*parts), headers)

    async def not_sent(self, status: int, *parts: Any, **more: str) -> Any:
        """Post a form that is refused; nothing of it stays on the disk, and nothing is ordered."""
        headers = {"Content-Type": TYPE, **more}
        members = await self.refused(status, "POST", "/api/send", form(*parts), headers)
        self.assertEqual(self.machine.orders, [])
        self.assertEqual(list(self.machine.directory.iterdir()), [])
        return members

    async def test_accepted(self) -> None:
        """A form is answered with 202, the job and its Location; the originals are deleted by then."""
        answer = await self.post(
            PAGE,
            ("page", "b.png", b"\x89PNG"),
            TO,
            ("to", None, b"c@bench.test, d@bench.test"),
            ("subject", None, "Grüße".encode()),
            ("format", None, b"tiff"),
        )
        self.assertEqual((answer.status, answer.headers["location"]), (202, "/api/jobs/0001"))
        self.assertEqual(answer.json()["result"], "waiting")
        (order,) = self.machine.orders
        self.assertEqual(order.to, ("b@bench.test", "c@bench.test", "d@bench.test"))
        self.assertEqual((order.subject, order.format, order.kind), ("Grüße", "tiff", "email"))
        self.assertEqual([one.name for one in order.originals], ["a.pdf", "b.png"])
        self.assertEqual(self.machine.contents, [[PAGE[2], b"\x89PNG"]])
        self.assertEqual(list(self.machine.directory.iterdir()), [])

    async def test_waits(self) -> None:
        """With ?wait=1 the answer is 200, when the job has ended."""
        answer = await self.post(PAGE, TO, path="/api/send?wait=1")
        self.assertEqual((answer.status, answer.json()["result"]), (200, "--"))

    async def test_octet_by_octet(self) -> None:
        """A form is read alike in whatever pieces it arrives."""
        body = form(PAGE, TO)
        head = (
            f"POST /api/send HTTP/1.1\r\nHost: {self.where}\r\nConnection: close\r\n"
            f"Content-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        wire = await self.connect()
        wire.transport.setTcpNoDelay(True)
        for octet in head.encode() + body:
            wire.transport.write(bytes([octet]))
            await deferLater(reactor, 0, lambda: None)
        self.assertEqual(read_answer(await wire.closed).status, 202)
        self.assertEqual(self.machine.contents, [[PAGE[2]]])

    async def test_refused_fields(self) -> None:
        """Each wrong field is named, with what is allowed; what is missing too."""
        members = await self.not_sent(422, PAGE, ("to", None, b"x"), ("format", None, b"gif"))
        self.assertEqual(sorted(one["key"] for one in members["errors"]), ["format", "to"])
        members = await self.not_sent(422, TO)
        self.assertEqual([one["key"] for one in members["errors"]], ["page"])
        members = await self.not_sent(422, PAGE, TO, ("colour", None, b"red"))
        self.assertEqual([one["key"] for one in members["errors"]], ["colour"])
        await self.not_sent(400, PAGE, TO, ("subject", None, b"a"), ("subject", None, b"b"))

    async def test_refused_by_the_machine(self) -> None:
        """Originals that cannot be read are 422, a full memory 507; the detail is the machine's sentence."""
        self.machine.sending = fail(ScanRefused("a.pdf is encrypted"))
        members = await self.refused(
            422, "POST", "/api/send", form(PAGE, TO), {"Content-Type": TYPE}
        )
        self.assertEqual(members["detail"], "a.pdf is encrypted")
        self.machine.sending = fail(MemoryFull())
        await self.refused(507, "POST", "/api/send", form(PAGE, TO), {"Content-Type": TYPE})
        self.assertEqual(list(self.machine.directory.iterdir()), [])

    async def test_damaged(self) -> None:
        """A form without boundary or end, or with anything else in it, is damaged."""
        for body, kind in (
            (form(PAGE, TO)[:-7], TYPE),
            (b"hello", TYPE),
            (form(PAGE, TO), "multipart/form-data"),
            (b"--B\r\n" + b"X" * 20_000, TYPE),
        ):
            await self.refused(400, "POST", "/api/send", body, {"Content-Type": kind})
        self.assertEqual(list(self.machine.directory.iterdir()), [])

    async def test_too_long_a_header(self) -> None:
        """Header fields of a part that are too long, or too many, are refused with their limit."""
        for head in (
            b"X: " + b"x" * 20_000,
            b"x" * 20_000 + b": y",
            b"\r\n".join(b"X-%d: y" % number for number in range(3000)),
        ):
            body = b"--B\r\n" + head + b"\r\n\r\nvalue\r\n--B--\r\n"
            members = await self.refused(400, "POST", "/api/send", body, {"Content-Type": TYPE})
            self.assertEqual(
                members["detail"], "The headers of a part of the form have up to 16384 octets"
            )
        # More headers than the parser would take by itself, and each well-formed.
        head = b"".join(b"X-%d: y\r\n" % number for number in range(20))
        body = form(PAGE, TO).replace(b"--B\r\nC", b"--B\r\n" + head + b"C", 1)
        answer = await self.ask("POST", "/api/send", body, {"Content-Type": TYPE})
        self.assertEqual(answer.status, 202)

    async def test_too_many_values(self) -> None:
        """A form has no more values than an order could have; the rest of it is not parsed."""
        many = [("to", None, b"b@bench.test")] * 800
        members = await self.not_sent(413, PAGE, *many)
        self.assertEqual(members["detail"], "A form has up to 150 values beside its pages")
        recipients = [("to", None, b"%d@bench.test" % number) for number in range(100)]
        words = [("subject", None, b"x"), ("text", None, b"x"), ("kind", None, b"email")]
        self.assertEqual((await self.post(PAGE, *recipients, *words)).status, 202)

    async def test_too_large_values(self) -> None:
        """The values of a form are bounded together, since they are in memory."""
        large = [("to", None, b"x" * 400_000)] * 3
        members = await self.not_sent(413, PAGE, *large)
        self.assertIn("1000000 octets together", members["detail"])

    async def test_unknown_names(self) -> None:
        """The first unknown name is refused with the known ones; the response is small."""
        unknown = [(f"field-{number}" + "x" * 100, None, b"") for number in range(20_000)]
        body = form(PAGE, *unknown)
        answer = await self.ask("POST", "/api/send", body, {"Content-Type": TYPE})
        self.assertEqual(answer.status, 422)
        (error,) = answer.json()["errors"]
        self.assertEqual(error["key"], "field-0" + "x" * 50 + "...")
        self.assertIn("there are: page, to, subject", error["problem"])
        self.assertLess(len(answer.body), 1000)

    async def test_page_is_a_file(self) -> None:
        """A page given as a value is refused with a sentence that says how it is given."""
        members = await self.not_sent(422, ("page", None, b"hello"), TO)
        (error,) = members["errors"]
        self.assertEqual(error["key"], "page")
        self.assertIn("page=@", error["problem"])

    async def test_empty_file_field(self) -> None:
        """The file without a name that a browser sends for an empty file field is no original."""
        members = await self.not_sent(422, ("page", "", b""), TO)
        (error,) = members["errors"]
        self.assertEqual(
            error["problem"], "nothing is on the glass; at least one file is needed"
        )
        await self.post(("page", "", b""), PAGE, ("page", "", b"%PDF"), TO)
        self.assertEqual(
            [one.name for one in self.machine.orders[0].originals], ["a.pdf", "a file"]
        )
        self.assertEqual(self.machine.contents, [[PAGE[2], b"%PDF"]])

    async def test_extended_filename(self) -> None:
        """A file that is named by filename* only has that name (RFC 2231)."""
        for given, name in (
            (b"filename*=UTF-8''br%C3%BCcke%20a.pdf", "br\u00fccke a.pdf"),
            (b"filename*0*=UTF-8''br%C3; filename*1*=%BCcke.pdf", "br\u00fccke.pdf"),
            (b"filename=a.pdf; filename*=UTF-8''b.pdf", "a.pdf"),
            (b"filename*=\xff", "?"),
        ):
            self.machine.orders.clear()
            body = form(PAGE, TO).replace(b'filename="a.pdf"', given)
            answer = await self.ask("POST", "/api/send", body, {"Content-Type": TYPE})
            self.assertEqual(answer.status, 202, answer.body)
            self.assertEqual(self.machine.orders[0].originals[0].name, name)

    async def test_too_many_files(self) -> None:
        """More files than the limit are refused with the limit."""
        members = await self.not_sent(422, *[("page", "a.pdf", b"x")] * 1001, TO)
        self.assertEqual(
            members["errors"],
            [{"key": "page", "problem": "there are too many; allowed: up to 1000 files"}],
        )

    async def test_wrong_query(self) -> None:
        """A query that is refused leaves nothing of the form on the disk."""
        for query in ("wait=2", "wait=1&wait=1", "x=%ff", "colour=red"):
            where = f"/api/send?{query}"
            await self.refused(400, "POST", where, form(PAGE, TO), {"Content-Type": TYPE})
            self.assertEqual(list(self.machine.directory.iterdir()), [], query)
        self.assertEqual(self.machine.orders, [])

    async def in_pieces(self, body: bytes) -> Any:
        """Post a form a little at a time; return the answer."""
        head = (
            f"POST /api/send HTTP/1.1\r\nHost: {self.where}\r\nConnection: close\r\n"
            f"Content-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        wire = await self.connect()
        wire.transport.write(head.encode())
        for at in range(0, len(body), 1448):
            wire.transport.write(body[at : at + 1448])
        return read_answer(await wire.closed)

    async def test_full_disk(self) -> None:
        """A full disk is a 507, and what was written is deleted."""
        body = form(("page", "a.pdf", bytes(9_000_000)), TO)
        # The log of this run is a file too, and is to have room.
        with no_file_larger_than(8_000_000):
            answer = await self.in_pieces(body)
        self.assertEqual(answer.status, 507)
        self.assertEqual(list(self.machine.directory.iterdir()), [])

    async def test_no_directory(self) -> None:
        """Originals that cannot be written for another reason are a 500."""
        self.machine.directory /= "missing"
        answer = await self.in_pieces(form(PAGE, TO))
        self.assertEqual(answer.status, 500)
        self.assertIn("cannot be kept", answer.text)

    async def test_no_longer_admitted(self) -> None:
        """A form that is no longer admitted when it is complete leaves nothing on the disk."""
        body = form(PAGE, TO)
        head = (
            f"POST /api/send HTTP/1.1\r\nHost: {self.where}\r\nConnection: close\r\n"
            f"Content-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        wire = await self.connect()
        wire.transport.write(head.encode() + body[:-4])
        while not self.machine.directories_made:
            await deferLater(reactor, 0.01, lambda: None)
        self.site.change_options(PanelOptions(password="marked"))
        wire.transport.write(body[-4:])
        self.assertEqual(read_answer(await wire.closed).status, 401)
        self.assertEqual(list(self.machine.directory.iterdir()), [])

    def test_quiet(self) -> None:
        """A wrong form writes nothing to the log."""
        told: list[logging.LogRecord] = []
        listener = logging.Handler()
        listener.emit = told.append  # type: ignore[method-assign]
        logging.getLogger().addHandler(listener)
        self.addCleanup(logging.getLogger().removeHandler, listener)
        upload = Upload(TYPE.encode(), Path, 1000)
        upload.feed(b"hello")
        self.assertEqual(told, [])
        self.assertEqual(str(upload.problem), "The form is damaged")

    async def test_another_type(self) -> None:
        """Another Content-Type is a 415."""
        await self.refused(415, "POST", "/api/send", {"to": "b@bench.test"})
        await self.refused(415, "POST", "/api/send")

    async def test_too_large(self) -> None:
        """Originals over the limit are a 413, and read to their end."""
        await self.port.stopListening()
        self.serve(most_upload=100_000)
        members = await self.not_sent(413, ("page", "a.pdf", b"x" * 200_000), TO)
        self.assertIn("100000", members["detail"])

    async def test_on_the_disk(self) -> None:
        """A large original is on the disk before its end, and deleted when its client disconnects."""
        head = (
            f"POST /api/send HTTP/1.1\r\nHost: {self.where}\r\nContent-Type: {TYPE}\r\n"
            "Content-Length: 90000000\r\n\r\n"
        )
        wire = await self.connect()
        wire.transport.write(head.encode() + form(("page", "a.pdf", b"x" * 8_000_000))[:-9])
        written = 0
        while written < 7_900_000:
            await deferLater(reactor, 0.01, lambda: None)
            written = sum(one.stat().st_size for one in self.machine.directory.rglob("0000"))
        wire.transport.abortConnection()
        await wire.closed
        while list(self.machine.directory.iterdir()):
            await deferLater(reactor, 0.01, lambda: None)

    async def test_other_origin(self) -> None:
        """A page of another origin cannot send, though browsers let it post forms; nothing is written."""
        await self.not_sent(403, PAGE, TO, Origin="http://evil.test")
        self.assertEqual(self.machine.directories_made, 0)

    async def test_client_gone(self) -> None:
        """A client that disconnects while its originals are scanned cancels the scan."""
        cancelled: list[bool] = []
        self.machine.sending = Deferred(lambda _: cancelled.append(True))
        wire = await self.connect()
        body = form(PAGE, TO)
        head = (
            f"POST /api/send HTTP/1.1\r\nHost: {self.where}\r\nContent-Type: {TYPE}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        wire.transport.write(head.encode() + body)
        while not self.machine.orders:
            await deferLater(reactor, 0.01, lambda: None)
        wire.transport.abortConnection()
        await wire.closed
        while not cancelled:
            await deferLater(reactor, 0.01, lambda: None)
        self.machine.sending.addErrback(lambda failure: failure.trap(CancelledError))
        self.assertEqual(list(self.machine.directory.iterdir()), [])

    async def test_page_event(self) -> None:
        """Each page that is scanned is an event."""
        wire = await self.connect()
        wire.transport.write(f"GET /api/events HTTP/1.1\r\nHost: {self.where}\r\n\r\n".encode())
        await wire.until(b"retry")
        self.machine.device.page_scanned(2, 3)
        heard = await wire.until(b'"pages": 3')
        self.assertIn(b'event: page\ndata: {"direction": "tx", "page": 2, "pages": 3}', heard)


class PasswordTests(ServedPanel):
    """A panel with a password."""

    password = "marked"

    async def test_nothing_is_written_without_password(self) -> None:
        """Without the password nothing is written to the disk."""
        await self.refused(401, "POST", "/api/send", form(PAGE, TO), {"Content-Type": TYPE})
        self.assertEqual(self.machine.directories_made, 0)

    async def test_counts_once(self) -> None:
        """A wrong password counts once for a sending, as for any request."""
        wrong = {"Content-Type": TYPE, "Authorization": "Basic eDp5"}
        for _ in range(5):
            await self.refused(401, "POST", "/api/send", form(PAGE, TO), wrong)
        await self.refused(429, "POST", "/api/send", form(PAGE, TO), wrong)
