"""Mails as real programs write them: mutt, s-nail and swaks, each handing its mail to a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.live.case import LiveTestCase
from tests.live.programs import run

SENDER, PRINTER = "sender@client.test", "ir@bench.test"


class Mailers:
    """Programs that have their mail delivered by one that keeps it."""

    def __init__(self, test: LiveTestCase) -> None:
        self._test = test
        self._kept = test.directory / "kept.eml"
        self._keep = test.directory / "keep"
        # It is there when it is whole.
        part = test.directory / "kept.part"
        self._keep.write_text(f'#!/bin/sh\ncat > "{part}" && mv "{part}" "{self._kept}"\n')
        self._keep.chmod(0o755)
        # They write what is typed here; and nobody's own settings are read.
        self._environment = {
            "LC_ALL": "C.UTF-8",
            "HOME": str(test.directory),
            "MAILRC": "/dev/null",
        }

    async def mutt(
        self, subject: str, text: str, *attached: Path, charset: str = "utf-8"
    ) -> bytes:
        """Return a mail of mutt's, in a charset, its lines 7 bits wide."""
        settings = (
            *(f"set sendmail={self._keep}", "set copy=no", "set charset=utf-8"),
            *(
                f"set send_charset={charset}",
                f"set attach_charset={charset}",
                "set allow_8bit=no",
            ),
            *(f"set from={SENDER}", "set use_envelope_from=no"),
        )
        words = ["mutt", "-F", "/dev/null", *(word for one in settings for word in ("-e", one))]
        words += ["-s", subject, *(word for one in attached for word in ("-a", str(one)))]
        return await self._kept_by([*words, "--", PRINTER], text)

    async def s_nail(
        self,
        subject: str,
        text: str,
        *attached: Path,
        charset: str = "utf-8",
        encoding: str = "quoted-printable",
    ) -> bytes:
        """Return a mail of s-nail's, which is Debian's Heirloom mailx, in a charset and an encoding."""
        settings = {
            **{"mta": str(self._keep), "ttycharset": "utf-8", "sendcharsets": charset},
            "mime-encoding": encoding,
        }
        words = ["s-nail", "-:/", "-Sv15-compat"]
        words += [f"-S{name}={value}" for name, value in settings.items()]
        words += ["-r", SENDER, "-s", subject]
        words += [word for one in attached for word in ("-a", str(one))]
        return await self._kept_by([*words, "-.", PRINTER], text)

    async def swaks(self, subject: str, text: str, *attached: Path) -> bytes:
        """Return a mail of swaks's."""
        words = [
            "swaks",
            "--dump-mail",
            "--server",
            "127.0.0.1",
            "--from",
            SENDER,
            "--to",
            PRINTER,
        ]
        words += ["--header", f"Subject: {subject}", "--body", text]
        for one in attached:
            words += ["--attach-type", "image/tiff", "--attach-name", one.name]
            words += ["--attach", f"@{one}"]
        program = await run(self._test.reactor, words, environment=self._environment)
        self._test.assertEqual(program.status, 0, program.output)
        return program.output.encode()

    async def _kept_by(self, words: Sequence[str], text: str) -> bytes:
        self._kept.unlink(missing_ok=True)
        program = await run(
            self._test.reactor, words, given=text.encode(), environment=self._environment
        )
        self._test.assertEqual(program.status, 0, program.output)
        # Some leave before what they have started.
        await self._test.until(self._kept.exists, f"the mail of {words[0]}")
        octets = self._kept.read_bytes()
        self._test.keep_evidence(words[0], lambda: octets.decode("utf-8", "replace")[:3000])
        return octets
