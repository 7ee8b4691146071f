"""What arrives at a real relay of what the machine sends: octet for octet, and readable by others."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from tests.imaging.originals import PNG, pdf, photograph
from tests.live.programs import free_port
from tests.live.relay import RelayTestCase
from tests.message.test_fragments import put_together

_OPEN = {"smtpd_relay_restrictions": "permit_mynetworks, reject"}
# Tries until it comes through.
_AGAIN = """\
name = "again"
[sending]
attempts = 100
pause = 1
"""
_NO_LOGIN = {"smtp_authentication": False}


class MailTests(RelayTestCase):
    """A relay that takes mail from this host."""

    programs = (*RelayTestCase.programs, "tiffinfo", "pdfinfo")

    async def bench(self, model: str = "ir2270", **email: Any) -> None:
        """Start both."""
        await self.start_relay(
            {
                "open": _OPEN,
                "small": {**_OPEN, "message_size_limit": "20000"},
                "seven": {**_OPEN, "smtpd_discard_ehlo_keywords": "8bitmime"},
            }
        )
        await self.start_machine(model, authent_encryption=_NO_LOGIN, email_ifax=email)
        await self.machine.change({"service_mode.smtp_tx_port": self.ports["open"]})

    def tool(self, name: str, content: bytes) -> str:
        """Return what a program says of a file."""
        path = self.directory / "attachment"
        path.write_bytes(content)
        told = subprocess.run([name, str(path)], capture_output=True, text=True, check=True)
        self.assertEqual(told.stderr, "")
        return told.stdout

    def noise(self) -> bytes:
        """Return an image that no compression makes small."""
        path = self.directory / "noise.png"
        Image.frombytes("RGB", (1500, 1500), os.urandom(3 * 1500 * 1500)).save(path)
        return path.read_bytes()

    async def test_formats(self) -> None:
        """PDF, TIFF and I-Fax arrive as long as they were sent, and others read them."""
        await self.bench()
        original = pdf(self.directory / "two.pdf", 2).read_bytes()
        forms: tuple[tuple[dict[str, str], str, tuple[str, ...]], ...] = (
            ({"format": "pdf"}, "pdfinfo", ("Pages:           2", "Producer:        irsend")),
            ({"format": "tiff"}, "tiffinfo", ("CCITT Group 4", "Image Width: 1654")),
            (
                {"kind": "ifax"},
                "tiffinfo",
                ("CCITT Group 3", "Image Width: 1728", "lsb-to-msb"),
            ),
        )
        jobs = [
            await self.machine.send(("two.pdf", original), to="b@bench.test", **words)
            for words, _, _ in forms
        ]
        mails = await self.arrival(len(forms))
        by_number = {str(mail["Message-ID"])[-18:-12]: mail for mail in mails}
        self.assertEqual(len(by_number), len(forms))
        ordered = sorted(mails, key=lambda mail: str(mail["Message-ID"]))
        files = sorted(
            self.arrived(), key=lambda path: path.read_bytes().partition(b"CanonTxNo.")[2][:4]
        )
        for job, mail, path, (_, program, told) in zip(
            jobs, ordered, files, forms, strict=True
        ):
            self.assertEqual(job["result"], "--", job)
            self.assertEqual(len(_without_trace(path)), job["size"])
            (attachment,) = mail.iter_attachments()
            said = self.tool(program, attachment.get_payload(decode=True))
            for words in told:
                self.assertIn(words, said)

    async def test_octet_for_octet(self) -> None:
        """What arrives is what stood in the outbox, octet for octet, in each format."""
        model = self.directory / "again.toml"
        model.write_text(_AGAIN)
        await self.bench(str(model))
        await self.machine.change({"service_mode.smtp_tx_port": free_port()})
        original = pdf(self.directory / "two.pdf", 2).read_bytes()
        forms = ({"format": "pdf"}, {"format": "tiff"}, {"format": "jpeg"}, {"kind": "ifax"})
        for words in forms:
            await self.machine.send(
                ("two.pdf", original),
                to="b@bench.test",
                wait=False,
                subject="Straße",
                text=".\n..\nFrom here\n",
                **words,
            )
        sent = {path.read_bytes() for path in self.machine.state.glob("outbox/[0-9]*/message")}
        self.assertEqual(len(sent), len(forms))
        await self.machine.change({"service_mode.smtp_tx_port": self.ports["open"]})
        await self.arrival(len(forms))
        self.assertEqual({_without_trace(path) for path in self.arrived()}, sent)

    async def test_words(self) -> None:
        """Subject and text in any script are read back by others, in 7 bit and in 8 bit."""
        subject, text = "Prüfbericht № 7 検査", "Grüße\nиз офиса\n"
        await self.bench("iradvance")
        await self.machine.send(("p.png", PNG), to="b@bench.test", subject=subject, text=text)
        await self.machine.change({"service_mode.smtp_tx_port": self.ports["seven"]})
        await self.machine.send(("p.png", PNG), to="b@bench.test", subject=subject, text=text)
        mails = await self.arrival(2)
        for mail in mails:
            self.assertEqual(mail["Subject"], subject)
            body = mail.get_body()
            assert body is not None
            self.assertEqual(body.get_content().replace("\r\n", "\n"), text)
        forms = sorted(str(mail["Content-Transfer-Encoding"]) for mail in mails)
        self.assertEqual(forms, ["7bit", "8bit"])

    async def test_recipients(self) -> None:
        """A recipient whom the relay does not know is #806; the others have their mail."""
        await self.bench()
        job = await self.machine.send(("p.png", PNG), to=["b@bench.test", "nobody@bench.test"])
        told = [(one["address"], one["result"], one["code"]) for one in job["recipients"]]
        self.assertEqual(
            told, [("b@bench.test", "--", None), ("nobody@bench.test", "NG", "#806")]
        )
        self.assertEqual((job["result"], job["code"]), ("NG", "#806"))
        await self.arrival(1)

    async def test_size(self) -> None:
        """A mail over the relay's SIZE is refused at MAIL, before a line of it is sent."""
        await self.bench()
        photo = self.directory / "photo.png"
        photograph(900, 900).save(photo)
        await self.machine.change({"service_mode.smtp_tx_port": self.ports["small"]})
        job = await self.machine.send(("photo.png", photo.read_bytes()), to="b@bench.test")
        self.assertEqual((job["result"], job["code"]), ("NG", "#801"))
        transcript = await self.machine.transcript(job["sessions"][0])
        self.assertIn(f"SIZE={job['size']}", transcript)
        self.assertIn("S: 552", transcript)
        self.assertNotIn("C: DATA", transcript)

    async def test_divided(self) -> None:
        """Over Maximum Data Size it is #705, or goes in parts that make the mail again."""
        await self.bench(maximum_data_size=1)
        page = ("noise.png", self.noise())
        job = await self.machine.send(
            page, to="b@bench.test", format="jpeg", resolution="300x300"
        )
        self.assertEqual((job["code"], job["sessions"]), ("#705", []))
        await self.machine.change({"email_ifax.divided_send": True})
        job = await self.machine.send(
            page, to="b@bench.test", format="jpeg", resolution="300x300"
        )
        self.assertEqual(job["result"], "--")
        count = -(-job["size"] // 1_000_000)
        await self.arrival(count)
        whole = put_together([_without_trace(path) for path in self.arrived()])
        self.assertEqual(len(whole), job["size"])

    async def test_large(self) -> None:
        """A scan of 20 MB arrives whole."""
        await self.bench(maximum_data_size=0)
        noise = self.noise()
        pages = [(f"{n}.png", noise) for n in range(12)]
        job = await self.machine.send(
            *pages, to="b@bench.test", format="jpeg", resolution="600x600"
        )
        self.assertEqual(job["result"], "--", job)
        self.assertGreater(job["size"], 20_000_000)
        (mail,) = await self.arrival(1)
        self.assertEqual(len(list(mail.iter_attachments())), 12)

    async def test_pop_before_sending(self) -> None:
        """The POP login ends 300 ms before SMTP begins; a wrong password is #813, and nothing is sent."""
        await self.bench()
        await self.machine.change(
            {
                "authent_encryption.pop_auth_before_sending": True,
                "email_ifax.pop_server": "127.0.0.1",
                "email_ifax.pop_address": "ir@bench.test",
                "email_ifax.pop_password": "hectograph",
                "service_mode.pop3_port": self.dovecot.port,
            }
        )
        job = await self.machine.send(("p.png", PNG), to="b@bench.test")
        self.assertEqual(job["result"], "--", job)
        pop, smtp = [await self.machine.session(one) for one in job["sessions"]]
        self.assertEqual((pop["kind"], smtp["kind"]), ("pop-receive", "smtp-send"))
        # Both are told to the millisecond.
        between = round(1000 * (_seconds(smtp["started"]) - _seconds(pop["ended"])))
        self.assertGreaterEqual(between, 299)
        await self.machine.change({"email_ifax.pop_password": "wrong"})
        job = await self.machine.send(("p.png", PNG), to="b@bench.test")
        self.assertEqual((job["code"], len(job["sessions"])), ("#813", 1))


class PowerTests(RelayTestCase):
    """The power fails while jobs wait and run."""

    async def test_each_job_ends_once(self) -> None:
        """Through SIGKILLs at any moment every accepted job ends, and its mail arrives."""
        await self.start_relay({"open": _OPEN})
        await self.start_machine(authent_encryption=_NO_LOGIN)
        await self.machine.change({"service_mode.smtp_tx_port": self.ports["open"]})
        accepted = []
        for round_ in range(5):
            for _ in range(4):
                job = await self.machine.send(
                    ("p.png", PNG), to="b@bench.test", wait=False, subject=f"round {round_}"
                )
                accepted.append(job["number"])
            await self.machine.kill()
            await self.machine.start()
        self.assertEqual(accepted, [f"{number:04d}" for number in range(1, 21)])

        async def results() -> dict[str, str]:
            jobs = await self.machine.get("/api/jobs?limit=1000")
            return {job["number"]: job["result"] for job in jobs}

        for _ in range(200):
            told = await results()
            if set(told.values()) == {"--"} and len(told) == len(accepted):
                break
        self.assertEqual(told, dict.fromkeys(accepted, "--"))
        mails = await self.arrival(len(accepted))
        identities = [str(mail["Message-ID"]) for mail in mails]
        numbers = {one.rpartition(".")[0].rpartition("CanonTxNo.")[2][:4] for one in identities}
        self.assertEqual(numbers, set(accepted))


def _without_trace(path: Path) -> bytes:
    """Return a mail as it came: without what the relay put above it, its line ends CR LF again."""
    arrived = path.read_bytes().replace(b"\n", b"\r\n")
    return arrived[arrived.index(b"\r\nDate: ") + 2 :]


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
