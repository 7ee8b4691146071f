"""A mail in parts, put together again as RFC 2046 5.2.2.1 says."""

from __future__ import annotations

import io
import re
from email import message_from_bytes

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.message.partial import divide
from irsend.message.prefixed_file import PrefixedFile
from tests.message.test_compose import attached, composed, letter

_INSIDE = ("content-", "subject:", "message-id:", "encrypted:", "mime-version:")


def parts_of(mail: bytes, limit: int) -> list[bytes]:
    """Return each part as it is sent."""
    return [
        PrefixedFile(part.head, io.BytesIO(mail), part.start, part.length).read()
        for part in divide(io.BytesIO(mail), len(mail), limit)
    ]


def put_together(parts: list[bytes]) -> bytes:
    """Return the mail, by the letter of RFC 2046 5.2.2.1."""
    numbered = {}
    for part in parts:
        message = message_from_bytes(part)
        parameters = dict(message.get_params()[1:])
        numbered[int(parameters["number"])] = part
        assert int(parameters["total"]) == len(parts)
    bodies = [numbered[number].partition(b"\r\n\r\n") for number in sorted(numbered)]
    whole = b"".join(body for _, _, body in bodies)
    inner, _, content = whole.partition(b"\r\n\r\n")

    def fields(head: bytes, inside: bool) -> list[bytes]:
        unfolded = re.split(rb"\r\n(?![ \t])", head)
        return [
            field
            for field in unfolded
            if field and field.decode("ascii").lower().startswith(_INSIDE) == inside
        ]

    outer = fields(bodies[0][0], inside=False)
    return b"\r\n".join([*outer, *fields(inner, inside=True)]) + b"\r\n\r\n" + content


class PartialTests(SynchronousTestCase):
    """message/partial."""

    @given(st.integers(0, 60_000), st.integers(6000, 40_000))
    @settings(max_examples=50, deadline=None)
    def test_any_limit(self, size: int, limit: int) -> None:
        """No part is larger than the limit; together they are the mail, but for the order of its header."""
        _, mail = composed(letter(text="Hello\n", attachments=(attached(b"\x01" * size),)))
        parts = parts_of(mail, limit)
        self.assertTrue(all(len(part) <= limit for part in parts))
        whole = put_together(parts)
        self.assertEqual(whole.partition(b"\r\n\r\n")[2], mail.partition(b"\r\n\r\n")[2])
        self.assertEqual(
            sorted(message_from_bytes(whole).items()), sorted(message_from_bytes(mail).items())
        )

    def test_cut_between_lines(self) -> None:
        """Each part but the last ends at the end of a line, so that none is broken on the way."""
        _, mail = composed(letter(attachments=(attached(b"\x01" * 30_000),)))
        parts = parts_of(mail, 8000)
        self.assertGreater(len(parts), 3)
        self.assertTrue(all(part.endswith(b"\r\n") for part in parts))

    def test_heads(self) -> None:
        """Each part has the mail's addresses, a Message-ID of its own, the same id, and says which it is."""
        known, mail = composed(letter(attachments=(attached(b"\x01" * 20_000),)))
        heads = [message_from_bytes(part) for part in parts_of(mail, 10_000)]
        self.assertEqual(len({head["Message-ID"] for head in heads}), len(heads))
        for number, head in enumerate(heads, 1):
            self.assertEqual(head["From"], "ir@bench.test")
            self.assertEqual(head["Subject"], f"Attached Image ({number}/{len(heads)})")
            self.assertEqual(head.get_param("id"), known.message_id.strip("<>"))

    def test_too_small(self) -> None:
        """A limit that the heads alone would fill is refused."""
        _, mail = composed(letter())
        self.assertRaises(ValueError, divide, io.BytesIO(mail), len(mail), 3000)
