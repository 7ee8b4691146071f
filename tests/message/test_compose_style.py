"""A machine's spelling of field names, fields that it leaves out, and fields of its own."""

from __future__ import annotations

import io

from twisted.trial.unittest import SynchronousTestCase

from irsend.message.compose import Draft, compose
from irsend.message.style import Style

DRAFT = Draft(
    at=0.0,
    number="0001",
    count=1,
    sender="ir@bench.test",
    recipients=("me@bench.test",),
    subject="page",
    domain="bench.test",
)


def head(**style: object) -> list[str]:
    """Return the header's lines of a mail in a style."""
    given = {"order": (), "message_id": "{count}", "boundary": "b", "attachment": "a", **style}
    written = io.BytesIO()
    compose(DRAFT, Style(**given), written)  # type: ignore[arg-type]
    return written.getvalue().decode("ascii").partition("\r\n\r\n")[0].split("\r\n")


class StyleTests(SynchronousTestCase):
    """The header of one mail in several styles."""

    def test_spelling(self) -> None:
        """A field is written as the order spells it, and once."""
        lines = head(order=("Message-Id", "Mime-Version"))
        self.assertEqual(lines[:2], ["Message-Id: <0001@bench.test>", "Mime-Version: 1.0"])
        self.assertEqual(sum(one.lower().startswith("message-id:") for one in lines), 1)

    def test_omitted(self) -> None:
        """A field that the machine omits is not there, in whatever case it is named."""
        lines = head(omits=("message-ID", "Content-Transfer-Encoding"))
        names = {one.partition(":")[0] for one in lines}
        self.assertFalse(names & {"Message-ID", "Content-Transfer-Encoding"})
        self.assertIn("MIME-Version", names)

    def test_fixed(self) -> None:
        """Further fields have their value, where the order has them, else behind the others."""
        lines = head(order=("X-Device", "From"), fixed={"X-Device": "MFP 1", "X-Last": "z"})
        self.assertEqual(lines[:2], ["X-Device: MFP 1", "From: ir@bench.test"])
        self.assertEqual(lines[-1], "X-Last: z")
