"""A recorded session of a real program becomes a model, and a machine of it says the same lines.

The same server answers both, by the same script. Compared are all command lines, letter for
letter, answers within a login too (its challenge is the same), and the names of the header's
fields in their order and spelling. Not compared are the number behind SIZE, the values of the
fields, and the content, which is a scan on the machine's side: a mail without an attachment has
no MIME-Version, Content-Type or Content-Transfer-Encoding, and the machine's has.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from twisted.internet.threads import deferToThread

from irsend.device.model import Model, load_model
from irsend.protocols.tls_hello import Hello, read_hello
from irsend.testing import PrinterMixin
from tests.ctl.calls import call
from tests.live.case import LiveTestCase
from tests.live.programs import run
from tests.parts import server_tls
from tests.recording import (
    RecordedSMTP,
    RecordingProxy,
    RecordingServer,
    commands,
    field_names,
)

SENDER, RECIPIENT = "ir@bench.test", "me@bench.test"
USER, PASSWORD = "tim", "tanstaaf"
OFFERS = (b"SIZE 10000000", b"8BITMIME", b"AUTH PLAIN LOGIN CRAM-MD5")
OF_MIME = {"mime-version", "content-type", "content-transfer-encoding"}


def page() -> bytes:
    """Return a small page."""
    written = io.BytesIO()
    Image.new("1", (200, 100), 1).save(written, "PNG")
    return written.getvalue()


def _hello(record: Sequence[tuple[bool, bytes]]) -> Hello:
    """Return the ClientHello of a recorded connection."""
    said = b"".join(octets for by_client, octets in record if by_client)
    hello = read_hello(said[said.index(b"\x16\x03") :])
    assert hello is not None
    return hello


class ReplayTests(PrinterMixin, LiveTestCase):
    """Programs that everybody has, as if they were printers."""

    def setUp(self) -> None:
        """Start the server."""
        LiveTestCase.setUp(self)
        self.server = RecordingServer(*OFFERS)
        listening = self.reactor.listenTCP(0, self.server, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        self.port: int = listening.getHost().port
        self.attached = self.directory / "0485_261128144500_001.txt"
        self.attached.write_text("a page\n")

    def need(self, program: str) -> None:
        """Skip or fail where a program is missing."""
        from tests.live.programs import path_of

        if path_of(program) is None:
            self.lacking(f"{program} must be installed for this test")

    async def record(self, words: Sequence[str], text: str = "") -> RecordedSMTP:
        """Let a program send a mail; return its session."""
        self.need(words[0])
        ended = await run(
            self.reactor,
            list(words),
            given=text.encode(),
            environment={
                "HOME": str(self.directory),
                "MAILRC": "/dev/null",
                "LC_ALL": "C.UTF-8",
            },
        )
        self.assertEqual(len(self.server.sessions), 1, ended.output)
        (session,) = self.server.sessions
        self.assertIn("S: 250 2.0.0 queued", session.lines, ended.output)
        self.keep_evidence("recorded", lambda: session.transcript)
        return session

    async def replay(
        self,
        recorded: RecordedSMTP,
        host: str,
        *,
        login: bool,
        port: int = 0,
        pcap: Path | None = None,
    ) -> Model:
        """Draft a model, let a machine of it send, and compare what both have said; return the model."""
        transcript = self.directory / "transcript.txt"
        transcript.write_text(recorded.transcript)
        words = ["models", "new", "--from", str(transcript), "--name", "replay"]
        words += ["--pcap", str(pcap)] if pcap else []
        draft = await deferToThread(call, *words, url="")
        self.assertEqual((draft.status, draft.err), (0, ""))
        path = self.directory / "replay.toml"
        path.write_text(draft.out)
        self.keep_evidence("draft", lambda: draft.out)
        (sender,) = re.findall(r"C: MAIL FROM:<([^>]*)>", recorded.transcript)
        printer = self.start_printer(
            model=str(path),
            hostnames=(host, "127.0.0.1"),
            email_ifax__smtp_server="127.0.0.1",
            # The address is the user's choice, not the machine's habit.
            email_ifax__email_address=sender,
            service_mode__smtp_tx_port=port or self.port,
            authent_encryption__allow_ssl_smtp_send=pcap is not None,
            authent_encryption__smtp_authentication=login,
            authent_encryption__user=USER,
            authent_encryption__password=PASSWORD,
        )
        job = await printer.send(page(), to=RECIPIENT, subject="test")
        self.assertEqual(job.result, "--", job.reason)
        replayed = self.server.sessions[-1]
        self.keep_evidence("replayed", lambda: replayed.transcript)
        self.assertEqual(commands(replayed), commands(recorded))
        names = field_names(recorded)
        had = {name.lower() for name in names}
        self.assertEqual(
            [
                name
                for name in field_names(replayed)
                if name.lower() in had or name.lower() not in OF_MIME
            ],
            names,
        )
        return load_model(str(path))

    async def test_swaks(self) -> None:
        """swaks, with CRAM-MD5 and its full name: order and spelling of its header, X-Mailer, no SIZE."""
        recorded = await self.record(
            [
                "swaks", "--server", "127.0.0.1", "--port", str(self.port),
                "--helo", "printer.bench.test", "--from", SENDER, "--to", RECIPIENT,
                "--auth-user", USER, "--auth-password", PASSWORD, "--attach", f"@{self.attached}",
            ]
        )  # fmt: skip
        model = await self.replay(recorded, "printer.bench.test", login=True)
        self.assertEqual(model.sasl.plain, ("CRAM-MD5",))
        self.assertEqual(model.sending.extensions, ())
        self.assertIn("Message-Id", model.header.order)
        self.assertTrue(model.header.mailer.startswith("swaks v"))
        self.assertEqual(model.header.message_id, "{stamp}.{count}")

    async def test_swaks_under_tls(self) -> None:
        """With swaks under STARTTLS, captured: the commands again, and a ClientHello with the same lists."""
        self.server.tls = server_tls()
        proxy = RecordingProxy(self.port)
        listening = self.reactor.listenTCP(0, proxy, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        port: int = listening.getHost().port
        recorded = await self.record(
            [
                "swaks", "--server", "127.0.0.1", "--port", str(port), "--tls",
                "--helo", "printer", "--from", SENDER, "--to", RECIPIENT,
                "--auth", "PLAIN", "--auth-user", USER, "--auth-password", PASSWORD,
            ]
        )  # fmt: skip
        pcap = self.directory / "session.pcap"
        proxy.save(pcap, 0)
        model = await self.replay(recorded, "printer", login=True, port=port, pcap=pcap)
        self.assertEqual((model.sasl.secured, model.sasl.plain), (("PLAIN",), ()))
        proxy.save(pcap, 1)
        theirs, ours = (_hello(record) for record in proxy.records)
        self.assertEqual(ours.suites, theirs.suites)
        self.assertEqual(ours.versions, theirs.versions)
        self.assertEqual(ours.groups, theirs.groups)
        # Those that this system's two releases of OpenSSL both have, in swaks's order.
        self.assertEqual(
            [one for one in theirs.signatures if one in ours.signatures], ours.signatures
        )
        self.assertGreater(len(ours.signatures), 5)

    async def test_curl(self) -> None:
        """curl, by its address and with SIZE: a mail without Date, Message-ID and MIME."""
        mail = self.directory / "mail"
        mail.write_bytes(
            b"From: ir@bench.test\r\nX-Device: MFP 1\r\nTo: me@bench.test\r\n\r\na page\r\n"
        )
        recorded = await self.record(
            [
                "curl", "--silent", f"smtp://127.0.0.1:{self.port}/[127.0.0.1]", "-g",
                "--mail-from", SENDER, "--mail-rcpt", RECIPIENT,
                "--user", f"{USER}:{PASSWORD}", "--upload-file", str(mail),
            ]
        )  # fmt: skip
        # The machine writes a subject always.
        recorded.lines.insert(recorded.lines.index("C: To: me@bench.test") + 1, "C: Subject: x")
        model = await self.replay(recorded, "printer.bench.test", login=True)
        self.assertEqual(model.sending.extensions, ("SIZE",))
        self.assertEqual(model.default("quirks.helo_name"), "literal")
        self.assertEqual(model.default("quirks.date"), "none")
        self.assertEqual(model.header.fixed, {"X-Device": "MFP 1"})

    async def test_s_nail(self) -> None:
        """s-nail, by a bare name, with PLAIN that waits to be asked: its User-Agent, its order."""
        recorded = await self.record(
            [
                "s-nail", "-:/", "-Sv15-compat", "-Shostname=printer",
                f"-Smta=smtp://{USER}:{PASSWORD}@127.0.0.1:{self.port}",
                "-Ssmtp-config=-starttls", "-SDEAD=/dev/null", "-r", SENDER,
                "-s", "test", "-a", str(self.attached), "-.", RECIPIENT,
            ],
            "a page\n",
        )  # fmt: skip
        model = await self.replay(recorded, "printer", login=True)
        self.assertEqual(model.default("quirks.helo_name"), "bare")
        self.assertFalse(model.sasl.initial_response)
        self.assertIn("User-Agent", model.header.fixed)

    async def test_mutt(self) -> None:
        """mutt, without a login: its order, and a multipart whose boundary is its own."""
        settings = (
            f"set smtp_url=smtp://127.0.0.1:{self.port}/",
            "set ssl_starttls=no ssl_force_tls=no copy=no use_envelope_from=yes",
            f"set from={SENDER} hostname=printer.bench.test user_agent=yes",
        )
        recorded = await self.record(
            [
                "mutt", "-n", "-F", "/dev/null",
                *(word for one in settings for word in ("-e", one)),
                "-s", "test", "-a", str(self.attached), "--", RECIPIENT,
            ],
            "a page\n",
        )  # fmt: skip
        model = await self.replay(recorded, "printer.bench.test", login=False)
        self.assertEqual(model.sasl.plain, ())
        self.assertIn("{", model.header.boundary)
